"""The shop's own events beside its website's: one person in both, each event once, and nothing personal."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from campaigns.events import MessageClicked, MessageOpened, MessageSent, PlanApproved
from loyalty.actions import members, own_events
from loyalty.events import OrderPaid
from loyalty.models import Member, OwnEvents, User
from tests.tracking.received import a_system, receive, said
from tracking.actions import advance, counted, partners, projections, rebuild, record
from tracking.events import DomainEvent, told_events
from tracking.models import HourCount, Partner, PartnerSystem, ReceivedEvent, TrackedEvent, ValueCount
from tracking.queries import follower_states
from tracking.queries.funnels import Funnel, Step, dropped_off, funnel
from tracking.queries.retention import retention
from tracking.queries.tracked import PropertyIs

# The read side takes whole transactions: what is told has to be committed apart from what it is told of.
pytestmark = pytest.mark.django_db(transaction=True)
NamedBy = OwnEvents.NamedBy
DAY = dt.timedelta(days=1)


@pytest.fixture
def follow_all(follow_events: Callable[[], None]) -> Callable[[], None]:
    """What one follower tells, another one reads a moment later."""

    def follow() -> None:
        follow_events()
        follow_events()

    return follow


@pytest.fixture
def website() -> PartnerSystem:
    return a_system("Harbor Wines", "Website")


@pytest.fixture
def shop(website: PartnerSystem) -> Partner:
    return website.partner


@pytest.fixture
def ada(now: dt.datetime) -> Member:
    return members.join(
        name="Ada Lovelace", email="ada@example.com", phone="+12125550123", external_id="C1", source="till", now=now
    )


def switch_on(partner: Partner, now: dt.datetime, named_by: str = NamedBy.MEMBER_ID, **more: Any) -> OwnEvents:
    return own_events.switch_on(partner=partner, named_by=named_by, now=now, **({"may_be_seen": False} | more))


@transaction.atomic
def pay(member: Member, number: str, at: dt.datetime, total: str = "42.50") -> None:
    paid = OrderPaid(subject=str(member.public_id), order=number, store="Harbor", total=total, currency="USD")
    record(paid, key=number, at=at)


@transaction.atomic
def send(member: Member, key: str, at: dt.datetime) -> None:
    sent = MessageSent(subject=str(member.public_id), send=key, campaign="c", channel="email")
    record(sent, key=key, at=at)


def told(**which: Any) -> list[tuple[str, str]]:
    own = TrackedEvent.objects.filter(system_name="Regulars", **which)
    return list(own.order_by("occurred_at", "name").values_list("name", "person"))


def from_view_to_till(now: dt.datetime, *, total: str = "") -> Funnel:
    """Of every system of the shop, as the page asks."""
    where = (PropertyIs(("total",), (total,)),) if total else ()
    return Funnel(
        system_ids=tuple(PartnerSystem.objects.values_list("pk", flat=True)),
        steps=(Step(("Product Viewed",)), Step(("order.paid",), where)),
        since=now - 90 * DAY,
        until=now + DAY,
    )


@pytest.mark.parametrize(
    ("named_by", "name"),
    [(NamedBy.MEMBER_ID, "{id}"), (NamedBy.CUSTOMER_NUMBER, "C1"), (NamedBy.EMAIL, "ada@example.com")],
)
def test_who_looked_online_and_bought_at_the_till_is_one_person(website, shop, ada, now, follow_all, named_by, name):
    shopper = name.format(id=ada.public_id)
    switch_on(shop, now, named_by)
    receive(website, said("Product Viewed", "", anonymous_id="phone-1"), at=now - 2 * DAY)
    receive(website, said("identify", shopper, kind="identify", anonymous_id="phone-1"), at=now - 2 * DAY)
    receive(website, said("Product Viewed", "somebody else"), at=now - 2 * DAY)
    pay(ada, "O1", now - DAY)
    follow_all()
    asked = from_view_to_till(now)
    assert funnel(asked)[0].people == [2, 1]
    assert dropped_off(asked, after_step=1) == ["somebody else"]
    assert ("order.paid", shopper) in told()


def test_a_funnel_can_ask_for_what_was_paid(website, shop, ada, now, follow_all):
    switch_on(shop, now)
    receive(website, said("Product Viewed", str(ada.public_id)), at=now - 2 * DAY)
    pay(ada, "O1", now - DAY, total="42.50")
    follow_all()
    assert funnel(from_view_to_till(now, total="42.50"))[0].people == [1, 1]
    assert funnel(from_view_to_till(now, total="99.00"))[0].people == [1, 0]


def test_retention_counts_who_came_back_to_buy(shop, now, follow_all):
    own = switch_on(shop, now).system
    week = dt.timedelta(weeks=1)
    for number, weeks in enumerate([(5,), (5, 4), (5, 4, 3)]):
        member = members.join(external_id=f"C{number}", source="till", now=now - 5 * week)
        for ago in weeks:
            pay(member, f"O{number}-{ago}", now - ago * week)
        send(member, f"M{number}", now - 3 * week)
    follow_all()
    begun = (now - 5 * week).date()
    (cohort,) = retention([own.pk], unit="week", first=begun - 7 * DAY, last=now.date(), units=3, today=now.date())
    assert (cohort.people, cohort.returned) == (3, [3, 2, 1, 0]), "a message to somebody is nothing they did"
    assert TrackedEvent.objects.filter(name="message.sent").count() == 3


def test_a_member_without_the_name_goes_by_the_member_id(shop, now, follow_all):
    switch_on(shop, now, NamedBy.EMAIL)
    nameless = members.join(external_id="C7", source="till", now=now)
    pay(nameless, "O1", now)
    follow_all()
    assert {person for _, person in told()} == {str(nameless.public_id)}


def test_what_happened_before_it_was_switched_on_is_filled_in(shop, ada, now, follow_all):
    pay(ada, "O1", now - 400 * DAY)
    follow_all()
    assert told() == []
    switch_on(shop, now)
    follow_all()
    assert [name for name, _ in told()] == ["order.paid", "member.joined"]
    event = TrackedEvent.objects.get(name="order.paid")
    assert (event.occurred_at, event.received_at.date()) == (now - 400 * DAY, timezone.now().date())


def test_what_is_older_than_the_months_kept_is_left_out(shop, ada, now, follow_all, settings):
    settings.TRACKING_RETENTION_MONTHS = 12
    pay(ada, "O1", timezone.now() - 800 * DAY)
    pay(ada, "O2", timezone.now() - 30 * DAY)
    switch_on(shop, now)
    follow_all()
    assert list(TrackedEvent.objects.filter(name="order.paid").values_list("message_id", flat=True)) == [
        "order.paid:O2"
    ]


def test_telling_twice_counts_once_whoever_begins_again(shop, ada, now, follow_all):
    switch_on(shop, now)
    pay(ada, "O1", now)
    follow_all()
    before, rows = told(), ReceivedEvent.objects.count()
    projections.read_again(own_events.FOLLOWER)
    follow_all()
    assert (told(), ReceivedEvent.objects.count()) == (before, rows)
    rebuild(own_events.FOLLOWER, now=now)
    follow_all()
    rebuild("tracking.read_model", now=now)
    assert (told(), ReceivedEvent.objects.count()) == (before, rows)
    assert HourCount.objects.aggregate(n=Sum("duplicates"), wrong=Sum("invalid")) == {"n": 0, "wrong": 0}


def test_off_means_off_and_on_again_fills_the_gap(shop, ada, now, follow_all):
    own = switch_on(shop, now)
    pay(ada, "O1", now)
    follow_all()
    assert own_events.switch_off(own)
    pay(ada, "O2", now)
    follow_all()
    assert len(told(name="order.paid")) == 1
    assert not own_events.switch_off(OwnEvents.objects.get()), "it was off already"
    switch_on(shop, now)
    follow_all()
    assert len(told(name="order.paid")) == 2
    assert HourCount.objects.aggregate(n=Sum("duplicates"))["n"] == 0


def test_with_another_name_everything_is_told_anew_and_nothing_stands_twice(shop, ada, now, follow_all):
    switch_on(shop, now, NamedBy.CUSTOMER_NUMBER)
    pay(ada, "O1", now - DAY)
    follow_all()
    assert told(name="order.paid") == [("order.paid", "C1")]
    switch_on(shop, now, NamedBy.EMAIL)
    follow_all()
    assert told(name="order.paid") == [("order.paid", "ada@example.com")]
    assert ReceivedEvent.objects.filter(name="order.paid").count() == 1
    rebuild("tracking.read_model", now=now)
    assert told(name="order.paid") == [("order.paid", "ada@example.com")]
    assert HourCount.objects.aggregate(n=Sum("duplicates"), wrong=Sum("invalid")) == {"n": 0, "wrong": 0}


def test_telling_all_again_takes_up_the_numbers_that_members_got_since(shop, now, follow_all):
    switch_on(shop, now, NamedBy.EMAIL)
    late = members.join(external_id="C9", source="till", now=now)
    follow_all()
    assert told() == [("member.joined", str(late.public_id))]
    members.change_member(member=late, name="", email="late@example.com", phone="", birth_date=None, home_store=None)
    own_events.tell_all_again()
    follow_all()
    assert told() == [("member.joined", "late@example.com")]


def test_counted_values_are_told_anew_with_the_rest(shop, ada, now, follow_all):
    own = switch_on(shop, now)
    pay(ada, "O1", now - DAY)
    follow_all()
    counted.declare(system=own.system, event_name="order.paid", path="store", by=None, now=now)
    for named_by in (NamedBy.EMAIL, NamedBy.CUSTOMER_NUMBER):
        switch_on(shop, now, named_by)
        follow_all()
        assert list(ValueCount.objects.values_list("value", "events")) == [("Harbor", 1)]


def test_they_move_to_another_partner_whole(website, shop, ada, now, follow_all):
    switch_on(shop, now)
    pay(ada, "O1", now)
    follow_all()
    other = a_system("Harbor Online", "Shop").partner
    own = switch_on(other, now)
    follow_all()
    assert (own.system.partner, PartnerSystem.objects.filter(kind="REGULARS").count()) == (other, 1)
    assert set(TrackedEvent.objects.filter(name="order.paid").values_list("partner_name")) == {("Harbor Online",)}
    assert not TrackedEvent.objects.filter(partner_name="Harbor Wines").exists()


def test_nothing_of_a_member_but_the_name_is_told(shop, ada, admin, now, follow_all):
    switch_on(shop, now)
    members.set_consent(
        member=ada, channel="email", is_granted=True, wording="I, Ada, agree", source="till", address="192.0.2.7",
        by=admin, now=now,
    )  # fmt: skip
    members.note_export(by=admin, filters={"q": "ada@example.com"}, is_masked=False, now=now)
    follow_all()
    rows = str(list(ReceivedEvent.objects.values())) + str(list(TrackedEvent.objects.values()))
    for word in ("Ada", "ada@example.com", "2125550123", "192.0.2.7", "agree", "C1", admin.email):
        assert word not in rows, word
    assert TrackedEvent.objects.get(name="consent.changed").properties == {
        "channel": "email", "topic": "marketing", "is_granted": True, "source": "till",
    }  # fmt: skip


def test_only_what_is_about_a_member_and_says_so_is_told(shop, ada, now, follow_all):
    switch_on(shop, now)
    with transaction.atomic():
        about_a_plan = PlanApproved(subject=str(ada.public_id), plan="p", sends=3, approved_by=1)
        record(about_a_plan, key="p", at=now)
        paid_by_nobody = OrderPaid(subject="not a member", order="O9", store="S", total="1.00", currency="USD")
        record(paid_by_nobody, key="O9", at=now)
    follow_all()
    assert [name for name, _ in told()] == ["member.joined"]


def test_every_property_that_is_told_is_one_the_event_has():
    kinds = list(told_events())
    assert {kind.name for kind in kinds} >= {"order.paid", "points.awarded", "message.clicked", "member.joined"}
    for kind in kinds:
        fields = set(kind.__dataclass_fields__)
        assert set(kind.told or ()) <= fields - {"subject", "address", "wording", "url"}, kind
        assert kind.untold_with is None or kind.untold_with in fields, kind
    assert DomainEvent.told is None, "a new event is told to nobody until it says so"


def test_what_a_machine_opened_is_nobodys_doing(shop, ada, now, follow_all):
    switch_on(shop, now)
    with transaction.atomic():
        for key, machine in (("1", ""), ("2", "Apple Mail")):
            mail = {"subject": str(ada.public_id), "send": "s", "campaign": "c", "machine": machine}
            record(MessageOpened(**mail), key=key, at=now)
            record(MessageClicked(**mail, url="https://shop.example/?token=secret"), key=key, at=now)
    follow_all()
    names = ("message.opened", "message.clicked")
    assert [name for name, _ in told(name__in=names)] == ["message.clicked", "message.opened"]
    assert "secret" not in str(list(TrackedEvent.objects.values_list("properties")))


def test_it_comes_along_in_steps_and_tells_how_far_it_is(shop, ada, now, follow_all, monkeypatch):
    for number in range(7):
        pay(ada, f"O{number}", now)
    follow_all()
    monkeypatch.setattr(projections, "BATCH", 3)
    switch_on(shop, now)
    steps = []
    while step := advance(own_events.FOLLOWER, now=now):
        steps.append((step, ReceivedEvent.objects.count()))
    assert [passed for passed, _ in steps] == [3, 3, 2]
    assert [there for _, there in steps] == [3, 6, 8]
    assert own_events.FOLLOWER in {state.name for state in follower_states()}


def test_nobody_gets_a_key_to_the_shops_own_events(shop, now):
    own = switch_on(shop, now)
    for make in (partners.add_write_key, partners.add_pair):
        with pytest.raises(partners.OurOwn):
            make(system=own.system, by=None)
    with pytest.raises(partners.OurOwn):
        partners.change_system(own.system, name="Till", kind="WEBSITE", events_per_second=0, is_active=True)
    with pytest.raises(partners.OurOwn):
        partners.add_system(partner=shop, name="Another", kind="REGULARS")


def test_a_partner_with_logins_is_taken_only_by_somebody_who_says_so(shop, now):
    guest = User.objects.create_user("gil@harbor.example", name="Gil")
    partners.give_access(user=guest, partner=shop)
    with pytest.raises(own_events.SeenByOthers, match="1 person"):
        switch_on(shop, now)
    assert not OwnEvents.objects.exists()
    assert switch_on(shop, now, may_be_seen=True).system.is_own


def test_off_and_on_again_tells_nothing_twice_though_the_read_side_has_not_caught_up(shop, ada, now, follow_all):
    with transaction.atomic():
        event = OrderPaid(subject=str(ada.public_id), order="1", store="S", total="1", currency="USD")
        record(event, key="1", at=now)
    switch_on(shop, now)
    advance(own_events.FOLLOWER, now=now)
    told = ReceivedEvent.objects.count()
    own_events.switch_off(OwnEvents.objects.select_related("system").get())
    switch_on(shop, now)
    advance(own_events.FOLLOWER, now=now)
    assert ReceivedEvent.objects.count() == told > 0
    follow_all()
    assert not TrackedEvent.objects.filter(is_valid=False).exists()
