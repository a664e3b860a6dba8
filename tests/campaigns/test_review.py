import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from campaigns.actions import review, wordings
from campaigns.actions.campaigns import cancel_campaign, start_campaign
from campaigns.actions.playbooks import BadWording, save_offer
from campaigns.actions.review import CannotApprove, CannotEdit
from campaigns.models import Action, Campaign, Offer, Plan, PlanChange, PlanStep, Send
from campaigns.queries.plans import most_it_can_cost, why_two_people
from loyalty.models import Business, Member, User
from tests.campaigns.world import Shop, first_of, rule, send_all
from tests.post_office import PostOffice
from tracking.models import Event

NEW_YORK = ZoneInfo("America/New_York")


def edit(step: PlanStep, by: User, now: dt.datetime, **wishes: Any) -> PlanStep:
    fields = ("day", "timing", "send_at", "template", "offer", "subject", "body", "translations")
    asis = {name: getattr(step, name) for name in fields}
    return review.edit_step(step=step, by=by, now=now, **(asis | wishes))


def test_a_week_with_a_step_for_today_is_approved_in_the_evening_too(
    plan: Plan, marketer: User, manager: User, now: dt.datetime
) -> None:
    first = plan.steps.order_by("day", "send_at")[0]
    evening = timezone.make_aware(dt.datetime.combine(first.day, dt.time(21)))
    edit(first, marketer, evening, subject="Hello")
    review.approve_plan(plan=plan, by=manager, now=evening)
    assert Send.objects.filter(action__step=first).exists()


def test_every_part_of_a_step_can_be_edited_and_the_editor_is_kept(
    plan: Plan, marketer: User, now: dt.datetime
) -> None:
    step = first_of(plan)
    words = {"subject": "Hello {{ member.first_name }}", "body": "Come by."}
    edited = edit(step, marketer, now, day=now.date(), send_at=dt.time(18, 30), offer=None, **words)
    assert (edited.day, edited.send_at, edited.offer) == (now.date(), dt.time(18, 30), None)
    assert (edited.subject, edited.body) == (words["subject"], words["body"])
    assert (edited.edited_by, edited.edited_at) == (marketer, now)


def test_an_edited_offer_changes_what_the_step_can_cost(plan: Plan, marketer: User, now: dt.datetime) -> None:
    step = next(step for step in plan.steps.all() if step.offer and step.offer.cost)
    edited = edit(step, marketer, now, offer=None, body="Hello")
    assert Decimal(edited.evidence["most_it_can_cost"]) == 0
    again = edit(edited, marketer, now, offer=step.offer)
    assert again.evidence["most_it_can_cost"] == step.evidence["most_it_can_cost"]


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"day": dt.date(2026, 5, 1)}, "is not one of the campaign's days"),
        ({"send_at": dt.time(23)}, "11:00 p.m. is not a time from 8:00 a.m. to just before 8:00 p.m."),
        ({"subject": "{{ member.email }}"}, "is not known"),
        ({"subject": ""}, "must not be empty"),
        ({"body": "{% for x in y %}{% endfor %}"}, "has no use"),
        ({"offer": None, "body": "For you: {{ offer.name }}"}, "speaks of an offer"),
    ],
)
def test_a_bad_edit_is_refused_and_nothing_is_lost(
    plan: Plan, marketer: User, now: dt.datetime, wish: dict[str, Any], says: str
) -> None:
    step = first_of(plan)
    before = PlanStep.objects.filter(pk=step.pk).values().get()
    with pytest.raises(CannotEdit, match=says.replace("{", r"\{")):
        edit(step, marketer, now, **wish)
    assert PlanStep.objects.filter(pk=step.pk).values().get() == before


def test_an_offer_that_breaks_the_budget_is_refused(plan: Plan, marketer: User, now: dt.datetime) -> None:
    dear = Offer.objects.create(code="gold", name="Gold", wording="a bar of gold", cost=Decimal(1000))
    step = first_of(plan)
    step.playbook.offers.add(dear)
    with pytest.raises(CannotEdit, match="more than the budget of 200"):
        edit(step, marketer, now, offer=dear)


def test_a_step_can_be_mended_while_another_still_waits_for_its_mending(
    plan: Plan, marketer: User, manager: User, now: dt.datetime
) -> None:
    """A plan left lying for two days: its first steps name days that have passed."""
    later = now + dt.timedelta(days=2)
    passed = list(plan.steps.filter(day__lt=later.date()))
    assert len(passed) > 1
    with pytest.raises(CannotApprove, match="not one of the campaign's days"):
        review.approve_plan(plan=plan, by=manager, now=later)
    for step in plan.steps.filter(is_reminder=True):
        review.remove_step(step=step, by=marketer, now=later)
    free = iter(later.date() + dt.timedelta(days=number) for number in range(3, 7))
    edit(passed[0], marketer, later, day=next(free))
    for step in passed[1:]:
        review.remove_step(step=step, by=marketer, now=later)
    assert review.approve_plan(plan=plan, by=manager, now=later) > 0


def test_a_removed_step_sends_nothing_and_can_be_restored(
    plan: Plan, marketer: User, manager: User, now: dt.datetime
) -> None:
    step = next(step for step in plan.steps.all() if plan.steps.filter(group=step.group).count() == 1)
    review.remove_step(step=step, by=marketer, now=now)
    review.approve_plan(plan=plan, by=manager, now=now)
    assert not Send.objects.filter(action__step=step)
    assert Send.objects.exists()

    review.withdraw_approval(plan=plan, by=manager, now=now)
    assert not Send.objects.exists()
    assert not Action.objects.exists()
    review.restore_step(step=step, by=marketer, now=now)
    review.approve_plan(plan=Plan.objects.get(pk=plan.pk), by=manager, now=now)
    assert Send.objects.filter(action__step=step).count() == step.evidence["reached"]


def test_an_approved_plan_makes_one_action_and_one_send_for_each_member_and_step(
    plan: Plan, manager: User, now: dt.datetime
) -> None:
    sends = review.approve_plan(plan=plan, by=manager, now=now)
    assert sends == Send.objects.count() == Action.objects.count()
    assert sends == sum(step.evidence["reached"] for step in plan.steps.all())
    told = Event.objects.get(name="plan.approved")
    assert (told.properties["sends"], told.properties["approved_by"]) == (sends, manager.pk)
    with pytest.raises(CannotApprove, match="not under review"):
        review.approve_plan(plan=plan, by=manager, now=now)
    assert Send.objects.count() == sends


def test_nobody_edits_what_is_approved(plan: Plan, manager: User, now: dt.datetime) -> None:
    step = first_of(plan)
    review.approve_plan(plan=plan, by=manager, now=now)
    with pytest.raises(CannotEdit, match="not under review"):
        edit(step, manager, now, subject="Changed")
    with pytest.raises(CannotEdit, match="not under review"):
        review.remove_step(step=step, by=manager, now=now)


def test_an_approval_is_withdrawn_only_before_the_start(plan: Plan, manager: User, now: dt.datetime) -> None:
    review.approve_plan(plan=plan, by=manager, now=now)
    start_campaign(campaign=plan.campaign, by=manager, now=now)
    with pytest.raises(CannotEdit, match="has begun"):
        review.withdraw_approval(plan=plan, by=manager, now=now)
    assert Send.objects.exists()


def test_the_plan_of_a_cancelled_campaign_is_not_approved(plan: Plan, manager: User, now: dt.datetime) -> None:
    cancel_campaign(campaign=plan.campaign, by=manager, now=now)
    with pytest.raises(CannotApprove):
        review.approve_plan(plan=plan, by=manager, now=now)
    assert not Send.objects.exists()


def test_consents_withdrawn_before_the_approval_make_no_send(
    plan: Plan, regulars: list[Member], shop: Shop, manager: User, now: dt.datetime
) -> None:
    step = max(plan.steps.all(), key=lambda step: step.evidence["reached"])
    gone = plan.candidates.filter(group=step.group).select_related("member").first()
    assert gone
    shop.allow(gone.member, is_granted=False)
    review.approve_plan(plan=plan, by=manager, now=now)
    assert Send.objects.exists()
    assert not Send.objects.filter(member=gone.member)


def test_a_plan_nobody_of_which_may_be_written_to_any_more_is_not_approved(
    plan: Plan, regulars: list[Member], shop: Shop, manager: User, now: dt.datetime
) -> None:
    for member in regulars:
        shop.allow(member, is_granted=False)
    with pytest.raises(CannotApprove):
        review.approve_plan(plan=plan, by=manager, now=now)
    plan.refresh_from_db()
    assert plan.status == Plan.Status.READY


def test_whoever_asked_for_a_plan_does_not_approve_it_when_two_people_are_asked_for(
    plan: Plan, marketer: User, manager: User, now: dt.datetime
) -> None:
    rule(needs_second_person=True)
    with pytest.raises(CannotApprove, match="Somebody else"):
        review.approve_plan(plan=plan, by=marketer, now=now)
    assert not Send.objects.exists()
    assert review.approve_plan(plan=plan, by=manager, now=now)


def test_whoever_wrote_a_step_or_its_variants_does_not_approve_it_whoever_touched_it_since(
    plan: Plan, manager: User, admin: User, now: dt.datetime
) -> None:
    rule(needs_second_person=True, send_from=0, send_until=24)
    first, second = plan.steps.order_by("pk")[:2]
    others = {"timing": first.timing, "template": first.template, "offer": first.offer, "translations": {}}
    words = {"day": first.day, "subject": "Mine alone", "body": "All by the manager.", **others}
    changed = review.edit_step(step=first, send_at=first.send_at, **words, by=manager, now=now)
    review.edit_step(step=changed, send_at=dt.time(11, 1), **words, by=admin, now=now)
    with pytest.raises(CannotApprove, match="Somebody else"):
        review.approve_plan(plan=plan, by=manager, now=now)

    PlanChange.objects.all().delete()
    other = wordings.Words(weight=1, subject="Another word", body="", template=None, translations={})
    wordings.save_experiment(
        step=second, measure="orders", decides="NEVER", hours=24, test_percent=50, own_weight=1, variants=[other],
        by=manager, now=now,
    )  # fmt: skip
    PlanStep.objects.update(edited_by=admin)
    with pytest.raises(CannotApprove, match="Somebody else"):
        review.approve_plan(plan=plan, by=manager, now=now)


@pytest.mark.parametrize(
    "now", [dt.datetime(2026, 3, 5, 15, tzinfo=dt.UTC), dt.datetime(2026, 10, 29, 15, tzinfo=dt.UTC)]
)
def test_messages_are_due_at_the_local_hour_on_both_sides_of_a_clock_change(
    plan: Plan, manager: User, now: dt.datetime
) -> None:
    """New York puts its clocks forward on 8 March 2026 and back on 1 November."""
    review.approve_plan(plan=plan, by=manager, now=now)
    offsets = set()
    for send in Send.objects.select_related("action__step"):
        local = send.due_at.astimezone(NEW_YORK)
        assert (local.date(), local.time()) == (send.action.step.day, send.action.step.send_at)
        offsets.add(local.utcoffset())
    assert offsets == {dt.timedelta(hours=-5), dt.timedelta(hours=-4)}


def test_an_approved_message_says_its_offer_as_it_was_approved(
    plan: Plan, manager: User, marketer: User, shop: Shop, now: dt.datetime, at_the_end: dt.datetime, always_open: None,
    post_office: PostOffice,
) -> None:  # fmt: skip
    step = plan.steps.exclude(offer=None)[0]
    assert step.offer
    promised = step.offer.wording
    review.approve_plan(plan=plan, by=manager, now=now)
    unchanged = {"code": step.offer.code, "name": step.offer.name, "cost": step.offer.cost, "is_active": True}
    save_offer(offer=step.offer, wording="a trip to the moon", **unchanged)
    start_campaign(campaign=plan.campaign, by=manager, now=now)
    send_all(at_the_end)
    letters = [letter.get_body(("plain",)).get_content() for letter in post_office.letters()]
    assert any(promised in letter for letter in letters)
    assert not any("moon" in letter for letter in letters)
    assert set(Action.objects.filter(step=step).values_list("step__approved_offer__wording", flat=True)) == {promised}


def test_an_approval_taken_back_takes_the_offer_as_it_stands_then(plan: Plan, manager: User, now: dt.datetime) -> None:
    step = plan.steps.exclude(offer=None)[0]
    assert step.offer
    review.approve_plan(plan=plan, by=manager, now=now)
    unchanged = {"code": step.offer.code, "name": step.offer.name, "cost": step.offer.cost, "is_active": True}
    save_offer(offer=step.offer, wording="a second bottle", **unchanged)
    review.withdraw_approval(plan=plan, by=manager, now=now)
    review.approve_plan(plan=plan, by=manager, now=now)
    assert PlanStep.objects.get(pk=step.pk).promise["wording"] == "a second bottle"


def test_an_offer_says_nothing_that_nobody_may_say(plan: Plan) -> None:
    Business.objects.update(vertical="CANNABIS")
    words = {"code": "cure", "name": "A cure", "cost": Decimal(0)}
    with pytest.raises(BadWording, match="Take out"):
        save_offer(offer=None, wording="weed that cures anxiety", is_active=True, **words)
    assert not Offer.objects.filter(code="cure").exists()


def test_an_offer_that_grew_dear_since_asks_for_the_second_person_too(
    plan: Plan, marketer: User, manager: User, now: dt.datetime
) -> None:
    rule(second_person_above=most_it_can_cost(plan) + 1)
    assert not why_two_people(plan)
    offer = plan.steps.exclude(offer=None)[0].offer
    assert offer
    save_offer(offer=offer, code=offer.code, name=offer.name, wording=offer.wording, cost=Decimal(500), is_active=True)
    Campaign.objects.update(budget=None)
    with pytest.raises(CannotApprove, match="Somebody else"):
        review.approve_plan(plan=plan, by=marketer, now=now)
    assert review.approve_plan(plan=plan, by=manager, now=now)
