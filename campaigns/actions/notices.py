import logging
from datetime import datetime, timedelta

from django.core.mail import send_mail
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string

from campaigns.models import Notice
from campaigns.sending import links

LEASE = timedelta(minutes=5)
logger = logging.getLogger(__name__)


def email_notices(*, now: datetime) -> int:
    """Send each notice to its person once; a mail server that refuses is asked again by the sweep."""
    return sum(_email(notice, now) for notice in _waiting(now).select_related("campaign", "user"))


def mark_read(*, notice: Notice, now: datetime) -> None:
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=now)


def _waiting(now: datetime) -> QuerySet[Notice]:
    """Not known to have been sent, and in nobody's hands: a worker's lease lapses when it dies."""
    return Notice.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), emailed_at=None)


def _email(notice: Notice, now: datetime) -> bool:
    lease = now + LEASE
    if not _waiting(now).filter(pk=notice.pk).update(claimed_until=lease):
        return False
    told = Notice.objects.filter(pk=notice.pk)
    text = render_to_string("emails/notice.txt", {"notice": notice, "url": links.campaign_url(notice.campaign)})
    try:
        send_mail(f"{' '.join(notice.campaign.name.split())}: messages failed", text, None, [notice.user.email])
    except Exception:
        logger.exception("Notice %s could not be sent; it is tried again.", notice.pk)
        told.filter(claimed_until=lease).update(claimed_until=None)
        return False
    told.update(emailed_at=now, claimed_until=None)
    return True
