import logging
from datetime import datetime

from django.core.mail import send_mail
from django.template.loader import render_to_string

from campaigns.models import Notice
from campaigns.sending import links

logger = logging.getLogger(__name__)


def email_notices(*, now: datetime) -> int:
    """Send each notice to its person once; a mail server that refuses is asked again by the sweep."""
    return sum(
        _email(notice, now) for notice in Notice.objects.filter(emailed_at=None).select_related("campaign", "user")
    )


def mark_read(*, notice: Notice, now: datetime) -> None:
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=now)


def _email(notice: Notice, now: datetime) -> bool:
    if not Notice.objects.filter(pk=notice.pk, emailed_at=None).update(emailed_at=now):
        return False
    text = render_to_string("emails/notice.txt", {"notice": notice, "url": links.campaign_url(notice.campaign)})
    try:
        send_mail(f"{' '.join(notice.campaign.name.split())}: messages failed", text, None, [notice.user.email])
    except Exception:
        logger.exception("Notice %s could not be sent; it is tried again.", notice.pk)
        Notice.objects.filter(pk=notice.pk).update(emailed_at=None)
        return False
    return True
