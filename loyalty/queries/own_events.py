"""How the shop's own events stand, and who would see them."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from loyalty.models import OwnEvents
from loyalty.queries.people import open_invitations, partner_logins
from tracking.models import HourCount, Partner
from tracking.queries import events_left


@dataclass(frozen=True)
class Onlookers:
    """People of a partner who have a login, or an invitation to one. None of them: false."""

    logins: int
    invitations: int

    def __bool__(self) -> bool:
        return bool(self.logins or self.invitations)

    def __str__(self) -> str:
        count = self.logins + self.invitations
        return "1 person" if count == 1 else f"{count} people"


@dataclass(frozen=True)
class OwnEventsState:
    """`told` of them can be read now; `left` events of the log were not looked at yet."""

    own: OwnEvents
    told: int
    left: int

    @property
    def is_on(self) -> bool:
        return self.own.system.is_active

    @property
    def is_catching_up(self) -> bool:
        return self.is_on and (self.own.begins_anew or self.left > 0)


def onlookers(partner: Partner, *, now: datetime) -> Onlookers:
    logins = partner_logins().filter(partner_access__partner=partner, is_active=True)
    return Onlookers(logins.count(), open_invitations(now).filter(partner=partner).count())


def are_seen_at(partner: Partner) -> bool:
    """Whether whoever has a login of this partner sees what was told of the shop; switched off, it stays to be seen."""
    return OwnEvents.objects.filter(system__partner=partner).exists()


def own_events_state(follower: str) -> OwnEventsState | None:
    """None as long as they were never switched on."""
    own = OwnEvents.objects.select_related("system__partner").first()
    if own is None:
        return None
    counts = HourCount.objects.filter(system_id=own.system_id).aggregate(told=Sum("valid"))
    return OwnEventsState(own, told=counts["told"] or 0, left=events_left(follower))
