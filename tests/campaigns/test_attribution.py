"""Which message an order is put down to, by any set of rules."""

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from campaigns.actions import attribution as actions
from campaigns.actions.attribution import BadAttribution
from campaigns.models import Action, Attribution, Campaign, PlanStep, Send, Touch
from campaigns.queries.attribution import changes, current, sales_of
from campaigns.queries.results import orders_of, results_of
from campaigns.rules.attribution import AttributionRules
from loyalty.models import Member, Order, Store, User

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
URL = "/staff/settings/campaigns/attribution/"
CLICKS = {"email_click": 168, "sms_click": 168, "push_click": 168}
# What results were counted by before there was a choice: the last click by a person within so many days.
AS_BEFORE = """
    SELECT campaign_id, count(*), sum(total) FROM (
        SELECT DISTINCT ON (orders.id) orders.id, orders.total, send.campaign_id
        FROM campaigns_send send
        JOIN campaigns_touch click ON click.send_id = send.id AND click.kind = 'CLICK' AND click.machine = ''
        JOIN loyalty_order orders ON orders.member_id = send.member_id AND orders.ordered_at >= click.at
        WHERE send.clicked_at IS NOT NULL AND send.member_id IN (
            SELECT member_id FROM campaigns_send WHERE campaign_id = ANY(%s) AND clicked_at IS NOT NULL
        ) AND orders.ordered_at < click.at + make_interval(days => %s)
        ORDER BY orders.id, click.at DESC, click.id DESC
    ) last_click
    WHERE campaign_id = ANY(%s) GROUP BY campaign_id
"""


def rules(rule: str = "LAST", **hours: int) -> AttributionRules:
    return actions.proposed(rule=rule, **({"email_click": 0, "sms_click": 0, "push_click": 0} | hours))


class Reach:
    """Messages of any channel to one member, what was done with them, and what was bought."""

    def __init__(self, send: Send, now: dt.datetime) -> None:
        self.step, self.member, self.owner, self.now = send.action.step, send.member, send.campaign.owner, now
        self.store, _ = Store.objects.get_or_create(code="harbor", defaults={"name": "Harbor"})
        self._made = 0

    def campaign(self, name: str) -> Campaign:
        day = self.now.date()
        return Campaign.objects.create(
            name=name, goal="Sell", starts_on=day, ends_on=day, owner=self.owner, created_at=self.now,
            started_at=self.now,
        )  # fmt: skip

    def send(self, campaign: Campaign, channel: str = "email", member: Member | None = None, **more: Any) -> Send:
        self._made += 1
        step = PlanStep.objects.get(pk=self.step.pk)
        step.pk, step.public_id, step.position = (
            None,
            PlanStep._meta.get_field("public_id").get_default(),
            self._made + 50,
        )
        step.save(force_insert=True)
        action = Action.objects.create(step=step, member=member or self.member)
        return Send.objects.create(
            campaign=campaign, action=action, member=member or self.member, channel=channel, due_at=self.now,
            status=Send.Status.SENT, **more,
        )  # fmt: skip

    def touch(self, send: Send, kind: str, at: dt.datetime, machine: str = "") -> None:
        Touch.objects.create(send=send, kind=kind, at=at, machine=machine)
        if not machine:
            column = {"OPEN": "opened_at", "CLICK": "clicked_at"}[kind]
            Send.objects.filter(pk=send.pk, **{column: None}).update(**{column: at})

    def buy(self, at: dt.datetime, total: str = "30.00", member: Member | None = None) -> Order:
        self._made += 1
        return Order.objects.create(
            number=f"R{self._made}", member=member or self.member, store=self.store, ordered_at=at, total=Decimal(total)
        )


@pytest.fixture
def reach(one_send: Send, now: dt.datetime) -> Reach:
    Send.objects.update(clicked_at=None)
    Order.objects.filter(ordered_at__gte=now).delete()
    return Reach(one_send, now)


def shares(campaigns: list[Campaign], by: AttributionRules) -> list[Decimal]:
    found = sales_of([campaign.pk for campaign in campaigns], by)
    return [found[each.pk].orders if each.pk in found else Decimal(0) for each in campaigns]


def test_with_the_settings_that_were_taken_over_every_figure_is_as_it_was(reach: Reach, now: dt.datetime):
    """Random touches and orders of six members in four campaigns, counted by the old statement and by the new."""
    chance, members = random.Random(4), list(Member.objects.order_by("pk")[:6])
    campaigns = [reach.campaign(f"Campaign {n}") for n in range(4)]
    for _ in range(90):
        send = reach.send(chance.choice(campaigns), chance.choice(["email", "sms", "push"]), chance.choice(members))
        for _ in range(chance.randrange(3)):
            kind, machine = chance.choice(["OPEN", "CLICK", "CLICK"]), chance.choice(["", "", "Scanner"])
            reach.touch(send, kind, now + chance.randrange(600) * HOUR, machine)
    for _ in range(60):
        reach.buy(now + chance.randrange(900) * HOUR, f"{chance.randrange(5, 90)}.00", chance.choice(members))
    ids = [campaign.pk for campaign in campaigns]
    with connection.cursor() as cursor:
        cursor.execute(AS_BEFORE, [ids, 7, ids])
        before = {campaign: (orders, revenue) for campaign, orders, revenue in cursor.fetchall()}
    found = sales_of(ids, current())
    assert {campaign: (sales.orders, sales.revenue) for campaign, sales in found.items()} == before
    assert sum(orders for orders, _ in before.values()) > 15
    for campaign in campaigns:
        assert orders_of(campaign).count() == before[campaign.pk][0] == results_of(campaign).orders


def test_an_order_belongs_to_the_last_touch_the_first_or_to_all_and_counts_once(reach: Reach, now: dt.datetime):
    campaigns = [reach.campaign(name) for name in "ABC"]
    for days, campaign in enumerate(campaigns):
        reach.touch(reach.send(campaign), "CLICK", now + days * DAY)
    reach.buy(now + 3 * DAY)
    assert shares(campaigns, rules("LAST", **CLICKS)) == [0, 0, 1]
    assert shares(campaigns, rules("FIRST", **CLICKS)) == [1, 0, 0]
    even = sales_of([campaign.pk for campaign in campaigns], rules("EVEN", **CLICKS))
    assert [round(sales.revenue, 2) for sales in even.values()] == [10, 10, 10]
    assert shares(campaigns[:1], rules("EVEN", **CLICKS)) == [Decimal("0.33")]  # the others are not forgotten


def test_a_message_that_was_opened_and_clicked_is_one_message(reach: Reach, now: dt.datetime):
    one, other = reach.campaign("One"), reach.campaign("Other")
    send = reach.send(one)
    for kind in ("OPEN", "CLICK"):
        reach.touch(send, kind, now)
    reach.touch(reach.send(other), "OPEN", now + HOUR)
    reach.buy(now + 2 * HOUR)
    by = rules("EVEN", email_click=24, email_open=24)
    assert shares([one, other], by) == [Decimal("0.5"), Decimal("0.5")]


def test_an_order_that_was_voided_was_brought_by_nothing(reach: Reach, now: dt.datetime):
    campaign = reach.campaign("One")
    reach.touch(reach.send(campaign), "CLICK", now)
    order, _ = reach.buy(now + HOUR), reach.buy(now + 2 * HOUR)
    assert shares([campaign], rules(**CLICKS)) == [2]
    Order.objects.filter(pk=order.pk).update(voided_at=now + DAY)
    assert shares([campaign], rules(**CLICKS)) == [1]


@pytest.mark.parametrize(
    ("channel", "kind", "name"),
    [
        ("email", "CLICK", "email_click"), ("email", "OPEN", "email_open"), ("email", "", "email_delivered"),
        ("sms", "CLICK", "sms_click"), ("sms", "", "sms_delivered"),
        ("push", "CLICK", "push_click"), ("push", "", "push_delivered"),
    ],
)  # fmt: skip
def test_each_channel_and_interaction_has_a_window_of_its_own(
    reach: Reach, now: dt.datetime, channel: str, kind: str, name: str
):
    campaign = reach.campaign("One")
    send = reach.send(campaign, channel, delivered_at=None if kind else now)
    if kind:
        reach.touch(send, kind, now)
    reach.buy(now + 11 * HOUR)
    reach.buy(now + 12 * HOUR)  # the window has just closed
    reach.buy(now - HOUR)
    assert shares([campaign], rules(**{name: 12})) == [1]
    assert shares([campaign], rules(**{name: 13})) == [2]
    others = {each: 2_000 for each in current().hours if each != name}
    assert shares([campaign], rules(**others)) == [0]


def test_machines_never_bring_an_order(reach: Reach, now: dt.datetime):
    campaign = reach.campaign("One")
    send = reach.send(campaign)
    reach.touch(send, "OPEN", now, "Apple")
    reach.touch(send, "CLICK", now, "Scanner")
    Send.objects.filter(pk=send.pk).update(clicked_at=now, opened_at=now)
    reach.buy(now + HOUR)
    assert shares([campaign], rules(email_click=99, email_open=99)) == [0]


def test_what_would_change_is_shown_before_it_is_saved_and_nothing_is_rewritten(
    reach: Reach, now: dt.datetime, client_of: Callable[[User], Client], manager: User
):
    campaign = reach.campaign("Open house")
    reach.touch(reach.send(campaign), "OPEN", now)
    reach.buy(now + HOUR, "44.00")
    touches = list(Touch.objects.values())
    client = client_of(manager)
    answers = {"rule": "LAST", "email_click": 168, "email_open": 24, "email_delivered": 0, "sms_click": 168,
               "sms_delivered": 0, "push_click": 168, "push_delivered": 0}  # fmt: skip
    page = client.post(URL, answers).content.decode()
    assert "Open house" in page
    assert "$44.00" in page
    assert page.index("After it arrived") < page.index("What would change") < page.index('name="save"')
    assert current().hours["email_open"] == 0
    (change,) = changes([campaign], to=rules(email_open=24))
    assert (change.before.orders, change.after.orders) == (0, 1)
    assert client.post(URL, answers | {"save": "yes"}).status_code == 302
    assert current().hours["email_open"] == 24
    assert results_of(campaign).revenue == Decimal(44)
    assert list(Touch.objects.values()) == touches


def test_rules_without_any_window_are_refused(db: None, client_of: Callable[[User], Client], manager: User):
    nothing = dict.fromkeys(current().hours, 0)
    assert client_of(manager).post(URL, {"rule": "LAST", **nothing, "save": "yes"}).status_code == 422
    with pytest.raises(BadAttribution):
        actions.change_attribution(rule="LAST")
    assert not Attribution.objects.filter(email_click=0).exists()


def test_marketers_look_and_managers_change(db: None, client_of: Callable[[User], Client], marketer: User):
    client = client_of(marketer)
    assert client.get(URL).status_code == 200
    assert client.post(URL, {"rule": "EVEN"}).status_code == 403


def test_the_rules_say_themselves_in_words():
    assert rules(**CLICKS).when == "within 7 days of a click"
    assert rules(**CLICKS | {"sms_click": 24}).when == "within the hours you have set"
    assert rules(email_click=12, sms_click=12, push_click=12).when == "within 12 hours of a click"
    assert rules("FIRST", **CLICKS, email_open=3).who == "The first touch has the order."
    assert rules("EVEN", **CLICKS).who == "Messages with a click before an order share it evenly."
