from datetime import datetime

from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string

from campaigns.models import Notice
from campaigns.sending import links


def email_notices(*, now: datetime) -> int:
    """Send each notice to its person once. A mail server that does not answer is asked again at the next sweep."""
    sent = 0
    for notice in Notice.objects.filter(emailed_at=None).select_related("campaign", "user"):
        if _email(notice, now):
            sent += 1
    return sent


def mark_read(*, notice: Notice, now: datetime) -> None:
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=now)


@transaction.atomic
def _email(notice: Notice, now: datetime) -> bool:
    locked = Notice.objects.select_for_update(skip_locked=True).filter(pk=notice.pk, emailed_at=None).first()
    if locked is None:
        return False
    text = render_to_string("emails/notice.txt", {"notice": notice, "url": links.campaign_url(notice.campaign)})
    send_mail(f"{notice.campaign.name}: messages failed", text, None, [notice.user.email])
    Notice.objects.filter(pk=notice.pk).update(emailed_at=now)
    return True
