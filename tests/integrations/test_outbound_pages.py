"""Integrations → Events out, over HTTP: who may do what, what is shown once, and what is never shown."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Destination, OutboundDelivery
from integrations.outbound import delivering, managing
from loyalty.models import User
from tests.customer_io import open_customer_io
from tests.integrations.outbound import JOINED, PAID, House, Status, a_house, secret_of
from tests.providers import Reply, opened
from tests.webhook_receiver import EVERYBODY, Receiver

pytestmark = pytest.mark.django_db
LIST = "/staff/integrations/events-out/"


@pytest.fixture
def house(follow_events: Callable[[], None], now: dt.datetime) -> House:
    return a_house(follow_events, now)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.ALLOW_PRIVATE_ADDRESSES, settings.OUTGOING_TIMEOUT = True, 0.5
    with opened(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def warehouse(house: House, receiver: Receiver) -> Destination:
    made = house.webhook(f"{receiver.address}/hooks?token=t0ken")
    receiver.secrets.append(secret_of(made))
    return made


@pytest.fixture
def desk(manager: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(manager)


def at(name: str, destination: Destination, *more: Any) -> str:
    return reverse(f"integrations:outbound-{name}", args=[destination.public_id, *more])


def filled(**more: Any) -> dict[str, Any]:
    return {"name": "Warehouse", "url": "https://shop.example/hooks", "events_loyalty": [JOINED, PAID]} | more


def text_of(answer: Any) -> str:
    return answer.content.decode()


def test_an_empty_page_says_what_there_is_to_set_up(desk: Client) -> None:
    page = text_of(desk.get(LIST))
    assert "Nobody else hears of anything yet" in page
    assert f"{LIST}new/webhook/" in page
    assert f"{LIST}new/customerio/" in page


def test_a_webhook_is_set_up_and_its_secret_is_shown_this_once(desk: Client, manager: User) -> None:
    answer = desk.post(f"{LIST}new/webhook/", filled())
    (secret,) = set(re.findall(r"whsec_[\w+/=]+", text_of(answer)))
    made = Destination.objects.get()
    assert secret == secret_of(made)
    assert "no-store" in answer["Cache-Control"]
    assert (made.events, made.tells_people, made.created_by) == ([JOINED, PAID], False, manager)
    for address in (LIST, at("destination", made), at("change", made)):
        assert secret not in text_of(desk.get(address))


def test_a_form_says_what_to_change_and_keeps_what_was_typed(desk: Client) -> None:
    answer = desk.post(f"{LIST}new/webhook/", {"name": "Warehouse", "url": "http://10.0.0.1/"})
    page = text_of(answer)
    assert answer.status_code == 422
    assert "must begin with https://" in page
    assert "Choose at least one event." in page
    assert 'value="http://10.0.0.1/"' in page
    assert desk.post(f"{LIST}new/webhook/", filled(url="https://10.0.0.1/")).status_code == 422
    assert desk.post(f"{LIST}new/webhook/", filled(events_loyalty=["members.exported"])).status_code == 422
    assert not Destination.objects.exists()
    assert desk.get(f"{LIST}new/pigeon/").status_code == 404


def test_a_second_one_of_the_same_name_is_refused_in_words(desk: Client) -> None:
    desk.post(f"{LIST}new/webhook/", filled())
    assert "There is a destination called Warehouse already" in text_of(desk.post(f"{LIST}new/webhook/", filled()))
    assert Destination.objects.count() == 1


def test_customer_io_is_set_up_with_its_own_key_which_is_never_shown(desk: Client, settings: Any, house: House) -> None:
    with open_customer_io(settings) as server:
        asked = {"name": "Customer.io", "region": "eu", "site_id": server.site_id, "events_loyalty": [JOINED]}
        assert desk.post(f"{LIST}new/customerio/", asked).status_code == 422
        answer = desk.post(f"{LIST}new/customerio/", asked | {"secret": server.api_key}, follow=True)
        assert server.api_key not in text_of(answer)
        made = Destination.objects.get()
        assert server.api_key not in text_of(desk.get(at("change", made)))
        desk.post(at("change", made), asked | {"name": "CRM"})
        house.join()
        assert house.deliver() == 1
    assert Destination.objects.get().name == "CRM"


def test_whoever_may_not_see_people_cannot_have_them_told(
    viewer: User, manager: User, client_of: Callable[[User], Client], warehouse: Destination
) -> None:
    viewer.user_permissions.add(Permission.objects.get(codename="change_destination"))
    told = filled(url=warehouse.options["url"], tells_people="on")
    client_of(viewer).post(at("change", warehouse), told)
    assert not Destination.objects.get().tells_people
    client_of(manager).post(at("change", warehouse), told)
    assert Destination.objects.get().tells_people
    client_of(viewer).post(at("change", warehouse), filled(url=warehouse.options["url"]))
    assert Destination.objects.get().tells_people  # as it was


def test_whoever_may_not_see_people_cannot_have_them_told_to_somebody_else(
    viewer: User, client_of: Callable[[User], Client], house: House, receiver: Receiver
) -> None:
    made = house.destination("webhook", {"url": f"{receiver.address}/hooks"}, tells_people=True)
    viewer.user_permissions.add(Permission.objects.get(codename="change_destination"))
    client, before = client_of(viewer), secret_of(made)
    form = client.get(at("change", made))
    assert "You may rename it and switch it off" in text_of(form)
    assert re.search(r'name="url"[^>]* disabled', text_of(form))
    for asked in (filled(url="https://thief.example/"), filled(url=made.options["url"], events_loyalty=[JOINED])):
        answer = client.post(at("change", made), asked)
        assert answer.status_code == 422
        assert "which you may not see" in text_of(answer)
    assert client.post(at("rotate", made)).status_code == 409
    assert client.post(at("change", made), {"name": "Renamed"}).status_code == 302
    client.post(at("switch", made), {"to": "off"})
    assert client.post(at("switch", made), {"to": "on"}).status_code == 409
    now = Destination.objects.get()
    assert (now.name, now.is_enabled, secret_of(made)) == ("Renamed", False, before)
    assert (now.options, now.events, now.tells_people) == (made.options, made.events, True)


@pytest.mark.parametrize(
    "asked",
    [{"options": {"url": "https://thief.example/"}}, {"events": [PAID]}, {"secret": "mine"}, {"tells_people": 0}],
)
def test_what_the_form_did_not_know_yet_is_refused_as_well(
    asked: dict[str, Any], house: House, warehouse: Destination
) -> None:
    """It was shown before somebody had people told of."""
    Destination.objects.update(tells_people=True)
    kept = {"name": "New", "options": warehouse.options, "events": warehouse.events, "tells_people": None, "secret": ""}
    with pytest.raises(managing.PeopleHidden, match="ask somebody"):
        managing.change(destination=warehouse, may_see_people=False, **kept | asked)
    managing.change(destination=warehouse, may_see_people=False, **kept)
    assert Destination.objects.get().tells_people


def test_a_viewer_looks_and_changes_nothing(
    viewer: User, client_of: Callable[[User], Client], warehouse: Destination, house: House
) -> None:
    house.destination("webhook", warehouse.options, name="CRM", tells_people=True)
    house.join(name="Ada Lovelace", email="ada@example.com")
    house.deliver()
    client = client_of(viewer)
    for destination in Destination.objects.all():
        page = text_of(client.get(at("destination", destination)))
        assert "t0ken" not in page
        delivery = destination.deliveries.get()
        shown = text_of(client.get(at("delivery", destination, delivery.public_id)))
        assert JOINED in shown
        for secret in ("ada@example.com", "Lovelace", "t0ken"):
            assert secret not in shown
        for verb in ("test", "secret", "switch", "replay", "delete"):
            assert client.post(f"{LIST}{destination.public_id}/{verb}/").status_code == 403
        assert client.post(at("delivery-again", destination, delivery.public_id)).status_code == 403
    assert client.get(f"{LIST}new/webhook/").status_code == 403


def test_a_test_leads_to_its_own_page_which_shows_what_came_of_it(
    desk: Client, warehouse: Destination, house: House, receiver: Receiver
) -> None:
    answer = desk.post(at("test", warehouse), {"event": PAID}, follow=True)
    assert 'hx-trigger="every 2s"' in text_of(answer)
    receiver.answers[EVERYBODY] = Reply(500, b"Out of paper")
    house.deliver()
    delivery = OutboundDelivery.objects.get()
    page = text_of(desk.get(at("delivery", warehouse, delivery.public_id)))
    for words in ("Out of paper", "It answered 500.", "1 of 8", "is_test", "t0ken"):
        assert words in page
    receiver.answers.clear()
    desk.post(at("delivery-now", warehouse, delivery.public_id))
    house.deliver(seconds=1)
    page = text_of(desk.get(at("delivery", warehouse, delivery.public_id)))
    assert "Delivered" in page
    assert "every 2s" not in page


def test_deliveries_are_narrowed_and_paged_by_key(
    desk: Client, warehouse: Destination, house: House, receiver: Receiver
) -> None:
    house.pay(house.join(), *range(60))
    house.deliver()
    first = text_of(desk.get(at("destination", warehouse)))
    older = re.search(r'href="(\?before=\d+)" rel="next"', first)
    assert older
    second = text_of(
        desk.get(at("destination", warehouse) + older[1], headers={"HX-Request": "true", "HX-Target": "deliveries"})
    )
    assert second.count("deliveries/") == 11
    assert "<html" not in second
    assert "No delivery fits" in text_of(desk.get(at("destination", warehouse) + "?status=failed"))
    joined = text_of(desk.get(at("destination", warehouse) + f"?event={JOINED}&status=delivered"))
    assert joined.count(f"<code>{JOINED}</code></a>") == 1
    for nonsense in ("before=x", "before=" + "9" * 30, "status=x", "event=x"):
        assert desk.get(f"{at('destination', warehouse)}?{nonsense}").status_code == 200


def test_what_failed_since_a_time_is_told_again(
    desk: Client, warehouse: Destination, house: House, receiver: Receiver
) -> None:
    house.join()
    house.deliver()
    OutboundDelivery.objects.update(status=Status.FAILED)
    answer = desk.post(at("replay", warehouse), {"since": "2126-01-01T00:00"})
    assert "future" in str(next(iter(get_messages(answer.wsgi_request))))
    since = timezone.localtime(timezone.now() - dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    desk.post(at("replay", warehouse), {"since": since})
    assert house.deliver(minutes=1) == 1


def test_it_is_switched_off_and_on_gets_a_new_secret_and_is_deleted(
    desk: Client, warehouse: Destination, house: House, receiver: Receiver
) -> None:
    desk.post(at("switch", warehouse), {"to": "off"})
    assert "It is switched off" in text_of(desk.get(at("destination", warehouse)))
    desk.post(at("switch", warehouse), {"to": "on"})
    page = text_of(desk.post(at("rotate", warehouse)))
    assert secret_of(warehouse) in page
    assert "The one before counts for another day" in page
    house.join()
    house.follow()
    desk.post(at("delete", warehouse))
    assert "Being deleted" in text_of(desk.get(LIST))
    page = text_of(desk.get(at("destination", warehouse)))
    assert "It is being deleted" in page
    assert 'commandfor="switch" command="show-modal"' not in page
    assert "is being deleted already" in text_of(desk.post(at("delete", warehouse), follow=True))
    delivering.finish_deletions(clock=timezone.now)
    assert not Destination.objects.exists()
    assert not OutboundDelivery.objects.exists()
    assert "gone already" in text_of(desk.post(at("delete", warehouse), follow=True))


def test_the_page_says_where_answers_are_not_kept(
    desk: Client, warehouse: Destination, house: House, receiver: Receiver
) -> None:
    tests = []
    for tells_people in (False, True):
        Destination.objects.update(tells_people=tells_people)
        test = managing.send_test(destination=warehouse, event_name=PAID, now=house.now)
        tests.append("is not kept" in text_of(desk.get(at("delivery", warehouse, test.public_id))))
    assert tests == [False, True]


def test_one_that_gave_up_says_why_on_the_list_and_on_its_page(
    desk: Client, warehouse: Destination, house: House, receiver: Receiver
) -> None:
    receiver.answers[EVERYBODY] = Reply(410)
    house.join()
    house.deliver()
    assert "Switched off by itself" in text_of(desk.get(LIST))
    assert "It answered 410" in text_of(desk.get(at("destination", warehouse)))


def test_the_list_costs_the_same_for_one_and_for_many(
    desk: Client, house: House, receiver: Receiver, django_assert_max_num_queries: Any
) -> None:
    for number in range(8):
        house.webhook(receiver.address, name=f"Shop {number}")
    house.join()
    house.follow()
    with django_assert_max_num_queries(16):
        assert text_of(desk.get(LIST)).count("<tr>") == 9


def test_prometheus_reads_what_waits(warehouse: Destination, house: House, receiver: Receiver) -> None:
    receiver.answers[EVERYBODY] = Reply(500)
    house.join()
    house.deliver()
    text = Client().get("/metrics").content.decode()
    assert "regulars_deliveries_waiting 1.0" in text
    assert "regulars_destinations_failing 1.0" in text


def test_nobody_reaches_a_delivery_through_another_destination(
    desk: Client, warehouse: Destination, house: House, receiver: Receiver
) -> None:
    other = house.webhook(receiver.address, name="Other")
    test = managing.send_test(destination=warehouse, event_name=PAID, now=house.now)
    assert desk.get(at("delivery", other, test.public_id)).status_code == 404
