class DomainError(Exception):
    """The business said no. The message is safe to show to the person who asked, and says what to change."""

    code = "refused"
