"""Openings, clicks and unsubscribes, as the links in a message tell them."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Min, Value
from django.db.models.functions import Coalesce

from campaigns.events import MemberUnsubscribed, MessageClicked, MessageOpened
from campaigns.models import Send, Touch
from campaigns.rules import machines
from config.shared.live import announce
from loyalty.actions.members import set_consent
from loyalty.models import Consent
from tracking.actions import record

Kind = Touch.Kind
REPEATED_OPEN = timedelta(minutes=1)


@transaction.atomic
def note_open(*, send: Send, user_agent: str, now: datetime) -> None:
    machine = machines.opened_by_machine(user_agent=user_agent, since_sent=_since_sent(send, now))
    if send.touches.filter(kind=Kind.OPEN, machine=machine, at__gt=now - REPEATED_OPEN).exists():
        return
    touch = _touch(send, Kind.OPEN, now, machine=machine, user_agent=user_agent)
    if not machine:
        Send.objects.filter(pk=send.pk).update(opened_at=Coalesce(F("opened_at"), Value(now)))
    event = MessageOpened(
        subject=str(send.member.public_id),
        send=str(send.public_id),
        campaign=str(send.campaign.public_id),
        machine=machine,
    )
    _tell(send, touch, event, now)


@transaction.atomic
def note_click(*, send: Send, url: str, method: str, user_agent: str, now: datetime) -> None:
    """Note a click; one that shows others to be a machine's marks them too."""
    Send.objects.select_for_update().get(pk=send.pk)
    others = send.touches.filter(kind=Kind.CLICK, at__gt=now - machines.TOO_FAST).exclude(url=url)
    latest = others.order_by("-at").first()
    machine = machines.clicked_by_machine(
        method=method,
        user_agent=user_agent,
        since_sent=_since_sent(send, now),
        seconds_to_other_link=None if latest is None else (now - latest.at).total_seconds(),
    )
    touch = _touch(send, Kind.CLICK, now, url=url, machine=machine, user_agent=user_agent)
    if machine and latest is not None:
        others.filter(machine="").update(machine=machine)
    _keep_first_click(send)
    event = MessageClicked(
        subject=str(send.member.public_id),
        send=str(send.public_id),
        campaign=str(send.campaign.public_id),
        url=url,
        machine=machine,
    )
    _tell(send, touch, event, now)


@transaction.atomic
def unsubscribe(*, send: Send, address: str | None, now: datetime) -> None:
    """Withdraw the consent to marketing on this send's channel. Doing it twice changes nothing."""
    set_consent(
        member=send.member,
        channel=send.channel,
        topic=Consent.Topic.MARKETING,
        is_granted=False,
        wording="Unsubscribe link in a message",
        source="unsubscribe link",
        address=address,
        by=None,
        now=now,
    )
    if not Send.objects.filter(pk=send.pk, unsubscribed_at=None).update(unsubscribed_at=now):
        return
    touch = _touch(send, Kind.UNSUBSCRIBE, now)
    event = MemberUnsubscribed(
        subject=str(send.member.public_id),
        send=str(send.public_id),
        campaign=str(send.campaign.public_id),
        channel=send.channel,
    )
    _tell(send, touch, event, now)


def _touch(send: Send, kind: str, at: datetime, *, url: str = "", machine: str = "", user_agent: str = "") -> Touch:
    return Touch.objects.create(
        send=send, kind=kind, at=at, url=url[:2000], machine=machine, user_agent=user_agent[:300]
    )


def _tell(send: Send, touch: Touch, event: MessageOpened | MessageClicked | MemberUnsubscribed, now: datetime) -> None:
    record(event, key=str(touch.pk), at=now)
    announce(f"campaign:{send.campaign.public_id}")


def _keep_first_click(send: Send) -> None:
    """The first click by a person, which also proves an opening."""
    first = send.touches.filter(kind=Kind.CLICK, machine="").aggregate(at=Min("at"))["at"]
    Send.objects.filter(pk=send.pk).update(clicked_at=first, opened_at=Coalesce(F("opened_at"), Value(first)))


def _since_sent(send: Send, now: datetime) -> timedelta | None:
    return None if send.sent_at is None else now - send.sent_at
