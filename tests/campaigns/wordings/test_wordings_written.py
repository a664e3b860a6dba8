"""Other wordings of a step: what they may say, and how they are written, undone and approved."""

import datetime as dt
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.actions import experiments, review, revising, wordings
from campaigns.actions.experiments import CannotTry
from campaigns.actions.review import CannotApprove
from campaigns.models import Campaign, Experiment, Plan, PlanChange, PlanStep, Send, Variant
from campaigns.queries.cautions import cautions_in, cautions_of
from campaigns.queries.plans import is_own_work
from campaigns.queries.workspace import change_log, work_by_hand
from campaigns.sending import render
from loyalty.models import User
from tests.campaigns.wordings.trials import DAY, MEMBERS, run, sends_of, words
from tests.campaigns.world import rule, send_all
from tests.post_office import PostOffice

KEEP_AUTHORS = import_module("campaigns.migrations.0032_who_wrote_wordings_is_kept_with_the_changes").KEEP_AUTHORS


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
