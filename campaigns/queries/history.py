"""What became of one message: its own moves, what its provider said, and what its reader did, in one order."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateformat import format as formatted
from django.utils.timezone import localtime

from campaigns.models import Campaign, Send, SendMove, Touch
from campaigns.models.sends import TONES
from campaigns.queries import results
from config.shared.masking import masked
from integrations.models import ProviderReport
from loyalty.queries.members import about

Status = Send.Status
# The ends a planned message comes to, or waits for. Each state of a send belongs to one: so they add up to all planned.
ENDS = ("sent", "failed", "suppressed", "unknown", "cancelled", "waiting")
_ICONS = {Touch.Kind.OPEN: "mail-opened", Touch.Kind.CLICK: "click", Touch.Kind.UNSUBSCRIBE: "mail-off"}
_MOVES = {
    Status.PENDING: "Waits",
    Status.CLAIMED: "Taken up by a worker",
    Status.HANDING_OFF: "Being handed to the provider",
    Status.SENT: "Taken by the provider",
}
LINES = 1_000


@dataclass(frozen=True)
class Tally:
    """How many messages were planned, and what they came to: (name, label, how many)."""

    planned: int
    ends: list[tuple[str, str, int]]


def tally(campaign: Campaign) -> Tally:
    counted = results.results_of(campaign)
    labels = {"sent": "left us", "unknown": "in doubt"}
    return Tally(counted.planned, [(name, labels.get(name, name), getattr(counted, name)) for name in ENDS])


def found(sends: QuerySet[Send], search: str, *, may_see: bool) -> QuerySet[Send]:
    """Of these, to members that a search among members finds as well, or with this provider's number.

    Whoever may see addresses finds by the beginning of the one it was sent to, too: it may be another by now.
    """
    if not search:
        return sends
    wanted = about(search, may_see=may_see, of="member__") | Q(provider_id=search)
    return sends.filter(wanted | Q(recipient__istartswith=search) if may_see else wanted)


def happenings(send: Send, *, may_see: bool) -> list[dict[str, Any]]:
    """Oldest first, as components/timeline.html wants them. Mail servers repeat addresses in what they refuse."""
    rows = [*_moves(send), *_reports(send), *_touches(send)]
    for row in rows:
        row["text"] = row["text"] if may_see else masked(row["text"])
    return sorted(rows, key=lambda row: row["at"])


def lines(campaign: Campaign) -> QuerySet[SendMove]:
    """Every move of every message of a campaign, for the export."""
    return SendMove.objects.filter(send__campaign=campaign).select_related("send__member").order_by("send_id", "pk")


def _moves(send: Send) -> list[dict[str, Any]]:
    moves = [_moved(move) for move in send.moves.all()[:LINES]]
    if send.created_at is None:
        return moves
    return [{"title": "Planned", "text": "", "at": send.created_at, "icon": "calendar", "tone": "neutral"}, *moves]


def _moved(move: SendMove) -> dict[str, Any]:
    status = Status(move.status)
    waits = status == Status.PENDING and move.due_at > move.at
    return {
        "title": f"Waits until {formatted(localtime(move.due_at), 'M j, g:i a')}" if waits else _title(status),
        "text": move.note,
        "at": move.at,
        "icon": "send" if status == Status.SENT else "point",
        "tone": TONES.get(status, "neutral"),
    }


def _title(status: Send.Status) -> str:
    return _MOVES.get(status, status.label)


def _reports(send: Send) -> list[dict[str, Any]]:
    named = Q(message_id=send.message_id) & ~Q(message_id="")
    if send.provider_id:
        named |= Q(provider_id=send.provider_id, channel=send.channel) & ~Q(provider_id="")
    return [
        {
            "title": f"{report.sender} reported: {report.get_kind_display().lower()}",
            "text": report.reason,
            "at": report.occurred_at,
            "icon": "webhook",
            "tone": "info",
        }
        for report in ProviderReport.objects.filter(named).order_by("pk")[:LINES]
    ]


def _touches(send: Send) -> list[dict[str, Any]]:
    return [
        {
            "title": touch.get_kind_display() + (" by a machine" if touch.machine else ""),
            "text": touch.url,
            "at": touch.at,
            "icon": _ICONS.get(Touch.Kind(touch.kind), "point"),
            "tone": "neutral" if touch.machine else "success",
        }
        for touch in send.touches.order_by("pk")[:LINES]
    ]
