"""The till view: staff find a member, try a basket, enter an order, and hand over what is held."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from loyalty.actions import members, redemptions
from loyalty.models import Member, Order, PointsAccount, PointsEntry, Store
from tests.loyalty.counter import Counted

LINES = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "0", "form-0-sku": "GIN", "form-0-quantity": "1",
         "form-0-amount": "29.90", "form-1-sku": "", "form-1-quantity": "1", "form-1-amount": ""}  # fmt: skip


@pytest.fixture
def ada(db, now) -> Member:
    return members.join(name="Ada Lovelace", external_id="A1", email="ada@example.com", now=now, source="test")


@pytest.fixture
def sale(db) -> dict[str, str]:
    store = Store.objects.create(code="S1", name="Main Street")
    return LINES | {"store": str(store.pk), "number": "T-1"}


def test_a_member_who_is_the_only_one_found_is_shown_at_once(manager, client_of, ada):
    answer = client_of(manager).get(reverse("loyalty:till"), {"q": "ada@example.com"})
    assert answer["Location"] == reverse("loyalty:till-member", args=[ada.public_id])
    assert "Nobody found" in client_of(manager).get(reverse("loyalty:till"), {"q": "Grace"}).content.decode()


def test_a_basket_is_tried_and_nothing_is_written(manager, client_of, ada, sale):
    answer = client_of(manager).post(reverse("loyalty:till-try", args=[ada.public_id]), sale)
    assert "<strong>29</strong>" in answer.content.decode()
    assert not Order.objects.exists()
    assert not PointsEntry.objects.exists()


def test_an_order_is_entered_once_and_earns(manager, client_of, ada, sale, follow_events):
    client, path = client_of(manager), reverse("loyalty:till-order", args=[ada.public_id])
    for _ in range(2):
        assert client.post(path, sale).status_code == 302
    follow_events()
    assert Order.objects.get().total == Decimal("29.90")
    assert PointsAccount.objects.get(member=ada).balance == 29


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"form-0-amount": ""}, "Give the quantity and what was paid"),
        ({"form-0-sku": ""}, "Say which product this was paid for"),
        ({"form-0-sku": "", "form-0-amount": ""}, "Fill in at least one line"),
        ({"form-1-amount": "50"}, "Say which product this was paid for"),
        ({"paid_with_points": "30"}, "between 0 and the total"),
        ({"store": ""}, "This field is required"),
    ],
)
def test_an_order_that_cannot_be_meant_says_what_to_change(manager, client_of, ada, sale, change, words):
    answer = client_of(manager).post(reverse("loyalty:till-order", args=[ada.public_id]), sale | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Order.objects.exists()


def test_the_till_stays_in_the_store_where_the_last_order_was_entered(manager, client_of, ada, sale, now):
    home, client = Store.objects.create(code="S2", name="Elsewhere"), client_of(manager)
    grace = members.join(name="Grace", external_id="G1", now=now, source="test")
    Member.objects.filter(pk=grace.pk).update(home_store=home)
    shown = reverse("loyalty:till-member", args=[grace.public_id])
    assert client.get(shown).context["sale"]["store"].value() == home.pk
    client.post(reverse("loyalty:till-order", args=[ada.public_id]), sale)
    assert client.get(shown).context["sale"]["store"].value() == int(sale["store"])


def test_points_and_held_rewards_follow_by_themselves(manager, client_of, now):
    counter, client = Counted(now), client_of(manager)
    grace = counter.member("Grace", points=50)
    follows = reverse("loyalty:till-now", args=[grace.public_id])
    shown = client.get(follows).content.decode()
    assert ">50<" in shown
    assert "Nothing held" in shown
    assert "New order" not in shown
    held = redemptions.hold(member=grace, reward=counter.reward(cost=20), now=now)
    shown = client.get(follows).content.decode()
    assert ">30<" in shown
    assert held.code in shown


def test_what_follows_by_itself_does_not_look_through_the_rewards_each_time(manager, client_of, ada):
    client, url = client_of(manager), reverse("loyalty:till-now", args=[ada.public_id])
    client.get(url)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    asked = [query["sql"] for query in queries]
    assert len(asked) <= 8
    assert not [sql for sql in asked if 'FROM "loyalty_reward"' in sql or "loyalty_rewardpolicy" in sql]


def test_a_name_that_many_have_says_that_not_all_are_shown(manager, client_of, now):
    for n in range(6):
        members.join(name=f"Joan {n}", external_id=f"J{n}", now=now, source="test")
    answer = client_of(manager).get(reverse("loyalty:till"), {"q": "Joan"}).content.decode()
    assert "No more than 5 are shown" in answer
    assert "Joan 5" not in answer


def test_who_only_looks_has_no_till(viewer, client_of, ada):
    assert client_of(viewer).get(reverse("loyalty:till")).status_code == 403
    assert "Till" not in [
        place.label for place in client_of(viewer).get(reverse("loyalty:members")).context["navigation"]
    ]


def test_a_refused_order_opened_again_leads_back_to_the_member(manager, client_of, ada, sale):
    answer = client_of(manager).get(reverse("loyalty:till-order", args=[ada.public_id]))
    assert answer["Location"] == reverse("loyalty:till-member", args=[ada.public_id])


def test_a_product_that_the_catalogue_does_not_have_is_named_before_and_after(manager, client_of, ada, sale):
    client = client_of(manager)
    tried = client.post(reverse("loyalty:till-try", args=[ada.public_id]), sale).text
    assert "Not in the catalogue yet: GIN" in tried
    entered = client.post(reverse("loyalty:till-order", args=[ada.public_id]), sale, follow=True).text
    assert "New in the catalogue: GIN." in entered
    again = client.post(reverse("loyalty:till-order", args=[ada.public_id]), sale | {"number": "T-2"}, follow=True).text
    assert "New in the catalogue" not in again


def test_what_is_within_reach_follows_the_points(manager, client_of, now):
    counter, client = Counted(now), client_of(manager)
    counter.reward("Corkscrew", cost=40)
    url = reverse("loyalty:till-now", args=[counter.member("Grace", points=50).public_id])
    assert 'id="reach"' not in client.get(url, {"points": "50"}).text
    shown = client.get(url, {"points": "20"}).text
    assert 'id="reach"' in shown
    assert "within reach" in shown


@pytest.mark.parametrize("spoken", ["{0}", " {0} ", "{0}".lower()])
def test_a_held_rewards_code_leads_to_where_it_is_handed_over(manager, client_of, now, spoken):
    counter = Counted(now)
    held = redemptions.hold(member=counter.member("Grace", points=50), reward=counter.reward(cost=20), now=now)
    answer = client_of(manager).get(reverse("loyalty:till"), {"q": spoken.format(held.code)})
    assert answer["Location"] == reverse("loyalty:redemption", args=[held.public_id])


def test_who_is_too_young_does_not_join_at_the_staffs_pages_either(manager, client_of, now):
    url, named = reverse("loyalty:member-new"), {"name": "Kid Fifteen", "email": "kid@example.com"}
    young = f"{now.year - 15}-01-01"
    refused = client_of(manager).post(url, named | {"birth_date": young})
    assert refused.status_code == 422
    assert "or older to join" in refused.text
    assert not Member.objects.exists()


def test_at_the_till_it_says_who_is_too_young(manager, client_of, now):
    kid = members.join(name="Kid", external_id="K1", now=now, source="import", birth_date=now.date().replace(year=2015))
    assert "Too young" in client_of(manager).get(reverse("loyalty:till-member", args=[kid.public_id])).text


def test_the_number_that_a_refusal_names_finds_the_member(manager, client_of, ada):
    client = client_of(manager)
    for page, what in ((reverse("loyalty:till"), "Location"), (reverse("loyalty:members"), "")):
        answer = client.get(page, {"q": f"#{ada.pk}"})
        assert answer[what].endswith(f"{ada.public_id}/") if what else "Ada Lovelace" in answer.text
