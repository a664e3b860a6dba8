from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from integrations.inbound.base import Sender
from integrations.inbound.senders import senders
from integrations.models import InboundCall, ProviderReport


@dataclass(frozen=True)
class SenderState:
    """One provider, whether it may call, and what came of it since midnight on the business's clock."""

    sender: Sender
    address: str
    is_set_up: bool
    last_call_at: datetime | None
    calls_today: int
    reports_today: int
    waiting: int


def sender_states(now: datetime) -> list[SenderState]:
    """Those that are set up first, and what stands for any other provider last."""
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    last = _by_sender(InboundCall.objects.values("sender").annotate(found=Max("received_at")))
    calls = _by_sender(_counted(InboundCall.objects.filter(received_at__gte=today)))
    reports = _by_sender(_counted(ProviderReport.objects.filter(call__received_at__gte=today)))
    waiting = _by_sender(_counted(InboundCall.objects.filter(status=InboundCall.Status.NEW)))
    states = [
        SenderState(
            sender=sender,
            address=f"{settings.PUBLIC_URL}/hooks/{name}/",
            is_set_up=bool(settings.INBOUND_SECRETS.get(sender.variable)),
            last_call_at=last.get(name),
            calls_today=calls.get(name, 0),
            reports_today=reports.get(name, 0),
            waiting=waiting.get(name, 0),
        )
        for name, sender in senders().items()
    ]
    return sorted(states, key=lambda state: (not state.is_set_up, state.sender.name == "generic", state.sender.label))


def _counted(rows: QuerySet) -> QuerySet:
    return rows.values("sender").annotate(found=Count("pk"))


def _by_sender(rows: QuerySet) -> dict:
    return dict(rows.order_by("sender").values_list("sender", "found"))


def unreadable_calls() -> QuerySet[InboundCall]:
    """What was not understood, the newest first."""
    unread = InboundCall.objects.filter(status=InboundCall.Status.UNREADABLE)
    return unread.defer("body").order_by("-received_at", "-pk")
