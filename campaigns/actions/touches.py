"""Openings, clicks and unsubscribes, as the links in a message tell them."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, Q

from campaigns.actions.reports import mark_delivered
from campaigns.events import MemberUnsubscribed, MessageClicked, MessageOpened
from campaigns.models import Send, Touch
from campaigns.rules import machines
from campaigns.rules.progress import after_report
from campaigns.sending import dispatch
from config.shared.live import announce
from integrations.models import ProviderReport
from loyalty.actions.members import set_consent
from loyalty.models import Consent
from tracking.actions import record

Kind = Touch.Kind
REPEATED_OPEN = timedelta(minutes=1)


@transaction.atomic
def note_open(*, send: Send, method: str, user_agent: str, now: datetime) -> None:
    """Note an opening; the same reader again within a minute is not told twice."""
    _lock(send)
    machine = machines.opened_by_machine(method=method, user_agent=user_agent, since_sent=_since_sent(send, now))
    if send.touches.filter(kind=Kind.OPEN, machine=machine, at__gt=now - REPEATED_OPEN).exists():
        return
    touch = _touch(send, Kind.OPEN, now, machine=machine, user_agent=user_agent)
    event = MessageOpened(
        subject=str(send.member.public_id),
        send=str(send.public_id),
        campaign=str(send.campaign.public_id),
        machine=machine,
    )
    _tell(send, touch, event, now)


@transaction.atomic
def note_click(*, send: Send, url: str, method: str, user_agent: str, now: datetime) -> None:
    """Note a click; one that shows earlier ones to be a machine's marks them too."""
    _lock(send)
    others = send.touches.filter(kind=Kind.CLICK, at__gt=now - machines.TOO_FAST).exclude(url=url)
    latest = others.order_by("-at").first()
    machine = machines.clicked_by_machine(
        method=method,
        user_agent=user_agent,
        since_sent=_since_sent(send, now),
        since_other_link=None if latest is None else now - latest.at,
    )
    touch = _touch(send, Kind.CLICK, now, url=url, machine=machine, user_agent=user_agent)
    if machine == machines.EVERY_LINK and others.filter(machine="").update(machine=machine):
        _keep_firsts(send)
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
    _lock(send)
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


def _lock(send: Send) -> None:
    """One touch of a message after the other: what is a machine's shows only beside the touches before it.

    Its member first, as everybody does.
    """
    dispatch.hold_members([send.member_id])
    known = ["status", "sent_at", "opened_at", "clicked_at"]
    send.refresh_from_db(fields=known, from_queryset=Send.objects.select_for_update())


def _touch(send: Send, kind: str, at: datetime, *, url: str = "", machine: str = "", user_agent: str = "") -> Touch:
    return Touch.objects.create(
        send=send,
        kind=kind,
        at=at,
        url=_clean(url)[:2000],
        machine=machine,
        user_agent=_clean(user_agent)[:300],
    )


def _clean(text: str) -> str:
    return text.replace("\x00", "")


def _tell(send: Send, touch: Touch, event: MessageOpened | MessageClicked | MemberUnsubscribed, now: datetime) -> None:
    if not touch.machine and _is_a_first(send, touch):
        _keep_firsts(send)
    # Whoever holds a link has the message, whatever the mail server said or did not say.
    if after_report(send.status, ProviderReport.Kind.DELIVERED) != send.status:
        mark_delivered([send.pk], at=now)
    record(event, key=str(touch.pk), at=now)
    announce(f"campaign:{send.campaign.public_id}")


def _is_a_first(send: Send, touch: Touch) -> bool:
    """Whether it comes before all that is known. Most are opened more than once."""
    known = [send.opened_at] if touch.kind == Kind.OPEN else [send.opened_at, send.clicked_at]
    return touch.kind != Kind.UNSUBSCRIBE and any(first is None or touch.at < first for first in known)


def _keep_firsts(send: Send) -> None:
    """When a person first opened and first clicked. A click proves an opening: many readers load no pictures."""
    read = send.touches.filter(machine="", kind__in=[Kind.OPEN, Kind.CLICK])
    Send.objects.filter(pk=send.pk).update(
        **read.aggregate(opened_at=Min("at"), clicked_at=Min("at", filter=Q(kind=Kind.CLICK)))
    )


def _since_sent(send: Send, now: datetime) -> timedelta | None:
    """No time at all while the message is still being handed off: only a machine in between can have it yet."""
    if send.sent_at is not None:
        return now - send.sent_at
    return timedelta(0) if send.status == Send.Status.HANDING_OFF else None
