"""Several wordings of one step: drawn by lot, sent as drawn, decided by what they did."""

import csv
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.actions import experiments, review, revising, wordings
from campaigns.actions.campaigns import cancel_campaign, pause_campaign, resume_campaign, start_campaign
from campaigns.actions.experiments import CannotChoose, CannotTry
from campaigns.actions.review import CannotApprove, CannotEdit
from campaigns.actions.sends import send_due, send_step_now
from campaigns.actions.wordings import Words
from campaigns.models import Campaign, Experiment, Letter, Plan, PlanChange, PlanStep, Playbook, Send, Variant
from campaigns.queries.cautions import cautions_in, cautions_of
from campaigns.queries.departures import next_departure
from campaigns.queries.experiments import tried_of
from campaigns.queries.factors import promised
from campaigns.queries.lots import drawn
from campaigns.queries.plans import board_of, is_own_work, week_of
from campaigns.queries.workspace import change_log, work_by_hand
from campaigns.rules.assignment import shares_of, variant_of
from campaigns.sending import render
from loyalty.models import Member, User
from tests.campaigns.crowd import take_in_members
from tests.campaigns.test_lift import buy
from tests.campaigns.world import rule, send_all
from tests.post_office import PostOffice

KEEP_AUTHORS = import_module("campaigns.migrations.0032_who_wrote_wordings_is_kept_with_the_changes").KEEP_AUTHORS
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
MEMBERS = 400


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


def words(subject: str = "", body: str = "", **more: Any) -> Words:
    return Words(**({"weight": 1, "template": None, "translations": {}} | {"subject": subject, "body": body} | more))


@pytest.fixture
def tries(step: PlanStep, marketer: User, now: dt.datetime) -> Callable[..., Experiment]:
    def save(*variants: Words, **wishes: Any) -> Experiment:
        usual = {"measure": "orders", "decides": "AFTER", "hours": 24, "test_percent": 50, "own_weight": 1}
        given = variants or (words("Good morning"), words("", "Wine is here."))
        return wordings.save_experiment(step=step, variants=given, now=now, **(usual | {"by": marketer} | wishes))

    return save


def run(step: PlanStep, manager: User, now: dt.datetime) -> Campaign:
    review.approve_plan(plan=step.plan, by=manager, now=now)
    start_campaign(campaign=step.plan.campaign, by=manager, now=now)
    return Campaign.objects.get(pk=step.plan.campaign_id)


def sends_of(step: PlanStep, **which: Any) -> QuerySet[Send]:
    return Send.objects.filter(action__step=step, **which)


# --- What the other wordings say ------------------------------------------------------------------------------------


def test_what_a_person_should_look_at_again_is_said_of_every_wording(step: PlanStep, tries: Callable[..., Experiment]):
    tries(
        words("Everything free"),
        words("", "Everything 50% off.", translations={"es": {"subject": "Hola", "body": "30%"}}),
    )
    found = " ".join(cautions_of(step))
    for said in ("B: The text promises “free”", "C: The text names “50%”", "C: In es: The text names “30%”"):
        assert said in found
    assert cautions_in(step.plan.steps.select_related("offer")) == {step.pk: cautions_of(step)}


def test_a_wording_that_has_become_unlawful_meanwhile_is_not_approved(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    experiment = tries(words("Good morning"))
    experiment.variants.update(body="Our wine cures a cold.")  # as if the law had come after it was written
    with pytest.raises(CannotApprove, match="B: No message may promise health"):
        review.approve_plan(plan=step.plan, by=manager, now=now)
    assert not Send.objects.exists()


def test_a_wording_that_says_by_now_what_the_step_says_is_not_approved(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    tries(words("Good morning"))
    PlanStep.objects.filter(pk=step.pk).update(subject="Good morning")
    with pytest.raises(CannotApprove, match="B says the same as A"):
        review.approve_plan(plan=step.plan, by=manager, now=now)
    assert not Send.objects.exists()


# --- Who gets what ------------------------------------------------------------------------------------------------


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


# --- What it says -------------------------------------------------------------------------------------------------


def test_everybody_reads_the_words_that_were_drawn_and_they_never_change(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime, post_office: PostOffice
):
    tries(words("Good morning"), words("", "Wine is here."), decides="NEVER")
    run(step, manager, now)
    assert set(step.letters.values_list("variant", "subject")) == {("", "Hello"), ("B", "Good morning"), ("C", "Hello")}
    send_all(now + DAY)
    drawn_for = dict(sends_of(step).values_list("recipient", "variant"))
    for letter in post_office.letters():
        variant, text = drawn_for[letter["To"]], letter.get_body(("plain",)).get_content()
        assert letter["Subject"] == ("Good morning" if variant == "B" else "Hello")
        assert ("Wine is here." in text) == (variant == "C")
    assert len(post_office.letters()) == MEMBERS


def test_writing_a_batch_asks_no_more_of_the_database_for_more_messages(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime
):
    tries(decides="NEVER")
    run(step, manager, now)
    render.Writer().message_for(render.to_write([sends_of(step)[0].pk])[0])  # what is cached, is
    costs = []
    for count in (60, 300):
        writer, ids = render.Writer(), list(sends_of(step).values_list("pk", flat=True)[:count])
        with CaptureQueriesContext(connection) as queries:
            for send in render.to_write(ids):
                writer.message_for(send)
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_faults_are_refused_with_the_letter_they_are_in(tries: Callable[..., Experiment]):
    with pytest.raises(CannotTry, match="B says the same as A"):
        tries(words("Hello"))
    with pytest.raises(CannotTry, match=r"C: .*nonsense"):
        tries(words("Good morning"), words("{{ nonsense }}"))
    with pytest.raises(CannotTry, match=r"B, in es: .*nonsense"):
        tries(words("Hi", translations={"es": {"subject": "Hola", "body": "{{ nonsense }}"}}))
    with pytest.raises(CannotTry, match="ends before"):
        tries(hours=24 * 14)
    with pytest.raises(CannotTry, match="4 at most"):
        tries(*(words(f"Number {n}") for n in range(5)))
    assert not Experiment.objects.exists()


def test_a_test_of_wordings_is_undone_and_made_again_with_all_its_words(
    step: PlanStep, tries: Callable[..., Experiment], marketer: User, manager: User, now: dt.datetime
):
    spanish = {"es": {"subject": "Hola", "body": "Ven a vernos."}}
    tries(words("Good morning", "Wine is here.", translations=spanish), own_weight=3)
    tries(words("Good evening"), own_weight=3)
    wordings.drop_experiment(step=step, by=manager, now=now)
    assert [told.what for told in change_log(step.plan).changes] == ["Champions: changed (other wordings)"] * 3
    assert work_by_hand(step.plan).changes == 3

    def said() -> list[tuple[str, str]]:
        return list(Variant.objects.filter(experiment__step=step).values_list("letter", "subject"))

    def go(verb: Callable[..., Any], number: int) -> None:
        verb(plan=step.plan, number=number, by=marketer, now=now)

    assert said() == []
    go(revising.undo_change, 3)
    assert said() == [("B", "Good evening")]
    go(revising.undo_change, 2)
    assert said() == [("B", "Good morning")]
    assert Variant.objects.get().translations == spanish
    assert Experiment.objects.get().own_weight == 3
    go(revising.undo_change, 1)
    assert not Experiment.objects.exists()
    for number in (1, 2, 3):
        go(revising.redo_change, number)
    assert said() == []
    assert is_own_work(step.plan, manager)


def test_what_the_law_forbids_since_is_not_brought_back_by_an_undo(
    step: PlanStep, tries: Callable[..., Experiment], marketer: User, now: dt.datetime
):
    tries(words("Good morning"))
    wordings.drop_experiment(step=step, by=marketer, now=now)
    Campaign.objects.filter(pk=step.plan.campaign_id).update(ends_on=step.day)
    with pytest.raises(CannotTry, match="ends before"):
        revising.undo_change(plan=step.plan, number=2, by=marketer, now=now)
    assert not Experiment.objects.exists()


def test_of_two_who_write_wordings_at_once_the_second_is_told_and_loses_no_word(
    step: PlanStep, tries: Callable[..., Experiment], client_of: Callable[[User], Client], marketer: User, manager: User
):
    url = f"/staff/campaigns/steps/{step.public_id}/variants/write/"
    seen = client_of(marketer).get(url).context["seen"]
    tries(words("Good morning"), by=manager)
    form = {
        "measure": "orders", "decides": "AFTER", "hours": "24", "test_percent": "50", "own_weight": "1",
        "subject_B": "Good evening", "seen": str(seen),
    }  # fmt: skip
    refused = client_of(marketer).post(url, form)
    assert refused.status_code == 422
    assert "has changed this step since you looked" in refused.text
    assert "Good evening" in refused.text
    assert Variant.objects.get().subject == "Good morning"


def test_a_change_from_before_wordings_were_kept_leaves_them_alone(
    step: PlanStep, tries: Callable[..., Experiment], marketer: User, now: dt.datetime
):
    tries(words("Good morning"))
    PlanChange.objects.all().delete()
    revising.move_step(step=step, day=step.day + dt.timedelta(days=1), by=marketer, now=now)
    change = PlanChange.objects.get()
    for kept in (change.before, change.after):
        del kept["experiment"]
    change.save()
    revising.undo_change(plan=step.plan, number=change.number, by=marketer, now=now)
    assert PlanStep.objects.get(pk=step.pk).day == step.day
    assert Variant.objects.get().subject == "Good morning"


def test_of_two_who_are_at_it_at_once_the_second_drops_nothing_unseen(
    step: PlanStep, tries: Callable[..., Experiment], client_of: Callable[[User], Client], marketer: User, manager: User
):
    tries(words("Good morning"))
    url, staff = f"/staff/campaigns/steps/{step.public_id}/variants/", client_of(marketer)
    seen = staff.get(url).context["step"].revision
    assert f'name="seen" value="{seen}"' in staff.get(url).text
    tries(words("Good evening"), by=manager)
    refused = staff.post(f"{url}drop/", {"seen": seen}, follow=True)
    assert "has changed this step since you looked" in refused.text
    assert Variant.objects.get().subject == "Good evening"
    staff.post(f"{url}drop/", {"seen": staff.get(url).context["step"].revision})
    assert not Variant.objects.exists()


def test_whoever_wrote_in_a_test_before_an_upgrade_stays_its_author_and_the_test_work_by_hand(
    step: PlanStep, tries: Callable[..., Experiment], marketer: User, manager: User, admin: User, now: dt.datetime
):
    spanish = {"es": {"subject": "Hola", "body": "Ven a vernos."}}
    experiment = tries(words("Good morning", "Wine is here.", translations=spanish), words("Good evening"))
    tried = experiments.tried_beside(step)
    PlanChange.objects.all().delete()
    PlanStep.objects.filter(pk=step.pk).update(edited_by=None)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE campaigns_experiment_authors (id serial, experiment_id bigint, user_id bigint)")
        for author in (manager, admin):
            cursor.execute(
                "INSERT INTO campaigns_experiment_authors (experiment_id, user_id) VALUES (%s, %s)",
                [experiment.pk, author.pk],
            )
        cursor.execute(KEEP_AUTHORS)
    assert is_own_work(step.plan, manager)
    assert is_own_work(step.plan, admin)
    assert work_by_hand(step.plan).changes == 2
    for number in (2, 1):
        revising.undo_change(plan=step.plan, number=number, by=marketer, now=now)
    assert not Experiment.objects.exists()
    for number in (1, 2):
        revising.redo_change(plan=step.plan, number=number, by=marketer, now=now)
    assert experiments.tried_beside(step) == tried


def test_what_is_approved_is_tried_as_it_was_approved(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, marketer: User, now: dt.datetime
):
    tries()
    review.approve_plan(plan=step.plan, by=manager, now=now)
    with pytest.raises(CannotTry, match="not under review"):
        tries(words("Late idea"))
    with pytest.raises(CannotTry, match="not under review"):
        wordings.drop_experiment(step=step, by=marketer, now=now)


def test_who_wrote_a_wording_is_not_the_second_person(
    step: PlanStep, tries: Callable[..., Experiment], marketer: User, now: dt.datetime
):
    rule(needs_second_person=True)
    Plan.objects.update(requested_by=User.objects.create_user("other@shop.example"))
    tries()
    tries(hours=25, by=User.objects.create_user("third@shop.example"))  # who only decides later took its words over
    with pytest.raises(CannotApprove, match="wrote in it"):
        review.approve_plan(plan=step.plan, by=marketer, now=now)


# --- Waiting, and the end of it -----------------------------------------------------------------------------------


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
    buy([*a[:30], *b[:45]], now + HOUR)
    assert experiments.decide_due(now=now + 24 * HOUR) == 0  # the ordinary interval would have said B
    buy(b[45:160], now + 25 * HOUR)
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


# --- The pages ----------------------------------------------------------------------------------------------------


def test_wordings_are_written_changed_and_dropped_on_their_page(step: PlanStep, marketer: User, client_of: Any):
    client: Client = client_of(marketer)
    url = reverse("campaigns:step-variants-write", args=[step.public_id])
    answers = {"measure": "clicks", "decides": "AFTER", "hours": 24, "test_percent": 40, "own_weight": 1}
    assert "at least one other" in client.post(url, answers).content.decode()
    assert client.post(url, answers | {"subject_B": "Hello", "weight_B": 1}).status_code == 422
    assert client.post(url, answers | {"subject_B": "Hey", "body_C": "New.", "weight_B": 2}).status_code == 302
    assert list(step.experiment.variants.values_list("letter", "subject", "body", "weight")) == [
        ("B", "Hey", "", 2), ("C", "", "New.", 1),
    ]  # fmt: skip
    shown = client.get(reverse("campaigns:step-variants", args=[step.public_id])).content.decode()
    assert "Hey" in shown
    assert "Will be decided" in shown
    each = step.evidence["reached"] / 10  # a part of 40 percent, by weights of 1, 2 and 1
    assert f"About {each:.0f} get A, {2 * each:.0f} get B, {each:.0f} get C. " in shown
    assert "Hey" in client.get(url).content.decode()
    client.post(reverse("campaigns:step-variants-drop", args=[step.public_id]))
    assert not Experiment.objects.exists()


def test_each_wording_is_shown_as_a_member_gets_it(
    step: PlanStep, tries: Callable[..., Experiment], marketer: User, client_of: Any
):
    tries(words("Good morning, {{ member.first_name }}"), words("", "Wine is here."))
    client, member = client_of(marketer), Member.objects.earliest("pk")
    part = client.get(f"/staff/campaigns/steps/{step.public_id}/wording/?variant=B&member={member.public_id}").text
    for tab in ("Wording A", "Wording B", "Wording C", f"For {member.name}", "Send me a test", "Dark"):
        assert tab in part
    first_name = member.name.partition(" ")[0]
    for letter, said in (("A", "Come by."), ("B", f"Good morning, {first_name}"), ("C", "Wine is here.")):
        asked = {"variant": letter, "member": str(member.public_id)}
        assert said in client.get(f"/staff/campaigns/steps/{step.public_id}/preview/", asked).text
        darkened = client.get(f"/staff/campaigns/steps/{step.public_id}/preview/", asked | {"scheme": "dark"}).text
        assert "invert(1)" in darkened
    assert client.get(f"/staff/campaigns/steps/{step.public_id}/preview/?variant=D").status_code == 404


def test_an_approved_wording_is_shown_by_its_letter_whatever_becomes_of_its_words(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, client_of: Any, now: dt.datetime
):
    experiment = tries(words("Good morning"))
    review.approve_plan(plan=step.plan, by=manager, now=now)
    experiment.variants.update(subject="Something else")
    shown = client_of(manager).get(f"/staff/campaigns/steps/{step.public_id}/preview/?variant=B").text
    assert "Good morning" in shown
    assert "Something else" not in shown


def test_a_test_of_a_wording_says_what_that_wording_says_to_whom_the_preview_shows(
    step: PlanStep, tries: Callable[..., Experiment], marketer: User, client_of: Any, post_office: PostOffice
):
    tries(words("Good morning, {{ member.first_name }}"))
    member = Member.objects.latest("pk")
    Member.objects.filter(pk=member.pk).update(name="Zelda Fitzgerald")
    asked = {"variant": "B", "member": str(member.public_id)}
    answer = client_of(marketer).post(
        f"/staff/campaigns/steps/{step.public_id}/test/", asked, headers={"hx-request": "true"}
    )
    assert answer.status_code == 204
    assert f"Sent to {marketer}." in answer["HX-Trigger"]
    letter = post_office.letters()[-1]
    assert (letter["To"], letter["Subject"]) == (marketer.email, "Good morning, Zelda")
    assert not Send.objects.exists()


def test_page_csv_and_api_tell_the_same_of_wordings(
    step: PlanStep, tries: Callable[..., Experiment], manager: User, now: dt.datetime, client_of: Any,
    post_office: PostOffice,
):  # fmt: skip
    tries(words("Good morning"), decides="NEVER")
    run(step, manager, now)
    send_all(now)
    a, b = (list(sends_of(step, variant=letter).values_list("member", flat=True)) for letter in "AB")
    buy([*a[: len(a) // 4], *b[: len(b) // 2]], now + HOUR)
    client, url = client_of(manager), reverse("campaigns:step-variants", args=[step.public_id])
    page = client.get(url).content.decode()
    told = list(csv.DictReader(b"".join(client.get(f"{url}?format=csv").streaming_content).decode().splitlines()))
    answer = client.get(reverse("campaigns-api:variants", args=[step.public_id])).json()
    (wording,) = answer["wordings"]
    assert (answer["winner"], answer["waiting"], wording["wording"]) == ("", 0, "B")
    assert [row["Wording"] for row in told] == ["B"] * len(wording["effects"])
    for row, effect in zip(told, wording["effects"], strict=True):
        exact = (effect["other_per_member"], effect["difference"], effect["total"])
        assert (row["A member with A"], row["Difference"], row["In all"]) == tuple(
            "" if value is None else str(value) for value in exact
        )
    (orders,) = [effect for effect in wording["effects"] if effect["measure"] == "orders"]
    assert orders["verdict"] == "more"
    assert f"About {round(orders['total'])} more orders than with A" in page
