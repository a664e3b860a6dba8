"""What events are called. Plain Python."""


def in_words(name: str) -> str:
    """`Points awarded` for points.awarded: for people who read what happened."""
    return name.replace(".", " ").replace("_", " ").capitalize()
