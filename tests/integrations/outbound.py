"""What tests of events out share: a destination, members to whom something happens, and the telling of it."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.shared.sealing import unseal
from integrations.models import Destination, OutboundDelivery
from integrations.outbound import delivering, managing
from loyalty.actions import members
from loyalty.events import OrderPaid
from loyalty.models import Member
from tracking.actions import record

Status = OutboundDelivery.Status
JOINED, PAID, LEFT = "member.joined", "order.paid", "member.left"


@dataclass
class House:
    """`began` lies a little ahead of the database's clock, so that what happened is due; time is counted from it."""

    follow: Callable[[], None]
    now: dt.datetime
    began: dt.datetime

    def join(self, name: str = "Ada", **contacts: str) -> Member:
        return members.join(name=name, source="till", now=self.now, **contacts)

    def pay(self, member: Member, *numbers: int) -> None:
        for number in numbers:
            event = OrderPaid(
                subject=str(member.public_id), order=f"A-{number}", store="Harbor", total="64.50", currency="USD"
            )
            with transaction.atomic():
                record(event, key=f"A-{number}", at=self.now)

    def webhook(self, url: str, name: str = "Warehouse", events: tuple[str, ...] = (JOINED, PAID, LEFT)) -> Destination:
        return self.destination("webhook", {"url": url}, name=name, events=events)

    def destination(self, kind: str, options: dict[str, Any], **more: Any) -> Destination:
        asked = {"name": "Warehouse", "events": (JOINED, PAID, LEFT), "tells_people": False, "secret": ""} | more
        return managing.create(kind=kind, options=options, by_id=None, now=self.now, **asked).destination

    def deliver(self, **later: float) -> int:
        """Once, so much later than everything began."""
        self.follow()
        moment = self.began + dt.timedelta(**later)
        return delivering.deliver(clock=lambda: moment)


def a_house(follow: Callable[[], None], now: dt.datetime) -> House:
    return House(follow, now, timezone.now() + dt.timedelta(minutes=1))


def secret_of(destination: Destination) -> str:
    return unseal(Destination.objects.get(pk=destination.pk).secret)


def statuses(**which: Any) -> list[str]:
    return list(OutboundDelivery.objects.filter(**which).order_by("pk").values_list("status", flat=True))
