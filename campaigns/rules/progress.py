"""How far a send has come, and how a provider's report moves it on: never back. Plain Python."""

# A report moves a send to its state from these and no others.
_MOVES: dict[str, tuple[str, frozenset[str]]] = {
    "accepted": ("SENT", frozenset({"HANDING_OFF", "UNKNOWN"})),
    # Whoever has it has it: whatever we believed of it, it never goes out again.
    "delivered": (
        "DELIVERED",
        frozenset({"PENDING", "CLAIMED", "HANDING_OFF", "UNKNOWN", "SENT", "FAILED", "CANCELLED", "SUPPRESSED"}),
    ),
    "failed": ("FAILED", frozenset({"HANDING_OFF", "UNKNOWN", "SENT"})),
    # A mail server may take a message and send it back later.
    "bounced": ("BOUNCED", frozenset({"HANDING_OFF", "UNKNOWN", "SENT", "DELIVERED"})),
    "complained": ("COMPLAINED", frozenset({"HANDING_OFF", "UNKNOWN", "SENT", "DELIVERED", "BOUNCED"})),
}


def after_report(status: str, kind: str) -> str:
    """The state of a send with `status` once its provider said `kind`. An older report changes nothing."""
    target, sources = _MOVES.get(kind, (status, frozenset()))
    return target if status in sources else status
