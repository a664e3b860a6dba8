"""Who gets which wording is drawn by lot, alike in the database and in Python."""

import datetime as dt
from collections.abc import Callable

from campaigns.actions import review
from campaigns.models import Experiment, Letter, PlanStep
from campaigns.queries.lots import drawn
from campaigns.rules.assignment import shares_of, variant_of
from loyalty.models import User
from tests.campaigns.wordings.trials import MEMBERS, sends_of


def test_lots_reach_as_far_as_the_weights_say():
    assert shares_of([1, 1], 40) == [2_000, 4_000]
    assert shares_of([2, 1, 1], 100) == [5_000, 7_500, 10_000]
    assert shares_of([1, 1, 1], 100)[-1] == 10_000


def test_each_member_is_drawn_alike_in_the_database_and_in_python(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    lots = drawn(tries())
    review.approve_plan(plan=step.plan, by=manager, now=now)
    experiment = step.experiment
    for send in sends_of(step).select_related("member"):
        want = variant_of(experiment.public_id, send.member.public_id, letters=lots["letters"], ends=lots["ends"])
        assert (send.variant, send.waits_for_winner) == (want or "", want is None)
    assert {*sends_of(step).values_list("variant", flat=True)} == {"A", "B", "C", ""}
    assert 150 < sends_of(step, waits_for_winner=True).count() < 250


def test_approving_again_draws_the_same(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    tries()
    review.approve_plan(plan=step.plan, by=manager, now=now)
    first = set(sends_of(step).values_list("member", "variant"))
    review.withdraw_approval(plan=step.plan, by=manager, now=now)
    assert not Letter.objects.exists()
    review.approve_plan(plan=step.plan, by=manager, now=now)
    assert set(sends_of(step).values_list("member", "variant")) == first


def test_an_even_split_lets_nobody_wait(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    tries(decides="NEVER", test_percent=10)
    review.approve_plan(plan=step.plan, by=manager, now=now)
    assert not sends_of(step, waits_for_winner=True).exists()
    assert sends_of(step, variant="").count() == 0


def test_a_step_without_other_wordings_is_sent_as_ever(step: PlanStep, manager: User, now: dt.datetime):
    review.approve_plan(plan=step.plan, by=manager, now=now)
    assert sends_of(step, variant="", waits_for_winner=False, held_from=None).count() == MEMBERS
