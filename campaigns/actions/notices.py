"""What the owner of a campaign must hear: on its page, by email, and with everybody else where alerts are told."""

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.utils.timezone import localdate

from campaigns.models import Campaign, Notice
from campaigns.sending import links
from config.shared.nudge import nudge
from integrations.alerts.telling import tell_staff
from integrations.models import StaffAlert

LEASE = timedelta(minutes=5)
SEVERITIES = {Notice.Kind.COMPLAINTS: StaffAlert.Severity.CRITICAL, Notice.Kind.DOUBTS: StaffAlert.Severity.WARNING}
logger = logging.getLogger(__name__)


@transaction.atomic
def notify(
    *,
    campaign: Campaign,
    kind: Notice.Kind,
    text: str,
    now: datetime,
    day: date | None = None,
    people: Sequence[int] = (),
) -> bool:
    """Its owner, or these users, once a day, campaign and kind; False when they were told today."""
    day = day or localdate(now)
    told = [
        Notice.objects.get_or_create(
            campaign=campaign, kind=kind, day=day, user_id=user, defaults={"text": text[:500], "created_at": now}
        )
        for user in people or [campaign.owner_id]
    ]
    notice, is_new = told[0][0], any(created for _, created in told)
    if is_new:
        nudge("campaigns.email_notices")
    if is_new and kind != Notice.Kind.PLAN_WAITS:  # that one is for those who may approve it alone
        tell_staff(
            key=f"{kind} {campaign.public_id} {day}",
            severity=SEVERITIES.get(kind, StaffAlert.Severity.ERROR),
            title=notice.title,
            text=text,
            link=_link(notice),
            now=now,
        )
    return is_new


def email_notices(*, now: datetime) -> int:
    """Send each notice to its person once; a mail server that refuses is asked again by the sweep."""
    return sum(_email(notice, now) for notice in _waiting(now).select_related("campaign", "user"))


def mark_read(*, notice: Notice, now: datetime) -> None:
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=now)


def mark_settled(*, campaign: Campaign, kind: Notice.Kind, now: datetime) -> None:
    """What a notice asked for was done: nobody has to put it away."""
    Notice.objects.filter(campaign=campaign, kind=kind, read_at=None).update(read_at=now)


def _waiting(now: datetime) -> QuerySet[Notice]:
    """Not known to have been sent, and in nobody's hands: a worker's lease lapses when it dies."""
    return Notice.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), emailed_at=None)


def _link(notice: Notice) -> str:
    """Where its reader sees what it is about."""
    return links.sends_url(notice.campaign, notice.shows) if notice.shows else links.campaign_url(notice.campaign)


def _email(notice: Notice, now: datetime) -> bool:
    lease = now + LEASE
    if not _waiting(now).filter(pk=notice.pk).update(claimed_until=lease):
        return False
    told = Notice.objects.filter(pk=notice.pk)
    url = _link(notice)
    text = render_to_string("emails/notice.txt", {"notice": notice, "url": url})
    try:
        send_mail(notice.title, text, None, [notice.user.email])
    except Exception:
        logger.exception("Notice %s could not be sent; it is tried again.", notice.pk)
        told.filter(claimed_until=lease).update(claimed_until=None)
        return False
    told.update(emailed_at=now, claimed_until=None)
    return True
