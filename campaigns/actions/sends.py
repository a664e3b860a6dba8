"""What happens to sends: they go out, are delivered, fail, or are settled by a person."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Never

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from campaigns.actions import notices, trials
from campaigns.actions.trials import TestNotSent
from campaigns.models import Action, Campaign, Notice, PlanStep, ReceivedTouch, Send, SendMove, Touch, WrongState
from campaigns.queries.campaigns import is_over
from campaigns.rules.wording import WordingFault
from campaigns.sending import dispatch, render
from campaigns.writing import press
from campaigns.writing.press import CannotPress
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from config.shared.trail import note_change
from integrations.actions import forget_reports
from integrations.channels.base import Message
from loyalty.models import Consent, Member, User

Status = Send.Status


class CannotSendNow(DomainError):
    code = "cannot_send_now"


class Doubt(StrEnum):
    """What a person found out about a message that may or may not have left."""

    SENT = "sent"
    SEND_AGAIN = "send_again"
    NOT_SENT = "not_sent"


def send_due(*, now: datetime) -> int:
    """Hand off one batch of what is due; how many sends were taken up. Safe to run in any number of workers."""
    dispatch.release_lapsed(now=now)
    claimed = dispatch.claim(now=now)
    if claimed:
        dispatch.send_claimed(claimed, now=now)
        tell_owners(now=now)
    return len(claimed)


@transaction.atomic
def forget_member(*, public_id: str) -> None:
    """Of somebody who has left: what waits never leaves, and where the rest went is not kept."""
    dispatch.hold_members(Member.objects.filter(public_id=public_id).values_list("pk", flat=True))
    sends = Send.objects.filter(member__public_id=public_id)
    told = [(send.recipient, send.provider_id, send.message_id) for send in sends.iterator()]
    sends.update(recipient="", failure="")  # a mail server's refusal names the address
    waiting = sends.filter(status=Status.PENDING)
    waiting.filter(doubtful_since__isnull=False).update(status=Status.UNKNOWN, failure=dispatch.IN_DOUBT)
    waiting.update(status=Status.CANCELLED, failure="The member has left.")
    SendMove.objects.filter(send__in=sends).update(note="")
    Touch.objects.filter(send__in=sends).update(user_agent="")
    ReceivedTouch.objects.filter(send__in=sends.values("public_id")).update(user_agent="")
    addresses, provider_ids, message_ids = ({row[column] for row in told} for column in range(3))
    forget_reports(addresses=addresses, provider_ids=provider_ids, message_ids=message_ids)


@transaction.atomic
def send_step_now(*, step: PlanStep, by: User, now: datetime) -> int:
    """What of this step still waits for its time is due from now on; how many messages. Raises CannotSendNow.

    The gate is asked as ever: nobody is written to at night, or more often in a day than the policy allows.
    """
    campaign = Campaign.objects.select_for_update().get(plans=step.plan_id)
    if campaign.status != Campaign.Status.RUNNING:
        raise CannotSendNow(f"{campaign.name} is {campaign.get_status_display().lower()}. Nothing leaves meanwhile.")
    waiting = Send.objects.filter(action__step=step, status=Status.PENDING, waits_for_winner=False, due_at__gt=now)
    was_due = waiting.aggregate(first=Min("due_at"))["first"]
    if not (moved := waiting.update(due_at=now, held_from=None)):
        raise CannotSendNow("Nothing of this step waits for its time.")
    PlanStep.objects.filter(pk=step.pk).update(sent_now_at=now)
    note_change(step, due_at=(was_due, now), messages_due_now=(0, moved))
    announce(f"campaign:{campaign.public_id}")
    nudge("campaigns.send_due")
    return moved


def send_test(*, step: PlanStep, to: User, now: datetime, variant: str = "", member: Member | None = None) -> None:
    """The message as `member` would get it, or else the plan's first, sent to a colleague. Raises TestNotSent.

    `variant` is the letter of a wording. Nothing is counted: the send exists only in memory, so links prove nothing.
    """
    if step.channel != Consent.Channel.EMAIL:
        raise TestNotSent("Only emails can be sent to you as a test: we know neither your phone nor your devices.")
    if member is None:
        candidate = step.plan.candidates.filter(group=step.group).select_related("member").first()
        if candidate is None:
            raise TestNotSent("The plan has nobody in this group whose words could be filled in.")
        member = candidate.member
    trial = Send(
        campaign=step.plan.campaign,
        action=Action(step=step, member=member),
        member=member,
        variant=variant,
        channel=step.channel,
        recipient=to.email,
    )
    try:
        message = _as_it_would_be(trial, now=now)
    except (WordingFault, CannotPress) as error:
        raise TestNotSent(f"The test could not be sent. {error}") from error
    trials.hand_over(trial, message)


def _as_it_would_be(send: Send, *, now: datetime) -> Message:
    """By the step's letters where it has them, and else as they would be made now."""
    letters = press.letters_to_show(send.action.step, variant=send.variant, now=now)
    return render.Writer().filled(send, press.best_for(send.member.language, letters), is_counted=False)


@transaction.atomic
def settle_unknown(*, send: Send, answer: Doubt, now: datetime) -> None:
    """A person looked, and says whether the message left. Raises WrongState.

    Only a campaign that still goes on sends again.
    """
    campaign = Campaign.objects.select_for_update().get(pk=send.campaign_id)
    doubtful = Send.objects.filter(pk=send.pk, status=Status.UNKNOWN).select_related("member", "campaign")
    send = doubtful.select_for_update(of=("self",)).first() or _no_doubt()
    match answer:
        case Doubt.SENT:
            sent_at = send.handed_off_at or now
            settled, changed = Status.SENT, {"sent_at": sent_at, "failure": "", "doubtful_since": None}
            dispatch.tell_sent([send], sent_at)
        case Doubt.SEND_AGAIN:
            if is_over(campaign, now):
                raise WrongState(
                    f"{campaign.name} is over and sends nothing any more. Say instead that it did not leave."
                )
            settled, changed = Status.PENDING, {"due_at": now, "failure": "", "doubtful_since": None}
        case Doubt.NOT_SENT:
            settled = Status.CANCELLED
            changed = {"failure": "It did not leave, and was not sent again.", "doubtful_since": None}
    doubtful.update(status=settled, **changed)
    note_change(send, status=(Status.UNKNOWN, settled))
    announce(f"campaign:{campaign.public_id}")


def _no_doubt() -> Never:
    raise WrongState("This message is not in doubt any more.")


def tell_owners(*, now: datetime) -> None:
    """Once a day and campaign: the owner hears that messages failed, here and by email.

    Yesterday is asked about too: a worker may have died between the failure and the telling.
    """
    today = timezone.localtime(now).date()
    for day in (today - timedelta(days=1), today):
        failed = Send.objects.filter(status=Status.FAILED, failed_at__date=day, failed_at__gte=now - timedelta(days=2))
        told = Notice.objects.filter(kind=Notice.Kind.SENDS_FAILED, day=day).values("campaign")
        for campaign in Campaign.objects.filter(pk__in=failed.values("campaign")).exclude(pk__in=told):
            latest = failed.filter(campaign=campaign).latest("failed_at")
            notices.notify(
                campaign=campaign,
                kind=Notice.Kind.SENDS_FAILED,
                text=f"Messages of {campaign.name} failed: {latest.failure}",
                now=now,
                day=day,
            )
