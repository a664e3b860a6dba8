from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from campaigns.actions import notices
from campaigns.events import CampaignMoved
from campaigns.models import Campaign, Notice, Plan, Send
from campaigns.sending import dispatch
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from loyalty.models import Segment, User
from tracking.actions import record

Status = Campaign.Status
_UNSETTLED = Q(status__in=[*Send.OPEN, Send.Status.UNKNOWN])


class CannotStart(DomainError):
    code = "cannot_start"


class CannotChange(DomainError):
    code = "cannot_change"


@transaction.atomic
def create_campaign(
    *,
    name: str,
    goal: str,
    starts_on: date,
    ends_on: date,
    segments: Iterable[Segment],
    budget: Decimal | None,
    audience_limit: int,
    owner: User,
    now: datetime,
    holdout_percent: int = 0,
    follows_goal: bool = False,
    repeats_on: int | None = None,
    series: Campaign | None = None,
) -> Campaign:
    """`follows_goal`: only the groups that the goal is about, where the built-in rules read any in it, are written to.

    `repeats_on` is a weekday, 0 for Monday; `series` the campaign that repeats, where this is one of its weeks.
    """
    campaign = Campaign.objects.create(
        name=name,
        goal=goal,
        starts_on=starts_on,
        ends_on=ends_on,
        budget=budget,
        audience_limit=audience_limit,
        holdout_percent=holdout_percent,
        follows_goal=follows_goal,
        owner=owner,
        created_at=now,
        repeats_on=repeats_on,
        series=series,
    )
    campaign.segments.set(segments)
    return campaign


@transaction.atomic
def change_campaign(
    *,
    campaign: Campaign,
    name: str,
    goal: str,
    starts_on: date,
    ends_on: date,
    segments: Iterable[Segment],
    budget: Decimal | None,
    audience_limit: int,
    holdout_percent: int,
    now: datetime,
    follows_goal: bool = False,
    repeats_on: int | None = None,
) -> Campaign:
    """Change a draft. A plan under review that rests on other answers than these is put aside. Raises CannotChange."""
    campaign, chosen = _locked(campaign), list(segments)
    if campaign.status != Status.DRAFT or campaign.plans.filter(status=Plan.Status.APPROVED).exists():
        raise CannotChange("Only a draft without an approved plan can be changed.")
    before = _planned_for(campaign)
    campaign.name, campaign.goal = name, goal
    campaign.starts_on, campaign.ends_on = starts_on, ends_on
    campaign.budget, campaign.audience_limit = budget, audience_limit
    campaign.holdout_percent, campaign.repeats_on = holdout_percent, repeats_on
    campaign.follows_goal = follows_goal
    campaign.save(
        update_fields=[
            *("name", "goal", "starts_on", "ends_on", "budget", "audience_limit"),
            *("holdout_percent", "follows_goal", "repeats_on"),
        ]
    )
    campaign.segments.set(chosen)
    if _planned_for(campaign) != before:
        _put_plans_aside(campaign, now)
    return campaign


def _planned_for(campaign: Campaign) -> tuple[object, ...]:
    """What a plan rests on."""
    segments = frozenset(campaign.segments.values_list("pk", flat=True))
    days, money = (campaign.starts_on, campaign.ends_on), campaign.budget
    whom = (segments, campaign.follows_goal, campaign.audience_limit, campaign.holdout_percent)
    return campaign.goal, *days, money, *whom


def _put_plans_aside(campaign: Campaign, now: datetime) -> None:
    campaign.plans.filter(status=Plan.Status.READY).update(status=Plan.Status.REPLACED)
    campaign.plans.filter(status__in=Plan.WORKING).update(status=Plan.Status.CANCELLED, finished_at=now)


@transaction.atomic
def start_campaign(*, campaign: Campaign, by: User, now: datetime) -> None:
    """Let the approved plan's sends go out on their days. Raises CannotStart."""
    campaign = _locked(campaign)
    if campaign.status != Status.DRAFT:
        raise CannotStart(f"{campaign.name} is {campaign.get_status_display().lower()} already.")
    if not campaign.plans.filter(status=Plan.Status.APPROVED).exists():
        raise CannotStart("Approve a plan first.")
    if campaign.ends_on < timezone.localdate(now):
        raise CannotStart("The campaign's last day has passed. Withdraw the approval and give it new dates.")
    campaign.move_to(Status.RUNNING, started_at=now)
    _tell(campaign, by, now)
    nudge("campaigns.send_due")


@transaction.atomic
def pause_campaign(*, campaign: Campaign, by: User, now: datetime) -> None:
    """Nothing more is handed off, from this commit on. Raises WrongState."""
    campaign.move_to(Status.PAUSED)
    _tell(campaign, by, now)


@transaction.atomic
def resume_campaign(*, campaign: Campaign, by: User, now: datetime) -> None:
    campaign = _locked(campaign)
    if campaign.status != Status.PAUSED:
        raise CannotStart(f"{campaign.name} is not paused.")
    campaign.move_to(Status.RUNNING)
    _tell(campaign, by, now)
    nudge("campaigns.send_due")


@transaction.atomic
def cancel_campaign(*, campaign: Campaign, by: User, now: datetime) -> int:
    """End it for good: what has not been handed off is cancelled. Returns how many sends that were."""
    campaign = _locked(campaign)
    campaign.move_to(Status.CANCELLED, finished_at=now)
    _put_plans_aside(campaign, now)
    open_sends = campaign.sends.filter(status__in=[Send.Status.PENDING, Send.Status.CLAIMED])
    open_sends.filter(doubtful_since__isnull=False).update(
        status=Send.Status.UNKNOWN, claimed_until=None, failure=dispatch.IN_DOUBT
    )
    cancelled = open_sends.update(status=Send.Status.CANCELLED, claimed_until=None)
    notices.mark_settled(campaign=campaign, kind=Notice.Kind.PLAN_WAITS, now=now)
    _tell(campaign, by, now)
    return cancelled


def finish_campaigns(*, now: datetime) -> int:
    """Close the running campaigns whose last day is over and that have nothing left to send; how many.

    Clicks and orders go on counting: results are read from the rows, whatever the state.
    """
    waiting = Send.objects.filter(_UNSETTLED, campaign=OuterRef("pk"))
    over = Campaign.objects.filter(~Exists(waiting), status=Status.RUNNING, ends_on__lt=timezone.localdate(now))
    return sum(_finish(campaign, now) for campaign in over)


@transaction.atomic
def _finish(campaign: Campaign, now: datetime) -> bool:
    """False when somebody was quicker, or a send was put back to wait since we looked."""
    campaign = _locked(campaign)
    if campaign.status != Status.RUNNING or campaign.sends.filter(_UNSETTLED).exists():
        return False
    campaign.move_to(Status.FINISHED, finished_at=now)
    _tell(campaign, None, now)
    return True


def _locked(campaign: Campaign) -> Campaign:
    """The campaign as it is now, held until this transaction ends: plans and sends change only under it."""
    return Campaign.objects.select_for_update().get(pk=campaign.pk)


def _tell(campaign: Campaign, by: User | None, now: datetime) -> None:
    moved = CampaignMoved(subject=str(campaign.public_id), status=campaign.status, by=by.pk if by else None)
    record(moved, key=f"{campaign.public_id} {campaign.status} {now.isoformat()}", at=now)
    announce(f"campaign:{campaign.public_id}")
