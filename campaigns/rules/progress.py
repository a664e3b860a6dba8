"""How far a send has come, and how a provider's report moves it on: never back. Plain Python."""

_NOT_THERE_YET = frozenset({"PENDING", "CLAIMED", "HANDING_OFF", "UNKNOWN", "SENT"})
_DONE_WITH = frozenset({"FAILED", "CANCELLED", "SUPPRESSED"})
# A report moves a send to its state from these and no others. What arrived, came back or was complained of had left,
# whatever we believed of it, and never goes out again.
_MOVES: dict[str, tuple[str, frozenset[str]]] = {
    "accepted": ("SENT", frozenset({"HANDING_OFF", "UNKNOWN"})),
    "failed": ("FAILED", frozenset({"HANDING_OFF", "UNKNOWN", "SENT"})),
    "delivered": ("DELIVERED", _NOT_THERE_YET | _DONE_WITH),
    # A mail server may take a message and send it back later.
    "bounced": ("BOUNCED", _NOT_THERE_YET | _DONE_WITH | {"DELIVERED"}),
    "complained": ("COMPLAINED", _NOT_THERE_YET | _DONE_WITH | {"DELIVERED", "BOUNCED"}),
}


def after_report(status: str, kind: str) -> str:
    """The state of a send with `status` once its provider said `kind`. An older report changes nothing."""
    target, sources = _MOVES.get(kind, (status, frozenset()))
    return target if status in sources else status
