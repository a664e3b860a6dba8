"""Campaigns that repeat: each week's draft is made and planned by itself, and waits for a person."""

import logging
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.timezone import localdate

from campaigns.actions import notices, planning
from campaigns.actions.campaigns import CannotChange, create_campaign
from campaigns.models import Campaign, Notice
from campaigns.queries.campaigns import current_plan, next_week_of, repeating
from campaigns.queries.plans import approvers_of
from campaigns.rules import proposals
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.trail import note_change

LONGEST_NAME: int = Campaign._meta.get_field("name").max_length or 80
logger = logging.getLogger(__name__)


@transaction.atomic
def set_repeat(*, campaign: Campaign, weekday: int | None) -> Campaign:
    """Draft a week like this one each week, from `weekday` (0 is Monday) on; None ends it. Raises CannotChange."""
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if campaign.series_id is not None:
        raise CannotChange("This week was drafted by a campaign that repeats. Change that one.")
    note_change(campaign, repeats_on=(campaign.repeats_on, weekday))
    campaign.repeats_on = weekday
    campaign.save(update_fields=["repeats_on"])
    announce(f"campaign:{campaign.public_id}")
    return campaign


def draft_weeks(*, now: datetime) -> int:
    """Make the drafts that are due; how many. One week is drafted once, however often this runs."""
    return sum(_draft(campaign, now) for campaign in repeating())


def _draft(campaign: Campaign, now: datetime) -> bool:
    week = next_week_of(campaign, localdate(now))
    if week is None or not week.is_time:
        return False
    first, latest = week.first, week.latest
    if week.latest_waits:
        notices.notify(
            campaign=latest,
            kind=Notice.Kind.PLAN_WAITS,
            text=f"{latest.name} still waits for approval, so the week of {first:%B} {first.day} is not drafted."
            " Approve it or cancel it.",
            now=now,
            day=first,
            people=approvers_of(plan) if (plan := current_plan(latest)) else (),
        )
        return False
    try:
        _make(campaign, first, now)
    except IntegrityError:
        return False  # another worker was quicker
    except DomainError as refusal:
        logger.warning("The week of campaign %s could not be drafted: %s", campaign.pk, refusal)
        notices.notify(
            campaign=campaign, kind=Notice.Kind.PLAN_FAILED, text=f"Next week was not drafted. {refusal}", now=now,
            day=first,
        )  # fmt: skip
        return False
    return True


@transaction.atomic
def _make(campaign: Campaign, first: date, now: datetime) -> None:
    week = f", {first:%b} {first.day}"
    made = create_campaign(
        name=campaign.name[: LONGEST_NAME - len(week)] + week,
        goal=campaign.goal,
        starts_on=first,
        ends_on=first + timedelta(days=proposals.DAYS - 1),
        segments=campaign.segments.all(),
        budget=campaign.budget,
        audience_limit=campaign.audience_limit,
        holdout_percent=campaign.holdout_percent,
        follows_goal=campaign.follows_goal,
        owner=campaign.owner,
        now=now,
        series=campaign,
    )
    planning.request_plan(campaign=made, by=campaign.owner, now=now)
