"""What happens to sends: they go out, are delivered, fail, or are settled by a person."""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from campaigns.models import Action, Campaign, Notice, PlanStep, Send, WrongState
from campaigns.rules.wording import WordingFault
from campaigns.sending import dispatch, render
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from config.shared.trail import note_change
from integrations.channels.base import DeliveryFailed, OutcomeUnknown, channel
from loyalty.models import User

Status = Send.Status


class TestNotSent(DomainError):
    code = "test_not_sent"


def send_due(*, now: datetime) -> int:
    """Hand off one batch of what is due; how many sends were taken up. Safe to run in any number of workers."""
    dispatch.release_lapsed(now=now)
    claimed = dispatch.claim(now=now)
    if claimed:
        dispatch.send_claimed(claimed, now=now)
        tell_owners(now=now)
    return len(claimed)


@transaction.atomic
def mark_delivered(*, provider_id: str, at: datetime) -> bool:
    """The message arrived, whatever was believed of it, so it never goes out again. False when that is no news."""
    sends = Send.objects.filter(provider_id=provider_id).exclude(provider_id="")
    moved = sends.exclude(status=Status.DELIVERED).update(
        status=Status.DELIVERED,
        sent_at=Coalesce(F("sent_at"), Value(at)),
        delivered_at=at,
        failed_at=None,
        claimed_until=None,
        failure="",
    )
    if moved:
        for campaign in Campaign.objects.filter(pk__in=sends.values("campaign")):
            announce(f"campaign:{campaign.public_id}")
    return bool(moved)


def send_test(*, step: PlanStep, to: User) -> None:
    """The message as the plan's first member would get it, sent to a colleague instead. Raises TestNotSent.

    Nothing is counted: the send exists only in memory, so its links lead nowhere and prove nothing.
    """
    candidate = step.plan.candidates.filter(group=step.group).select_related("member").first()
    if candidate is None:
        raise TestNotSent("The plan has nobody in this group whose words could be filled in.")
    trial = Send(
        campaign=step.plan.campaign,
        action=Action(step=step, member=candidate.member),
        member=candidate.member,
        channel=step.channel,
        recipient=to.email,
    )
    try:
        with channel(step.channel) as outlet:
            outlet.send(render.message_for(trial))
    except (DeliveryFailed, OutcomeUnknown, WordingFault) as error:
        raise TestNotSent(f"The test could not be sent. {error}") from error


@transaction.atomic
def settle_unknown(*, send: Send, was_sent: bool, now: datetime) -> None:
    """A person looked and says whether it left; if not, it is sent again, unless its campaign is over.

    Raises WrongState.
    """
    campaign = Campaign.objects.select_for_update().get(pk=send.campaign_id)
    unknown = Send.objects.filter(pk=send.pk, status=Status.UNKNOWN)
    if was_sent:
        settled, changed = Status.SENT, {"sent_at": now, "failure": ""}
    elif campaign.status in (Campaign.Status.RUNNING, Campaign.Status.PAUSED):
        settled, changed = Status.PENDING, {"due_at": now, "failure": ""}
    else:
        settled, changed = Status.CANCELLED, {"failure": "It did not leave, and the campaign is over."}
    if not unknown.update(status=settled, **changed):
        raise WrongState("This message is not in doubt any more.")
    note_change(send, status=(Status.UNKNOWN, settled))
    announce(f"campaign:{campaign.public_id}")


def tell_owners(*, now: datetime) -> None:
    """Once a day and campaign: the owner hears that messages failed, here and by email.

    Yesterday is asked about too: a worker may have died between the failure and the telling.
    """
    today = timezone.localtime(now).date()
    for day in (today - timedelta(days=1), today):
        failed = Send.objects.filter(status=Status.FAILED, failed_at__date=day, failed_at__gte=now - timedelta(days=2))
        told = Notice.objects.filter(kind=Notice.Kind.SENDS_FAILED, day=day).values("campaign")
        for campaign in Campaign.objects.filter(pk__in=failed.values("campaign")).exclude(pk__in=told):
            _notify(campaign, failed.filter(campaign=campaign), day, now)


@transaction.atomic
def _notify(campaign: Campaign, failed: QuerySet[Send], day: date, now: datetime) -> None:
    _notice, is_new = Notice.objects.get_or_create(
        campaign=campaign,
        kind=Notice.Kind.SENDS_FAILED,
        day=day,
        defaults={
            "user_id": campaign.owner_id,
            "text": f"Messages of {campaign.name} failed: {failed.latest('failed_at').failure}"[:500],
            "created_at": now,
        },
    )
    if is_new:
        nudge("campaigns.email_notices")
