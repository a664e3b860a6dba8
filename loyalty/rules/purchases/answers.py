"""Yes and no as tills and mailing lists write them, in English, German and Spanish."""

_YES = frozenset(
    "yes y true t 1 on ✓ opt-in opted-in subscribed agreed granted ja j wahr eingewilligt zugestimmt".split()
)
_YES |= frozenset("sí si s verdadero acepta aceptado suscrito".split())
_NO = frozenset("no n false f 0 off opt-out opted-out unsubscribed declined withdrawn revoked".split())
_NO |= frozenset("nein falsch abgelehnt abgemeldet widerrufen falso rechaza rechazado baja".split())


class NotAnAnswer(ValueError):
    """Neither a yes nor a no."""


def yes_or_no(text: str) -> bool:
    """Raises NotAnAnswer for anything that is not plainly one of the two."""
    word = "-".join(text.casefold().split())
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise NotAnAnswer(text[:40])
