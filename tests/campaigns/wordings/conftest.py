import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from campaigns.actions import wordings
from campaigns.actions.wordings import Words
from campaigns.models import Campaign, Experiment, Plan, PlanStep, Playbook
from loyalty.models import Member, User
from tests.campaigns.crowd import take_in_members
from tests.campaigns.wordings.trials import DAY, MEMBERS, words
from tests.campaigns.world import rule


@pytest.fixture
def step(transactional: None, marketer: User, now: dt.datetime, make_campaign: Callable[..., Campaign]) -> PlanStep:
    """One email for 400 members, at ten o'clock by the clock of the business, under review."""
    rule(send_from=0, send_until=24, messages_per_day=50)
    take_in_members(MEMBERS)
    campaign = make_campaign(budget=None, audience_limit=MEMBERS)
    playbook = Playbook.objects.filter(is_active=True, channels__contains=["email"]).order_by("pk")[0]
    plan = Plan.objects.create(
        campaign=campaign, status=Plan.Status.READY, requested_by=marketer, requested_at=now,
        facts={"days": [(now + n * DAY).date().isoformat() for n in range(7)]},
    )  # fmt: skip
    plan.candidates.bulk_create(
        plan.candidates.model(plan=plan, member=member, rank=rank, priority=0, group=playbook.group)
        for rank, member in enumerate(Member.objects.order_by("pk"))
    )
    return PlanStep.objects.create(
        plan=plan, day=now.date(), position=0, group=playbook.group, playbook=playbook, channel="email",
        send_at=dt.time(10), subject="Hello", body="Come by.", reason="A hello.",
        evidence={"reached": 0, "most_it_can_cost": "0"},
    )  # fmt: skip


@pytest.fixture
def transactional(db: None) -> None:
    """The database, asked for by name so that the crowd comes after it."""


@pytest.fixture
def tries(step: PlanStep, marketer: User, now: dt.datetime) -> Callable[..., Experiment]:
    def save(*variants: Words, **wishes: Any) -> Experiment:
        usual = {"measure": "orders", "decides": "AFTER", "hours": 24, "test_percent": 50, "own_weight": 1}
        given = variants or (words("Good morning"), words("", "Wine is here."))
        return wordings.save_experiment(step=step, variants=given, now=now, **(usual | {"by": marketer} | wishes))

    return save
