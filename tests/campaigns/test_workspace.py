"""A plan between people: moved, undone, written anew, talked about."""

import datetime as dt
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from campaigns.actions import asking, calls, copywriting, picturing, planning, review, revising
from campaigns.actions.calls import CannotAsk
from campaigns.actions.planning import request_plan
from campaigns.actions.playbooks import save_playbook
from campaigns.actions.review import CannotApprove, CannotEdit, ChangedMeanwhile
from campaigns.ai.instructions import prompt
from campaigns.ai.writer import TextsProposal, Wish
from campaigns.models import Campaign, DrawnPicture, ModelCall, Plan, PlanStep, StepText
from campaigns.queries.calls import calls_to_answer
from campaigns.queries.cautions import cautions_of
from campaigns.queries.plans import most_it_can_cost
from campaigns.queries.workspace import alternatives_of, change_log, open_comments, work_by_hand
from campaigns.rules import spending
from campaigns.rules.briefs import Brief
from integrations.llm.base import ModelUnavailable, Question
from loyalty.models import Member, User
from tests.campaigns.scripted import Scripted
from tests.campaigns.test_review import edit
from tests.campaigns.world import Shop, first_of, rule, somebody_waits_for_me

Task = ModelCall.Task


def free_day(step: PlanStep) -> dt.date:
    """One on which its group hears nothing else."""
    taken = set(step.plan.steps.filter(group=step.group).values_list("day", flat=True))
    return next(day for day in map(dt.date.fromisoformat, step.plan.facts["days"]) if day not in taken)


def as_it_is(step: PlanStep) -> Any:
    return review.state_of(PlanStep.objects.get(pk=step.pk))


# --- Moving, undoing ------------------------------------------------------------------------------------------------


def test_a_step_is_moved_to_another_day_and_back(plan: Plan, marketer: User, now: dt.datetime) -> None:
    step, before = first_of(plan), as_it_is(first_of(plan))
    day = free_day(step)
    revising.move_step(step=step, day=day, by=marketer, now=now, seen=step.revision)
    assert as_it_is(step) == replace(before, day=day.isoformat())
    log = change_log(plan)
    assert log.undo
    assert log.redo is None
    assert "moved to another day" in log.undo.what

    revising.undo_change(plan=plan, number=log.undo.change.number, by=marketer, now=now)
    assert as_it_is(step) == before
    log = change_log(plan)
    assert log.undo is None
    assert log.redo
    revising.redo_change(plan=plan, number=log.redo.change.number, by=marketer, now=now)
    assert as_it_is(step).day == day.isoformat()


def test_a_move_the_rules_forbid_is_refused_and_nothing_moves(plan: Plan, marketer: User, now: dt.datetime) -> None:
    twice = next(step for step in plan.steps.all() if plan.steps.filter(group=step.group).count() > 1)
    other = plan.steps.filter(group=twice.group).exclude(pk=twice.pk).get()
    before = as_it_is(twice)
    with pytest.raises(CannotEdit, match="would hear 2 times on"):
        revising.move_step(step=twice, day=other.day, by=marketer, now=now)
    with pytest.raises(CannotEdit, match="not one of the campaign's days"):
        revising.move_step(step=twice, day=now.date() - dt.timedelta(days=1), by=marketer, now=now)
    assert as_it_is(twice) == before
    assert not plan.changes.exists()


def test_a_reminder_never_comes_before_what_it_reminds_of_however_it_is_moved(
    plan: Plan, marketer: User, manager: User, now: dt.datetime, client_of: Callable[[User], Client]
) -> None:
    reminder = plan.steps.filter(is_reminder=True)[0]
    first = plan.steps.get(group=reminder.group, is_reminder=False)
    days = [dt.date.fromisoformat(day) for day in plan.facts["days"]]
    middle = days[3]
    PlanStep.objects.filter(pk=first.pk).update(day=days[2], position=90)
    PlanStep.objects.filter(pk=reminder.pk).update(day=middle, position=91)
    for step, day in ((reminder, days[1]), (first, days[5])):
        with pytest.raises(CannotEdit, match=r"move that message to an earlier day, or the reminder to a later one\."):
            revising.move_step(step=step, day=day, by=marketer, now=now)
        with pytest.raises(CannotEdit, match="would be reminded on"):
            edit(PlanStep.objects.get(pk=step.pk), marketer, now, day=day)
    other = plan.steps.exclude(group=reminder.group)[0]
    revising.move_step(step=other, day=free_day(other), by=marketer, now=now)  # nothing to do with it

    PlanStep.objects.filter(pk=first.pk).update(day=days[5])
    with pytest.raises(CannotApprove, match="would be reminded on"):
        review.approve_plan(plan=plan, by=manager, now=now)
    review.remove_step(step=first, by=marketer, now=now)
    with pytest.raises(CannotApprove, match="of a message that is left out: put that back, or leave the reminder out"):
        review.approve_plan(plan=plan, by=manager, now=now)
    review.remove_step(step=reminder, by=marketer, now=now)
    assert review.approve_plan(plan=plan, by=manager, now=now)


def test_every_change_can_be_undone_in_its_order_and_a_new_one_ends_what_could_be_redone(
    plan: Plan, marketer: User, now: dt.datetime
) -> None:
    step, first = first_of(plan), as_it_is(first_of(plan))
    edit(step, marketer, now, subject="One")
    edit(PlanStep.objects.get(pk=step.pk), marketer, now, subject="Two")
    review.remove_step(step=step, by=marketer, now=now)
    states = []
    while undo := change_log(plan).undo:
        revising.undo_change(plan=plan, number=undo.change.number, by=marketer, now=now)
        states.append(as_it_is(step))
    assert [(state.subject, state.is_removed) for state in states] == [
        ("Two", False), ("One", False), (first.subject, False),
    ]  # fmt: skip
    assert states[-1] == first
    redo = change_log(plan).redo
    assert redo
    revising.redo_change(plan=plan, number=redo.change.number, by=marketer, now=now)
    assert as_it_is(step).subject == "One"
    edit(PlanStep.objects.get(pk=step.pk), marketer, now, subject="Three")
    assert change_log(plan).redo is None
    assert plan.changes.count() == 4  # nothing is lost silently: what was undone stays on the list


def test_who_changes_words_by_an_old_copy_of_a_step_does_not_put_it_back(
    plan: Plan, marketer: User, manager: User, now: dt.datetime
) -> None:
    old_copy = first_of(plan)
    review.remove_step(step=old_copy, by=manager, now=now)
    edit(old_copy, marketer, now, subject="Mine")
    assert (as_it_is(old_copy).subject, as_it_is(old_copy).is_removed) == ("Mine", True)


@pytest.mark.django_db(transaction=True)
def test_what_two_people_change_at_the_same_moment_stands_both(
    plan: Plan, marketer: User, manager: User, now: dt.datetime
) -> None:
    """Who moves a step waits for whoever writes in it, and moves what was written."""
    step = first_of(plan)
    day = free_day(step)

    def move() -> None:
        with closing(connection):
            revising.move_step(step=step, day=day, by=manager, now=now)

    with ThreadPoolExecutor(1) as other, transaction.atomic():
        edit(step, marketer, now, subject="Mine")
        moving = other.submit(move)
        while not somebody_waits_for_me():
            assert not moving.done()
    moving.result()
    assert (as_it_is(step).subject, as_it_is(step).date) == ("Mine", day)
    changes = {change.number: change for change in plan.changes.all()}
    assert changes[2].before == changes[1].after


def test_who_makes_a_change_again_has_written_in_the_plan_whoever_writes_after_them(
    plan: Plan, marketer: User, manager: User, admin: User, now: dt.datetime
) -> None:
    step = first_of(plan)
    rule(needs_second_person=True)
    edit(step, marketer, now, subject="One")
    for again in (revising.undo_change, revising.redo_change):
        again(plan=plan, number=1, by=manager if again is revising.redo_change else marketer, now=now)
    edit(PlanStep.objects.get(pk=step.pk), marketer, now, body="Something else.")
    with pytest.raises(CannotApprove, match="Somebody else has to approve this plan"):
        review.approve_plan(plan=plan, by=manager, now=now)
    assert review.approve_plan(plan=plan, by=admin, now=now)


def test_of_two_people_at_once_the_second_is_told_and_overwrites_nothing(
    plan: Plan, marketer: User, manager: User, now: dt.datetime
) -> None:
    step = first_of(plan)
    seen = step.revision
    edit(step, marketer, now, subject="Mine")
    with pytest.raises(ChangedMeanwhile, match="has changed this step since you looked"):
        edit(step, manager, now, subject="No, mine", seen=seen)
    with pytest.raises(ChangedMeanwhile):
        revising.move_step(step=step, day=free_day(step), by=manager, now=now, seen=seen)
    with pytest.raises(ChangedMeanwhile, match="changed this plan since"):
        revising.undo_change(plan=plan, number=0, by=manager, now=now)
    assert as_it_is(step).subject == "Mine"


def test_nothing_is_undone_in_an_approved_plan(plan: Plan, marketer: User, manager: User, now: dt.datetime) -> None:
    step = first_of(plan)
    edit(step, marketer, now, subject="Mine")
    review.approve_plan(plan=plan, by=manager, now=now)
    with pytest.raises(CannotEdit, match="not under review"):
        revising.undo_change(plan=plan, number=1, by=manager, now=now)


def test_what_people_changed_is_never_lost_to_a_new_plan_unasked(
    plan: Plan, marketer: User, now: dt.datetime, client_of: Callable[[User], Client]
) -> None:
    client, url = client_of(marketer), f"/staff/campaigns/{plan.campaign.public_id}/"
    assert "would be lost" not in client.get(url).text
    edit(first_of(plan), marketer, now, subject="Mine")
    revising.move_step(step=first_of(plan), day=free_day(first_of(plan)), by=marketer, now=now)
    undo = change_log(plan).undo
    assert undo
    assert "one: 2 changes would be lost." in client.get(url).text
    revising.undo_change(plan=plan, number=undo.change.number, by=marketer, now=now)
    assert "one: 1 change would be lost." in client.get(url).text

    Campaign.objects.update(ends_on=timezone.localdate() + dt.timedelta(days=6))
    for looked_at in ({}, {"losing": "0"}):  # as an older page would send it
        refused = client.post(f"{url}plan/", looked_at)
        assert (refused.status_code, "work that would be lost" in refused.text) == (409, True)
        assert Plan.objects.get(pk=plan.pk).status == Plan.Status.READY
    assert client.post(f"{url}plan/", {"losing": "1", "note": "Shorter texts"}).status_code == 302
    replaced = Plan.objects.get(pk=plan.pk)
    assert (replaced.status, replaced.replaced_by and replaced.replaced_by.note) == ("REPLACED", "Shorter texts")


def test_comments_briefs_pictures_and_texts_are_not_lost_unasked_either(
    plan: Plan, marketer: User, now: dt.datetime, client_of: Callable[[User], Client]
) -> None:
    client, url, step = client_of(marketer), f"/staff/campaigns/{plan.campaign.public_id}/", first_of(plan)
    assert work_by_hand(plan).pieces == 0
    comment = revising.comment(step=step, text="Why them?", by=marketer, now=now)
    assert "one: 1 comment would be lost." in client.get(url).text
    revising.settle_comment(comment=comment, is_settled=True, by=marketer, now=now)
    assert "would be lost" not in client.get(url).text

    revising.comment(step=step, text="Why now?", by=marketer, now=now)
    for scene in ("A bottle on a table", "Two bottles on a table"):
        brief = picturing.save_brief(
            step=step, brief=Brief(scene=scene, style="A photograph", avoid="", alt="A bottle"), by=marketer, now=now
        )
    DrawnPicture.objects.bulk_create(
        DrawnPicture(brief=brief, content=b"", content_type="image/png", width=1, height=1, made_at=now)
        for _ in range(3)
    )
    StepText.objects.create(step=step, language="en", subject="Hi", body="Hi", written_by="Test model", made_at=now)
    edit(step, marketer, now, subject="Mine")
    edit(PlanStep.objects.get(pk=step.pk), marketer, now, subject="Mine again")
    with CaptureQueriesContext(connection) as asked:
        by_hand = work_by_hand(plan)
    assert (len(asked), by_hand.pieces) == (1, 8)
    assert str(by_hand) == "2 changes, 1 comment, 1 image brief, 3 pictures and 1 text"
    assert f"one: {by_hand} would be lost. This cannot be undone." in client.get(url).text

    Campaign.objects.update(ends_on=timezone.localdate() + dt.timedelta(days=6))
    assert client.post(f"{url}plan/", {"losing": "7"}).status_code == 409
    assert client.post(f"{url}plan/", {"losing": "8"}).status_code == 302


def test_the_question_before_a_new_plan_stands_outside_what_a_colleague_changes(
    plan: Plan, marketer: User, now: dt.datetime, client_of: Callable[[User], Client]
) -> None:
    client, url = client_of(marketer), f"/staff/campaigns/{plan.campaign.public_id}/"

    def fragment(name: str) -> str:
        return client.get(url, headers={"HX-Request": "true", "HX-Target": name}).text

    assert client.get(url).text.count('id="anew"') == 1
    edit(first_of(plan), marketer, now, subject="Mine")
    assert 'id="anew"' not in fragment("plan")
    assert 'hx-target="#anew"' in fragment("plan")
    asked = fragment("anew")
    assert "one: 1 change would be lost." in asked
    assert 'name="losing" value="1"' in asked


def test_the_question_before_an_approval_says_what_is_approved_and_what_is_still_open(
    regulars: list[Member], make_campaign: Callable[..., Campaign], marketer: User, manager: User, now: dt.datetime,
    client_of: Callable[[User], Client],
) -> None:  # fmt: skip
    tomorrow = timezone.localdate() + dt.timedelta(days=1)
    campaign = make_campaign(starts_on=tomorrow, ends_on=tomorrow + dt.timedelta(days=9))
    plan = request_plan(campaign=campaign, by=marketer, now=timezone.now())
    planning.make_plan(plan.pk, now=timezone.now())
    client, url = client_of(manager), f"/staff/campaigns/{campaign.public_id}/"

    def asked() -> str:
        page = client.get(url, headers={"HX-Request": "true", "HX-Target": "approve"}).text
        found = re.search(r'<p id="approve-text">(.*?)</p>', page)
        assert found
        return found[1]

    steps = list(plan.steps.filter(removed_at=None).order_by("day"))
    messages = sum(step.evidence["reached"] for step in steps)
    reached = plan.candidates.filter(group__in={step.group for step in steps}).count()
    begins = date_format(steps[0].day, "l, F j")
    assert asked() == (
        f"{messages} messages in {len(steps)} steps to {reached} members are made ready, the first on {begins}."
        " They leave once you start the campaign. If everybody takes them up, the offers cost $20.50 of the budget of"
        " $200.00."
    )
    revising.comment(step=steps[0], text="Too early?", by=marketer, now=now)
    assert asked().endswith(" of the budget of $200.00. 1 comment is still open.")


# --- What people write ----------------------------------------------------------------------------------------------


def test_a_person_may_overrule_a_warning_but_never_the_law(plan: Plan, marketer: User, now: dt.datetime) -> None:
    step = first_of(plan)
    edited = edit(step, marketer, now, offer=None, subject="Hello", body="Everything 20% off today.")
    assert any("“20%”" in caution for caution in cautions_of(edited))
    with pytest.raises(CannotEdit, match="No message may promise health"):
        edit(edited, marketer, now, offer=None, body="Our wine cures colds.")
    with pytest.raises(CannotEdit, match="In es, No message may promise health"):
        edit(edited, marketer, now, translations={"es": {"subject": "Hola", "body": "Es muy saludable."}})


def test_what_has_become_unlawful_meanwhile_is_not_approved(plan: Plan, manager: User, now: dt.datetime) -> None:
    PlanStep.objects.filter(pk=first_of(plan).pk).update(body="Get drunk with us.", offer=None)
    with pytest.raises(CannotApprove, match="urge anybody to drink more"):
        review.approve_plan(plan=plan, by=manager, now=now)


def test_above_a_sum_somebody_else_approves(plan: Plan, marketer: User, manager: User, now: dt.datetime) -> None:
    cost = most_it_can_cost(plan)
    assert cost > 0
    rule(second_person_above=cost)
    assert review.approve_plan(plan=plan, by=marketer, now=now)
    review.withdraw_approval(plan=plan, by=marketer, now=now)
    rule(second_person_above=cost - 1)
    with pytest.raises(CannotApprove, match=r"Somebody else has to approve this plan.*a plan needs a second person"):
        review.approve_plan(plan=Plan.objects.get(pk=plan.pk), by=marketer, now=now)
    assert review.approve_plan(plan=Plan.objects.get(pk=plan.pk), by=manager, now=now)


def test_above_a_sum_nobody_changes_what_runs_alone(
    running: Campaign, plan: Plan, manager: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    step = next(step for step in plan.steps.all() if step.offer)
    rule(second_person_above=0)
    words = {"template": None, "offer": step.offer, "subject": "Hi", "body": "Hello", "translations": {}}
    with pytest.raises(CannotEdit, match="Two people approve what such a plan says"):
        review.change_running_step(step=step, **words, by=manager, now=now)
    page = client_of(manager).get(f"/staff/campaigns/steps/{step.public_id}/").text
    assert "Nobody changes this alone while it runs." in page
    assert "Pause the campaign to hold these words back." in page
    assert 'name="body"' not in page
    rule(second_person_above=None)
    assert 'name="body"' in client_of(manager).get(f"/staff/campaigns/steps/{step.public_id}/").text
    assert review.change_running_step(step=step, **words, by=manager, now=now)


# --- Other words ----------------------------------------------------------------------------------------------------


@pytest.fixture
def ask(plan: Plan, marketer: User, now: dt.datetime) -> Callable[[Wish], ModelCall]:
    def wish(wish: Wish) -> ModelCall:
        call = copywriting.request_texts(step=first_of(plan), wish=wish, by=marketer, now=now)
        assert list(calls_to_answer()) == [call]
        assert copywriting.write_texts(call.pk, now=now)
        call.refresh_from_db()
        return call

    return wish


def texts(*bodies: str) -> str:
    return json.dumps({"texts": [{"subject": "Come by", "body": body} for body in bodies]})


def test_a_model_is_told_the_note_and_what_it_writes_is_offered_beside_what_stands(
    plan: Plan, ask: Callable[[Wish], ModelCall], scripted: type[Scripted], marketer: User, now: dt.datetime
) -> None:
    step, before = first_of(plan), as_it_is(first_of(plan))
    scripted.answers.append(texts("Come to the tasting."))
    call = ask(Wish(Task.REGENERATE_STEP, note="shorter, mention the tasting; call ada@example.com", count=1))
    assert call.status == "ANSWERED"
    facts = scripted.asked[0].facts
    assert facts["note"] == "shorter, mention the tasting; call [left out]"
    assert facts["now"] == {"subject": before.subject, "body": before.body}
    assert "members" in facts["group"]

    (alternative,) = alternatives_of(step)
    assert as_it_is(step) == before  # nothing changes before a person says so
    assert (alternative.text.body, alternative.text.written_by) == ("Come to the tasting.", "Scripted")
    copywriting.use_text(text=alternative.text, by=marketer, now=now, seen=step.revision)
    assert as_it_is(step).body == "Come to the tasting."
    (alternative,) = alternatives_of(PlanStep.objects.get(pk=step.pk))
    assert alternative.is_current
    undo = change_log(plan).undo
    assert undo
    revising.undo_change(plan=plan, number=undo.change.number, by=marketer, now=now)
    assert as_it_is(step) == before


def test_a_translation_goes_to_the_other_languages(
    plan: Plan, ask: Callable[[Wish], ModelCall], scripted: type[Scripted], marketer: User, now: dt.datetime
) -> None:
    spanish = "Hola, nos gustaría verte con tus amigos en la tienda para este fin de semana."
    scripted.answers.append(texts(spanish))
    ask(Wish(Task.REWRITE, manner="translated", language="es", count=1))
    step = first_of(plan)
    copywriting.use_text(text=StepText.objects.get(), by=marketer, now=now)
    step.refresh_from_db()
    assert step.translations == {"es": {"subject": "Come by", "body": spanish}}


def test_words_against_the_rules_are_asked_for_once_more_and_never_offered(
    plan: Plan, ask: Callable[[Wish], ModelCall], scripted: type[Scripted]
) -> None:
    scripted.answers += [texts("It cures colds."), texts("Everything 90% off.", "Fine words.")]
    ask(Wish(Task.WRITE_VARIANTS))
    assert not StepText.objects.exists()
    calls = list(plan.calls.exclude(task=Task.PLAN_WEEK))
    assert [(call.attempt, call.status) for call in calls] == [(1, "FAULTY"), (2, "FAULTY")]
    assert "“90%”" in calls[1].faults_text
    assert "faults_of_your_last_answer" in scripted.asked[1].facts


def test_a_translation_in_the_wrong_language_is_a_fault(
    ask: Callable[[Wish], ModelCall], scripted: type[Scripted]
) -> None:
    english = texts("We would be glad to see you and your friends at our shop this week.")
    scripted.answers += [english, english]
    call = ask(Wish(Task.REWRITE, manner="translated", language="es", count=1))
    assert "is to be in es and reads like en" in call.faults_text


def test_one_thing_is_written_for_a_step_at_a_time_and_can_be_cancelled(
    plan: Plan, marketer: User, now: dt.datetime
) -> None:
    step = first_of(plan)
    call = copywriting.request_texts(step=step, wish=Wish(Task.WRITE_VARIANTS), by=marketer, now=now)
    with pytest.raises(CannotAsk, match="being made for this step already"):
        copywriting.request_texts(step=step, wish=Wish(Task.WRITE_VARIANTS), by=marketer, now=now)
    calls.cancel(call=call, now=now)
    assert not copywriting.write_texts(call.pk, now=now)
    with pytest.raises(CannotAsk, match="ended already"):
        calls.cancel(call=call, now=now)
    with pytest.raises(CannotAsk, match="Say what should be different"):
        copywriting.request_texts(step=step, wish=Wish(Task.REGENERATE_STEP), by=marketer, now=now)


@pytest.mark.parametrize("said", [texts("Come to the tasting."), "{"])
def test_words_cancelled_while_the_last_of_them_come_are_not_offered_or_asked_for_again(
    plan: Plan, scripted: type[Scripted], marketer: User, now: dt.datetime, said: str
) -> None:
    wish = Wish(Task.REGENERATE_STEP, note="shorter", count=1)
    call = copywriting.request_texts(step=first_of(plan), wish=wish, by=marketer, now=now)

    def answer(question: Question) -> str:
        calls.cancel(call=ModelCall.objects.get(pk=call.pk), now=now)
        return said

    scripted.answers.append(answer)
    assert copywriting.write_texts(call.pk, now=now + dt.timedelta(minutes=1))
    call.refresh_from_db()
    assert (call.status, call.ended_at, call.faults) == ("CANCELLED", now, [])
    assert call.tokens_in > 0  # what it used stays counted
    assert (call.raw, call.tokens_out) == (said, spending.tokens_in(said))
    assert len(scripted.asked) == 1
    assert plan.calls.exclude(task=Task.PLAN_WEEK).count() == 1
    assert not StepText.objects.exists()


def test_words_cancelled_after_a_worker_took_them_up_are_not_asked_for(
    plan: Plan, scripted: type[Scripted], marketer: User, now: dt.datetime
) -> None:
    call = copywriting.request_texts(step=first_of(plan), wish=Wish(Task.WRITE_VARIANTS), by=marketer, now=now)
    taken = ModelCall.objects.get(pk=call.pk)  # as the worker read it
    calls.cancel(call=call, now=now)
    question = Question(task=Task.WRITE_VARIANTS, instructions="", facts={}, schema=TextsProposal)
    for wanted in (lambda: False, lambda: True):  # the second is cancelled after it was looked at
        purpose = asking.Purpose(plan, wanted, by=marketer, step=taken.step, call=taken)
        with pytest.raises(asking.NotWanted):
            asking.ask(purpose, scripted(), prompt(Task.WRITE_VARIANTS), question, clock=lambda: now)
    call.refresh_from_db()
    assert (call.status, scripted.asked) == ("CANCELLED", [])


def test_answers_that_come_too_late_count_with_the_most_they_may_have_used(
    ask: Callable[[Wish], ModelCall], scripted: type[Scripted]
) -> None:
    def late(question: Question) -> str:
        raise ModelUnavailable("The model took too long.", outcome="timeout")

    rule(plan_tokens=30_000)
    scripted.answers += [late] * 9
    statuses = []
    while "CAPPED" not in statuses:
        call = ask(Wish(Task.WRITE_VARIANTS))
        statuses.append(call.status)
        assert call.status == "CAPPED" or call.tokens_out > 0
    assert statuses.count("TIMEOUT") < 9


def test_a_call_whose_worker_died_frees_its_step_after_the_lease(plan: Plan, marketer: User, now: dt.datetime) -> None:
    call = copywriting.request_texts(step=first_of(plan), wish=Wish(Task.WRITE_VARIANTS), by=marketer, now=now)
    ModelCall.objects.filter(pk=call.pk).update(status="ASKING", claimed_until=now + calls.LEASE)
    assert calls.give_up(now=now) == 0
    assert calls.give_up(now=now + 2 * calls.LEASE) == 1
    assert copywriting.request_texts(step=first_of(plan), wish=Wish(Task.WRITE_VARIANTS), by=marketer, now=now)


def test_without_an_account_variants_are_what_other_playbooks_of_the_group_say(
    plan: Plan, ask: Callable[[Wish], ModelCall]
) -> None:
    call = ask(Wish(Task.WRITE_VARIANTS))
    assert "no playbook of this group says anything else" in call.faults_text
    step = first_of(plan)
    save_playbook(
        playbook=None, name="Another", group=step.group, aim="x", tone="y", channels=["email"], offers=[],
        template=None, subject="Another subject", body="Another text.", is_active=True,
    )  # fmt: skip
    call = ask(Wish(Task.WRITE_VARIANTS))
    assert (call.status, call.cost, call.tokens) == ("ANSWERED", 0, 0)
    assert StepText.objects.filter(subject="Another subject", written_by="Built-in rules").exists()


def test_without_an_account_a_text_is_made_shorter_by_leaving_paragraphs_out(
    plan: Plan, ask: Callable[[Wish], ModelCall]
) -> None:
    PlanStep.objects.filter(pk=first_of(plan).pk).update(body="Hello\n\nOne.\n\nTwo.\n\nThree.\n\nThe shop")
    assert ask(Wish(Task.REWRITE, manner="shorter", count=1)).status == "ANSWERED"
    assert StepText.objects.get().body == "Hello\n\nOne.\n\nThe shop"
    assert "Only a language model can do this" in ask(Wish(Task.REWRITE, manner="warmer", count=1)).faults_text


# --- Talking --------------------------------------------------------------------------------------------------------


def test_comments_stay_open_until_somebody_settles_them(
    plan: Plan, marketer: User, manager: User, now: dt.datetime
) -> None:
    step = first_of(plan)
    comment = revising.comment(step=step, text=" Not on Sunday, please. ", by=manager, now=now)
    assert open_comments(plan) == {step.pk: 1}
    revising.settle_comment(comment=comment, is_settled=True, by=marketer, now=now)
    assert open_comments(plan) == {}
    assert (comment.text, comment.resolved_by) == ("Not on Sunday, please.", marketer)
    with pytest.raises(CannotEdit, match="Write something first"):
        revising.comment(step=step, text="  ", by=manager, now=now)


# --- Pages ----------------------------------------------------------------------------------------------------------


class TestPages:
    @pytest.fixture
    def now(self) -> dt.datetime:
        return timezone.now()

    def test_the_board_moves_undoes_and_says_no(
        self, plan: Plan, marketer: User, client_of: Callable[[User], Client]
    ) -> None:
        client, step, day = client_of(marketer), first_of(plan), free_day(first_of(plan))
        fragment = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "plan"}
        url = f"/staff/campaigns/steps/{step.public_id}/move/"
        moved = client.post(url, {"day": day.isoformat(), "seen": step.revision}, follow=True, **fragment)
        assert moved.status_code == 200
        assert 'id="plan"' in moved.text
        assert "<html" not in moved.text
        refused = client.post(url, {"day": step.day.isoformat(), "seen": step.revision}, **fragment)
        assert (refused.status_code, refused.headers["Content-Type"]) == (409, "text/plain")
        assert "since you looked" in refused.text
        assert client.post(url, {"day": "soon"}, **fragment).status_code == 400
        undone = client.post(f"/staff/campaigns/plans/{plan.public_id}/undo/", {"number": 1}, follow=True, **fragment)
        assert "Redo" in undone.text
        step.refresh_from_db()
        assert step.day != day

    def test_a_viewer_sees_comments_and_texts_and_writes_none(
        self, plan: Plan, viewer: User, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
    ) -> None:
        step = first_of(plan)
        revising.comment(step=step, text="Not on Sunday", by=marketer, now=now)
        client, base = client_of(viewer), f"/staff/campaigns/steps/{step.public_id}"
        assert "Not on Sunday" in client.get(f"{base}/comments/").text
        assert "Why this" in client.get(f"{base}/why/").text
        assert "Variants" not in client.get(f"{base}/texts/").text
        for path in ("texts", "comments", "move"):
            assert client.post(f"{base}/{path}/", {"text": "x", "wish": "variants"}).status_code == 403

    def test_a_form_that_is_out_of_date_is_told_and_keeps_what_was_typed(
        self, plan: Plan, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
    ) -> None:
        client, step = client_of(marketer), first_of(plan)
        url = f"/staff/campaigns/steps/{step.public_id}/"
        form = client.get(url).context["form"]
        typed = {name: "" if (value := form[name].value()) is None else value for name in form.fields}
        edit(step, marketer, now, subject="Somebody was quicker")
        answer = client.post(url, typed | {"seen": step.revision, "subject": "What I typed"})
        assert answer.status_code == 422
        assert "since you looked" in answer.text
        assert "What I typed" in answer.text

    def test_the_texts_of_a_step_are_asked_for_and_chosen_on_its_page(
        self, plan: Plan, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
    ) -> None:
        client, step = client_of(marketer), first_of(plan)
        PlanStep.objects.filter(pk=step.pk).update(body="Hello\n\nOne.\n\nTwo.\n\nThe shop")
        url = f"/staff/campaigns/steps/{step.public_id}/texts/"
        page = client.get(url).text
        assert "a language model has to be connected" in page
        assert "Warmer" not in page
        assert "Waiting for a worker" in client.post(url, {"wish": "shorter"}, follow=True).text
        assert copywriting.write_texts(plan.calls.latest("pk").pk, now=now)
        assert "gone: " in client.get(url).text
        text = StepText.objects.get()
        chosen = client.post(f"/staff/campaigns/texts/{text.public_id}/use/", {"seen": step.revision})
        assert chosen.status_code == 302
        assert "In use" in client.get(url).text


def test_a_regular_shop_has_a_record_of_what_its_playbooks_brought(
    sent: Any, plan: Plan, now: dt.datetime, regulars: list[Member], shop: Shop
) -> None:
    from campaigns.actions import touches
    from campaigns.queries.track_record import track_record

    later = sent.due_at + dt.timedelta(hours=1)
    reader = {"method": "GET", "user_agent": "Mozilla/5.0 Firefox/140"}
    touches.note_open(send=sent, **reader, now=later)
    touches.note_click(send=sent, url="https://shop.example", **reader, now=later)
    shop.sell((sent.member, 0, "45.00"), now=later + dt.timedelta(days=1))
    step = sent.action.step
    records = track_record(now=later + dt.timedelta(days=2))
    (record,) = [
        one for one in records if (one.group, one.offer) == (step.group, step.offer.code if step.offer else "")
    ]
    assert (record.opened, record.clicked, record.orders, str(record.revenue)) == (1, 1, 1, "45.00")
    assert record.offer_name == (step.offer.name if step.offer else "")
    assert record.messages >= 1
    assert "1 order," in record.told
    assert track_record(now=later + dt.timedelta(days=120)) == []
