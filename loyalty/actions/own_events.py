"""What this shop itself knows, beside what its website sends: under the names the website calls its shoppers by.

Copies of the log, made by a follower. So they can be forgotten and told again, whenever the names change.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from config.shared.errors import DomainError
from config.shared.trail import note_change
from loyalty.models import OwnEvents
from loyalty.queries.own_events import onlookers
from tracking.actions import own_events as told
from tracking.actions.projections import read_again
from tracking.models import Partner

FOLLOWER = "loyalty.own_events"


class SeenByOthers(DomainError):
    code = "seen_by_others"

    def __init__(self, who: str, instead: str) -> None:
        super().__init__(
            f"{who}, who would see every member's orders, points and messages. Say that they may, or {instead}."
        )


_NAMES = {
    OwnEvents.NamedBy.MEMBER_ID: "member.public_id::text",
    OwnEvents.NamedBy.CUSTOMER_NUMBER: "coalesce(member.external_id, member.public_id::text)",
    OwnEvents.NamedBy.EMAIL: "coalesce(member.email, member.public_id::text)",
}
_ABOUT = """
    SELECT event.id, {name}
    FROM tracking_event event
    JOIN loyalty_member member
        ON member.public_id = CASE WHEN pg_input_is_valid(event.subject, 'uuid') THEN event.subject::uuid END
    WHERE event.id = ANY(%(events)s)
"""


@transaction.atomic
def switch_on(*, partner: Partner, named_by: str, may_be_seen: bool, now: datetime) -> OwnEvents:
    """Tell the shop's own events beside those of `partner`, from the beginning of the log.

    Where they stood with another partner or under other names, all of it is forgotten there and told anew. Raises
    SeenByOthers when people with a login of the partner would see them and nobody said that they may, and NameTaken.
    """
    read_again(FOLLOWER)  # First, so that a step that is under way is over before anything changes.
    people = onlookers(partner, now=now)
    if people and not may_be_seen:
        raise SeenByOthers(f"{partner} has {people} with a login or an invitation", "choose another partner")
    own = OwnEvents.objects.select_related("system__partner").first()
    if own is None:
        return OwnEvents.objects.create(pk=1, system=told.add_own_system(partner=partner), named_by=named_by)
    is_moved, is_renamed = told.move_own_system(own.system, to=partner), own.named_by != named_by
    told.switch_own_system(own.system, is_active=True)
    begins_anew = own.begins_anew or is_moved or is_renamed
    OwnEvents.objects.filter(pk=own.pk).update(named_by=named_by, begins_anew=begins_anew)
    note_change(own, named_by=(own.named_by, named_by))
    return OwnEvents.objects.select_related("system__partner").get()


@transaction.atomic
def tell_all_again() -> None:
    """For when members have got the names by now that their first events had to do without."""
    read_again(FOLLOWER)
    OwnEvents.objects.update(begins_anew=True)


def switch_off(own: OwnEvents) -> bool:
    """Nothing new is told; what was told stays. False when it was off already."""
    return told.switch_own_system(own.system, is_active=False)


def tell_members(event_ids: Sequence[int], *, now: datetime) -> int:
    """Tell those of these events that are to be told and are about a member; how many were new."""
    own = OwnEvents.objects.select_related("system").first()
    if own is None or not own.system.is_active:
        return 0
    if own.begins_anew:
        told.forget(own.system)
        OwnEvents.objects.filter(pk=own.pk).update(begins_anew=False)
    about = _ABOUT.format(name=_NAMES[OwnEvents.NamedBy(own.named_by)])
    return told.tell(own.system, about=about, asked={"events": list(event_ids)}, now=now)
