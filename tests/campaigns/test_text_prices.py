"""What text messages cost is known before anybody approves them."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.actions.review import CannotApprove, approve_plan
from campaigns.actions.wordings import Words, save_experiment
from campaigns.models import Campaign, Plan, PlanStep
from campaigns.rules import proposals
from campaigns.sending import prices
from integrations.rules import sms
from loyalty.actions.members import change_member, set_consent
from loyalty.models import Member, User
from tests.campaigns.world import first_of, rule

PRICE = Decimal("0.0079")


@pytest.fixture
def by_text(plan: Plan, regulars: list[Member], settings: Any, now: dt.datetime) -> PlanStep:
    """A step of the plan that goes by SMS to whoever has a telephone: all twenty."""
    settings.CHANNELS = settings.CHANNELS | {"sms": "integrations.channels.mailbox_phone.MailboxSms"}
    for nth, member in enumerate(regulars):
        change_member(
            member=member, name=member.name, email=member.email or "", phone=f"+1212555{nth:04}",
            birth_date=member.birth_date, home_store=member.home_store,
        )  # fmt: skip
        set_consent(member=member, channel="sms", is_granted=True, wording="Text me.", source="till", now=now)
    step = max(plan.steps.all(), key=reached)
    step.playbook.channels = ["email", "sms"]
    step.playbook.save(update_fields=["channels"])
    PlanStep.objects.filter(pk=step.pk).update(channel="sms", offer=None, body="Hello {{ member.first_name }}!")
    step.refresh_from_db()
    return step


def says(step: PlanStep, body: str) -> None:
    PlanStep.objects.filter(pk=step.pk).update(body=body)
    step.refresh_from_db()


def reached(step: PlanStep) -> int:
    return step.plan.candidates.filter(group=step.group).count()


def test_a_steps_price_is_its_members_times_their_segments(by_text: PlanStep, now: dt.datetime) -> None:
    rule(sms_price=PRICE)
    price = prices.price_of(by_text, now=now)
    assert (price.members, price.per_member, price.segments) == (reached(by_text), 1, reached(by_text))
    assert price.cost == reached(by_text) * PRICE
    says(by_text, "Hello! " * 40)
    price = prices.price_of(by_text, now=now)
    assert price.per_member == sms.size("Hello! " * 40 + "x" * 80).segments == 3


def test_a_long_name_costs_its_member_a_segment_more(
    by_text: PlanStep, regulars: list[Member], now: dt.datetime
) -> None:
    length = sms.size(next(iter(prices._texts(by_text, Member.objects.filter(pk=regulars[0].pk), now)))).left
    says(by_text, "Hello {{ member.first_name }}!" + "x" * length)
    one = by_text.plan.candidates.filter(group=by_text.group).earliest("rank").member
    one.name = "Bartholomew-Maximilian"
    one.save(update_fields=["name"])
    price = prices.price_of(by_text, now=now)
    assert price.segments == reached(by_text) + 1


def test_the_character_that_makes_all_texts_dear_is_named(
    by_text: PlanStep, manager: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    says(by_text, "Come by — it is Friday.")
    price = prices.price_of(by_text, now=now)
    assert (price.foreign, price.foreign_in_some) == ("—", "")
    page = client_of(manager).get(reverse("campaigns:step-price", args=[by_text.public_id])).text
    assert "“—” in the text is not in the alphabet of texts" in page


def test_a_character_in_one_name_is_counted_and_told_apart(by_text: PlanStep, now: dt.datetime) -> None:
    one = by_text.plan.candidates.filter(group=by_text.group).earliest("rank").member
    one.name = "Łukasz"
    one.save(update_fields=["name"])
    price = prices.price_of(by_text, now=now)
    assert (price.foreign, price.foreign_in_some) == ("", "Ł")


def test_the_page_tells_the_sum_and_without_a_price_the_segments(
    by_text: PlanStep, manager: User, client_of: Callable[[User], Client]
) -> None:
    client, members = client_of(manager), reached(by_text)
    page = reverse("campaigns:step-price", args=[by_text.public_id])
    assert f"= {members} segment" in client.get(page).text
    assert "Set the price of a segment" in client.get(page).text
    rule(sms_price=PRICE)
    assert "at $0.0079 each." in client.get(page).text
    total = client.get(reverse("campaigns:plan-price", args=[by_text.plan.public_id])).text
    assert f"{members} text" in total
    assert "about $" in total
    assert (
        reverse("campaigns:plan-price", args=[by_text.plan.public_id])
        in client.get(reverse("campaigns:campaign", args=[by_text.plan.campaign.public_id])).text
    )


def test_each_wording_has_a_price_of_its_own(
    by_text: PlanStep, marketer: User, manager: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    rule(sms_price=PRICE)
    longer = Words(weight=1, subject="", body="Hello! " * 40, template=None, translations={})
    save_experiment(
        step=by_text, measure="clicks", decides="AFTER", hours=24, test_percent=50, own_weight=1, variants=[longer],
        by=marketer, now=now,
    )  # fmt: skip
    one, three = (prices.price_of(by_text, variant=letter, now=now) for letter in "AB")
    assert (one.per_member, three.per_member) == (1, 3)
    assert three.cost == 3 * (one.cost or 0)
    page = reverse("campaigns:step-price", args=[by_text.public_id])
    assert f"If everybody got B: {reached(by_text)} member" in client_of(manager).get(page, {"variant": "B"}).text
    part = client_of(manager).get(reverse("campaigns:step-wording", args=[by_text.public_id]), {"variant": "B"}).text
    assert f"{page}?variant=B" in part
    assert "Send me a test" not in part


def test_a_step_by_email_has_no_price(plan: Plan, manager: User, client_of: Callable[[User], Client]) -> None:
    page = client_of(manager).get(reverse("campaigns:step-price", args=[first_of(plan).public_id]))
    assert "segments" not in page.text


def test_a_plan_whose_offers_and_texts_cost_more_than_the_budget_is_not_approved(
    by_text: PlanStep, manager: User, now: dt.datetime
) -> None:
    plan, rest = by_text.plan, by_text.plan.steps.exclude(pk=by_text.pk)
    offers = sum(Decimal(step.evidence["most_it_can_cost"]) for step in rest)
    Campaign.objects.filter(pk=plan.campaign_id).update(budget=offers + 1)
    rule(sms_price=Decimal(1))
    says(by_text, "Hello! " * 40)
    with pytest.raises(CannotApprove, match=r"and the text messages \d+\.00, together more than the budget"):
        approve_plan(plan=plan, by=manager, now=now)
    rule(sms_price=None)
    assert approve_plan(plan=plan, by=manager, now=now)


def test_a_budget_is_read_with_and_without_texts() -> None:
    step = proposals.StepProposal(
        day="2026-03-29", send_at="10:00", group="champions", playbook=1, offer=None, channel="sms", subject="s",
        body="b", reason="r",
    )  # fmt: skip
    limits = proposals.Limits(
        days=(),
        reach={("champions", "sms"): 10},
        playbooks={},
        offers={},
        budget=Decimal(5),
        texts=lambda _: Decimal(5),
    )  # fmt: skip
    assert proposals.faults_across([step], limits) == []
    assert proposals.faults_across([step, step.model_copy(update={"day": "2026-03-31"})], limits) == [
        "the offers could cost 0 and the text messages 10.00, together more than the budget of 5."
    ]
