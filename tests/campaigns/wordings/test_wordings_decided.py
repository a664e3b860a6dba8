"""Who waits, and when the better wording goes to the rest."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from campaigns.actions import experiments, review, revising
from campaigns.actions.campaigns import cancel_campaign, pause_campaign, resume_campaign
from campaigns.actions.experiments import CannotChoose, CannotTry
from campaigns.actions.review import CannotEdit
from campaigns.actions.sends import send_due, send_step_now
from campaigns.models import Campaign, Experiment, PlanStep, Send
from campaigns.queries.departures import next_departure
from campaigns.queries.experiments import tried_of
from campaigns.queries.factors import promised
from campaigns.queries.plans import board_of, week_of
from campaigns.sending import render
from loyalty.models import User
from tests.campaigns.test_lift import buy
from tests.campaigns.wordings.trials import DAY, HOUR, MEMBERS, run, sends_of, words
from tests.campaigns.world import send_all
from tests.post_office import PostOffice


def test_who_waits_gets_nothing_before_it_is_decided(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime, post_office: PostOffice
):
    tries()
    campaign = run(step, manager, now)
    sends_of(step).update(due_at=now + HOUR)
    send_step_now(step=step, by=manager, now=now)
    send_all(now + 5 * DAY)  # the sweep has not been here, however late it is
    waiting = sends_of(step, waits_for_winner=True)
    assert set(waiting.values_list("status", flat=True)) == {"PENDING"}
    assert len(post_office.letters()) == MEMBERS - waiting.count()
    assert next_departure(campaign.sends.all(), now=now) is None


def test_sent_ahead_the_board_shows_when_it_left_and_who_waits_for_the_better_wording(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime, client_of: Any,
):  # fmt: skip
    tries()
    numbers = {
        "reached": 400, "members": 400, "last_bought_days": {"least": 1, "median": 2, "most": 3}, "median_orders": 1,
        "average_order": "10.00", "usual_weekday": 1, "usual_hour": 17, "favourite_categories": [],
        "most_it_can_cost": "0",
    }  # fmt: skip
    PlanStep.objects.filter(pk=step.pk).update(day=now.date() + 3 * DAY, evidence=numbers)
    step.refresh_from_db()
    run(step, manager, now)
    waiting = sends_of(step, waits_for_winner=True).count()
    sends_of(step).update(due_at=timezone.now() + 3 * DAY)
    page = client_of(manager).get(reverse("campaigns:step", args=[step.public_id])).text
    assert f"{waiting} members wait for the better wording and get it once that is decided." in page

    send_step_now(step=step, by=manager, now=now + HOUR)
    (day,) = [day for day in week_of(step.plan) if day.steps]
    (view,) = day.steps
    assert (day.date, view.when) == (now.date(), "12:30 p.m.")
    assert view.sent
    assert (view.sent.waiting, view.sent.next_at) == (waiting, now + HOUR)
    card = board_of([day], {}, {})[0].cards[0]
    assert card.view.step.day == now.date() + 3 * DAY  # what was planned is still known


def test_the_better_wording_goes_to_the_rest_at_their_own_hour_of_the_next_day(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime, post_office: PostOffice
):
    experiment = tries(words("Good morning"), test_percent=80)
    run(step, manager, now)
    send_all(now)
    by_letter = {letter: list(sends_of(step, variant=letter).values_list("member", flat=True)) for letter in "AB"}
    buy(by_letter["A"][: len(by_letter["A"]) // 4], now + HOUR)
    buy(by_letter["B"][: len(by_letter["B"]) * 3 // 4], now + HOUR)
    due = dict(sends_of(step, waits_for_winner=True).values_list("pk", "held_from"))
    assert experiments.decide_due(now=now + 23 * HOUR) == 0
    assert experiments.decide_due(now=now + 25 * HOUR) == 1
    experiment.refresh_from_db()
    assert (experiment.winner, experiment.is_certain, experiment.decided_by) == ("B", True, None)
    for send in sends_of(step, pk__in=due):
        assert (send.variant, send.waits_for_winner) == ("B", False)
        assert send.due_at == due[send.pk] + 2 * DAY  # ten o'clock had passed an hour before
    send_all(now + 3 * DAY)
    assert not sends_of(step, status="PENDING").exists()
    found = tried_of(experiment, now=now + 9 * DAY)
    assert sum(arm.outcome.members for arm in found.arms) == MEMBERS - len(due)  # the rest took no part
    assert experiments.decide_due(now=now + 30 * DAY) == 0


def test_without_a_clear_winner_the_rest_get_a_and_nobody_says_it_won(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime, client_of: Any,
    post_office: PostOffice,
):  # fmt: skip
    experiment = tries(words("Good morning"))
    run(step, manager, now)
    send_all(now)
    a, b = (list(sends_of(step, variant=letter).values_list("member", flat=True)) for letter in "AB")
    buy([*a[: len(a) * 3 // 10], *b[: len(b) * 3 // 10]], now + HOUR)
    assert experiments.decide_due(now=now + 25 * HOUR) == 1
    experiment.refresh_from_db()
    assert (experiment.winner, experiment.is_certain) == ("A", False)
    page = client_of(manager).get(reverse("campaigns:step-variants", args=[step.public_id])).content.decode()
    assert "That makes A no winner" in page
    assert "Will be decided" not in page
    assert "certainly better, so" not in page


def test_a_winner_is_taken_before_its_time_only_when_the_careful_interval_says_so(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime, post_office: PostOffice
):
    experiment = tries(words("Good morning"), decides="CERTAIN", hours=96, test_percent=90)
    run(step, manager, now)
    send_all(now)
    a, b = (list(sends_of(step, variant=letter).values_list("member", flat=True)) for letter in "AB")
    few, some, most = len(a) // 6, len(b) * 27 // 100, len(b) * 9 // 10  # shares: the lot says how many there are
    buy([*a[:few], *b[:some]], now + HOUR)
    assert experiments.decide_due(now=now + 24 * HOUR) == 0  # the ordinary interval would have said B
    buy(b[some:most], now + 25 * HOUR)
    assert experiments.decide_due(now=now + 30 * HOUR) == 1
    experiment.refresh_from_db()
    assert (experiment.winner, experiment.is_certain) == ("B", True)


def test_a_wording_that_nobody_drew_is_not_waited_for(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    step.plan.candidates.filter(rank__gte=1).delete()
    experiment = tries(words("Good morning"), test_percent=2, hours=1)
    review.approve_plan(plan=step.plan, by=manager, now=now)
    experiment.refresh_from_db()
    assert (experiment.winner, experiment.is_certain) == ("A", False)
    assert not sends_of(step, waits_for_winner=True).exists()
    review.withdraw_approval(plan=step.plan, by=manager, now=now)
    experiment.refresh_from_db()
    assert (experiment.winner, experiment.decided_at) == ("", None)


def test_a_test_of_which_no_message_can_leave_is_decided_by_when_it_was_due(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    """All of them were put off to the morning, and by then nobody of the test could be written to."""
    experiment = tries(words("Good morning"))
    run(step, manager, now)
    sends_of(step, waits_for_winner=False).update(
        status=Send.Status.SUPPRESSED, held_from=F("due_at"), due_at=now + 10 * HOUR
    )
    assert experiments.decide_due(now=now + 23 * HOUR) == 0
    assert experiments.decide_due(now=now + 24 * HOUR) == 1
    experiment.refresh_from_db()
    assert (experiment.winner, experiment.is_certain) == ("A", False)


def test_the_hours_of_a_test_begin_when_most_of_its_messages_have_left(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    """The first left, then the campaign was paused for three days."""
    experiment = tries(words("Good morning"))
    campaign = run(step, manager, now)
    test = list(sends_of(step, waits_for_winner=False).order_by("due_at", "pk").values_list("pk", flat=True))
    experiment, back = Experiment.objects.get(pk=experiment.pk), now + 3 * DAY
    Send.objects.filter(pk=test[0]).update(status=Send.Status.SENT, sent_at=now)
    pause_campaign(campaign=campaign, by=manager, now=now + HOUR)
    resume_campaign(campaign=campaign, by=manager, now=back)
    assert experiments.decide_due(now=back) == 0
    assert not tried_of(experiment, now=back).is_final
    most = test[1 : len(test) * 95 // 100]  # somebody always waits
    Send.objects.filter(pk__in=most).update(status=Send.Status.SENT, sent_at=back + HOUR)
    window = tried_of(experiment, now=back + 2 * HOUR).window
    assert window
    assert (window.opens, window.closes) == (now, back + 25 * HOUR)
    assert experiments.decide_due(now=back + 24 * HOUR) == 0
    assert experiments.decide_due(now=back + 25 * HOUR) == 1
    decided = tried_of(experiment, now=back + 26 * HOUR)
    assert (decided.window, decided.is_final) == (window, True)  # those who waited change nothing about it


def test_hours_that_reach_into_the_last_day_are_too_many(step: PlanStep, tries: Callable[..., Experiment]):
    Campaign.objects.update(ends_on=step.day + 2 * DAY)
    tries(hours=24)
    with pytest.raises(CannotTry, match="ends before"):
        tries(hours=25)


def test_who_would_get_the_winner_after_the_last_day_gets_it_at_once(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    experiment = tries()
    run(step, manager, now)
    Campaign.objects.update(ends_on=step.day + DAY)
    evening = now.replace(hour=23) + DAY  # of the last day in the shop, later than the hour of the step
    assert experiments.choose(experiment=experiment, letter="B", by=manager, now=evening)
    assert set(sends_of(step, variant="B", status="PENDING").values_list("due_at", flat=True)) >= {evening}
    assert not sends_of(step, waits_for_winner=False, due_at__gt=evening).exists()


def test_a_step_is_not_moved_to_a_day_on_which_the_rest_would_get_nothing(
    step: PlanStep, tries: Callable[..., Experiment], marketer: User, now: dt.datetime
):
    tries(hours=(step.plan.campaign.ends_on - step.day).days * 24 - 24)
    with pytest.raises(CannotEdit, match="ends before"):
        revising.move_step(step=step, day=step.day + DAY, by=marketer, now=now)
    step.refresh_from_db()
    assert step.day == now.date()


def test_a_person_may_choose_and_only_one_choice_counts(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    experiment = tries()
    with pytest.raises(CannotChoose, match="draft"):
        experiments.choose(experiment=experiment, letter="C", by=manager, now=now)
    run(step, manager, now)
    with pytest.raises(CannotChoose, match="no wording D"):
        experiments.choose(experiment=experiment, letter="D", by=manager, now=now)
    waiting = sends_of(step, waits_for_winner=True).count()
    assert experiments.choose(experiment=experiment, letter="C", by=manager, now=now) == waiting
    with pytest.raises(CannotChoose, match="meanwhile"):
        experiments.choose(experiment=experiment, letter="B", by=manager, now=now)
    experiment.refresh_from_db()
    assert (experiment.winner, experiment.is_certain, experiment.decided_by) == ("C", False, manager)


def test_a_paused_campaign_decides_nothing_and_a_cancelled_one_cancels_who_waits(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    tries()
    campaign = run(step, manager, now)
    pause_campaign(campaign=campaign, by=manager, now=now)
    assert experiments.decide_due(now=now + 5 * DAY) == 0
    cancel_campaign(campaign=campaign, by=manager, now=now)
    assert experiments.decide_due(now=now + 5 * DAY) == 0
    assert set(sends_of(step).values_list("status", flat=True)) == {"CANCELLED"}


def test_a_running_step_is_rewritten_only_when_the_better_words_are_known(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    new = {"template": None, "offer": None, "subject": "Hi", "body": "Do come.", "translations": {}}
    experiment = tries()
    run(step, manager, now)
    with pytest.raises(CannotEdit, match="Choose one for the rest"):
        review.change_running_step(step=step, by=manager, now=now, **new)
    experiments.choose(experiment=experiment, letter="B", by=manager, now=now)
    changed = review.change_running_step(step=step, by=manager, now=now, **new)
    assert set(sends_of(changed).values_list("variant", flat=True)) == {""}
    send = render.to_write([sends_of(changed)[0].pk])[0]
    assert render.Writer().message_for(send).subject == "Hi"


def test_a_step_that_everybody_tries_is_rewritten_while_it_runs(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    tries(decides="NEVER")
    run(step, manager, now)
    changed = review.change_running_step(
        step=step, template=None, offer=None, subject="Hi", body="Do come.", translations={}, by=manager, now=now
    )
    assert set(sends_of(changed).values_list("variant", flat=True)) == {""}


def test_words_changed_on_the_way_promise_no_second_message(step: PlanStep, manager: User, now: dt.datetime):
    step.plan.candidates.update(value=Decimal(10))
    campaign = run(step, manager, now)
    before = promised([campaign.pk])
    new = {"template": None, "offer": None, "subject": "Hi", "translations": {}, "by": manager, "now": now}
    changed = review.change_running_step(step=step, body="Do come.", **new)
    assert PlanStep.objects.get(pk=step.pk).removed_at  # nobody got it
    assert promised([campaign.pk]) == before
    some = list(sends_of(changed).order_by("pk").values_list("pk", flat=True)[:100])
    Send.objects.filter(pk__in=some).update(status=Send.Status.SENT, sent_at=now)
    review.change_running_step(step=changed, body="Do come soon.", **new)
    assert promised([campaign.pk]) == before


def test_a_send_that_waits_is_not_taken_up_by_a_worker(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime, post_office: PostOffice
):
    tries(test_percent=6)
    run(step, manager, now)
    Send.objects.update(due_at=now - HOUR)
    taken = 0
    while count := send_due(now=now):
        taken += count
    assert taken == sends_of(step, waits_for_winner=False).count() < 60
