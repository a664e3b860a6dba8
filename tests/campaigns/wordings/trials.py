"""A step for four hundred members whose words are tried, and what becomes of it."""

import datetime as dt
from typing import Any

from django.db.models import QuerySet

from campaigns.actions import review
from campaigns.actions.campaigns import start_campaign
from campaigns.actions.wordings import Words
from campaigns.models import Campaign, PlanStep, Send
from loyalty.models import User

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
MEMBERS = 400


def words(subject: str = "", body: str = "", **more: Any) -> Words:
    return Words(**({"weight": 1, "template": None, "translations": {}} | {"subject": subject, "body": body} | more))


def run(step: PlanStep, manager: User, now: dt.datetime) -> Campaign:
    review.approve_plan(plan=step.plan, by=manager, now=now)
    start_campaign(campaign=step.plan.campaign, by=manager, now=now)
    return Campaign.objects.get(pk=step.plan.campaign_id)


def sends_of(step: PlanStep, **which: Any) -> QuerySet[Send]:
    return Send.objects.filter(action__step=step, **which)
