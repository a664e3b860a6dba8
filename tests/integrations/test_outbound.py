"""Events out by webhook: what is told to whom, signed, tried again by a schedule, given up, and led nowhere inside."""

import datetime as dt
import json
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import connection, transaction
from django.utils import timezone
from standardwebhooks import Webhook

from campaigns.events import MessageClicked
from config.shared.sealing import SealBroken, seal, unseal
from integrations.models import DeliveryAttempt, Destination, OutboundDelivery, StaffAlert
from integrations.outbound import delivering, following, managing, noting, parcels, queries
from integrations.outbound.base import Answer, Notice, Verdict
from integrations.outbound.kinds import kinds
from loyalty.actions import profiles
from tests.integrations.outbound import JOINED, LEFT, PAID, House, Status, a_house, secret_of, statuses
from tests.integrations.test_outgoing import listening
from tests.providers import Call, Reply, opened
from tests.webhook_receiver import EVERYBODY, Receiver
from tracking.actions import projections, record
from tracking.models import Event

pytestmark = pytest.mark.django_db
SCHEDULE = [dt.timedelta(**wait) for wait in (
    {"seconds": 0}, {"seconds": 5}, {"minutes": 5}, {"minutes": 30}, {"hours": 2}, {"hours": 5}, {"hours": 10},
    {"hours": 10},
)]  # fmt: skip


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
    made = house.webhook(f"{receiver.address}/hooks")
    receiver.secrets.append(secret_of(made))
    return made


# --- What is told -------------------------------------------------------------------------------------------------


def test_what_happens_is_told_once_signed_and_about_a_member_by_id(
    house: House, receiver: Receiver, warehouse: Destination, now: dt.datetime
) -> None:
    ada = house.join(email="ada@example.com", phone="+12125550123")
    house.pay(ada, 1)
    assert house.deliver() == 2
    assert house.deliver(hours=1) == 0
    told = {call["type"]: call for call in receiver.taken}
    assert set(told) == {JOINED, PAID}
    paid = told[PAID]
    assert paid["timestamp"] == "2026-03-29T15:30:00Z"
    assert paid["data"] == {
        "member": str(ada.public_id), "order": "A-1", "store": "Harbor", "total": "64.50", "currency": "USD"
    }  # fmt: skip
    assert "ada@example.com" not in str(receiver.calls)
    assert statuses() == [Status.DELIVERED] * 2


def test_the_reference_library_believes_a_call_that_is_fresh(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    house.join()
    house.follow()
    delivering.deliver(clock=timezone.now)
    call = receiver.calls[0]
    assert Webhook(secret_of(warehouse)).verify(call.body, dict(call.headers))["type"] == JOINED
    assert call.headers["Content-Type"] == "application/json"


def test_only_what_was_chosen_and_what_may_be_told_is_told(house: House, receiver: Receiver, now: dt.datetime) -> None:
    made = house.webhook(receiver.address, events=(PAID, "message.clicked", "members.exported"))
    receiver.secrets.append(secret_of(made))
    assert made.events == [PAID, "message.clicked"]  # an export is nobody else's business
    ada = house.join()
    house.pay(ada, 1)
    for machine in ("", "prefetch"):
        click = MessageClicked(
            subject=str(ada.public_id), send="s", campaign="c", url="https://shop.example/?secret", machine=machine
        )
        with transaction.atomic():
            record(click, key=f"click {machine}", at=now)
    house.deliver()
    told = {call["type"]: call["data"] for call in receiver.taken}
    assert (len(receiver.taken), set(told)) == (2, {PAID, "message.clicked"})
    assert told["message.clicked"] == {"member": str(ada.public_id), "send": "s", "campaign": "c"}


def test_who_people_are_is_told_only_where_somebody_asked_for_it_and_of_nobody_who_left(
    house: House, receiver: Receiver, now: dt.datetime
) -> None:
    made = house.destination("webhook", {"url": receiver.address}, tells_people=True)
    receiver.secrets.append(secret_of(made))
    ada, bob = house.join(email="ada@example.com", phone="+12125550123"), house.join("Bob", email="bob@example.com")
    profiles.forget(bob, now=now)
    house.deliver()
    told = {(call["type"], call["data"]["member"]): call["data"].get("person") for call in receiver.taken}
    assert told == {
        (JOINED, str(ada.public_id)): {"name": "Ada", "email": "ada@example.com", "phone": "+12125550123"},
        (JOINED, str(bob.public_id)): None,
        (LEFT, str(bob.public_id)): None,
    }
    with connection.cursor() as cursor:
        for model in (OutboundDelivery, DeliveryAttempt):
            cursor.execute(f"SELECT string_agg(row::text, ' ') FROM {model._meta.db_table} row")
            assert "ada@example.com" not in cursor.fetchone()[0]


def test_what_a_receiver_repeats_of_people_is_not_kept(house: House, receiver: Receiver) -> None:
    made = house.destination("webhook", {"url": receiver.address}, tells_people=True)
    receiver.secrets.append(secret_of(made))
    receiver.answers[EVERYBODY] = Reply(500, rb"No Zo\u00eb, Zo&euml; or Zo%C3%AB, that is +1 (212) 555-0123, here.")
    house.join("Zoë", email="zoe@example.com", phone="+12125550123")
    house.deliver()
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.status, attempt.answer, attempt.error) == (500, "", "It answered 500.")


def test_of_an_answer_the_beginning_is_kept_without_addresses(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    receiver.answers[EVERYBODY] = Reply(500, b"No <ada@example.com>, +12125550123, here. " + b"a" * 60_000)
    house.join()
    began = monotonic()
    house.deliver()
    assert monotonic() - began < 5  # nor is all of it looked at
    answer = DeliveryAttempt.objects.get().answer
    assert "here." in answer
    for word in ("ada@", "2125550123"):
        assert word not in answer


def test_what_happened_before_or_while_it_was_off_is_not_told(house: House, receiver: Receiver) -> None:
    ahead = timezone.now() + dt.timedelta(days=1)
    made = managing.create(
        kind="webhook", name="Warehouse", options={"url": receiver.address}, events=[JOINED], tells_people=False,
        secret="", by_id=None, now=ahead,
    ).destination  # fmt: skip
    house.join()
    house.follow()
    assert statuses() == []
    Destination.objects.update(told_since=house.now)
    managing.disable(destination=made)
    house.join("Bob")
    house.follow()
    assert statuses() == []


def test_reading_the_log_again_tells_nothing_twice(house: House, receiver: Receiver, warehouse: Destination) -> None:
    house.join()
    house.deliver()
    projections.rebuild("integrations.outbound", now=timezone.now())
    assert house.deliver(hours=1) == 0
    assert len(receiver.taken) == 1


def test_reading_the_log_again_tells_nothing_of_which_the_delivery_was_dropped(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    house.join()
    house.deliver()
    month_later = timezone.now() + dt.timedelta(days=31)
    assert delivering.forget_old_deliveries(now=month_later) == 1
    assert not DeliveryAttempt.objects.exists()
    assert following.owe(list(Event.objects.values_list("pk", flat=True)), now=month_later) == 0


# --- Failures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [Reply(500), Reply(404), Reply(302, headers={"Location": "https://shop.example/"})])
def test_a_receiver_that_is_down_is_tried_eight_times_over_a_day_and_then_it_has_failed(
    house: House, receiver: Receiver, warehouse: Destination, reply: Reply
) -> None:
    receiver.answers[EVERYBODY] = reply
    house.join()
    house.follow()
    passed = dt.timedelta()
    for number, wait in enumerate(SCHEDULE, start=1):
        passed += wait
        if wait:
            house.deliver(seconds=passed.total_seconds() - 1)
            assert len(receiver.calls) == number - 1  # not a second too early
        house.deliver(seconds=passed.total_seconds())
        assert len(receiver.calls) == number
    assert statuses() == [Status.FAILED]
    assert house.deliver(days=3) == 0
    assert len(receiver.calls) == 8
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1
    assert DeliveryAttempt.objects.count() == 8
    assert str(reply.status) in OutboundDelivery.objects.get().error


def test_after_three_days_of_silence_everything_is_told_again_by_one_click(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    receiver.hangs_up_before.add(EVERYBODY)
    house.pay(house.join(), *range(5))
    for quarters in range(72 * 4):
        house.deliver(minutes=15 * quarters)
    assert set(statuses()) == {Status.FAILED}
    receiver.hangs_up_before.clear()
    later = house.began + dt.timedelta(days=3, hours=1)
    assert managing.replay_failed(destination=warehouse, since=later, now=later) == 0
    assert managing.replay_failed(destination=warehouse, since=house.now, now=later) == 6
    assert house.deliver(days=3, hours=2) == 6
    assert len(receiver.told) == 6
    health = Destination.objects.get()
    assert (health.failing_since, health.last_error) == (None, "")


def test_one_delivery_is_told_again_under_the_same_id(house: House, receiver: Receiver, warehouse: Destination) -> None:
    house.join()
    house.deliver()
    delivery = OutboundDelivery.objects.get()
    managing.replay(delivery=delivery, now=house.began)
    with pytest.raises(managing.AlreadySo):
        managing.replay(delivery=delivery, now=house.began)
    assert house.deliver(minutes=1) == 1
    assert (len(receiver.taken), len(receiver.told)) == (2, 1)


def test_a_pause_that_is_asked_for_is_kept_for_all_of_it(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    receiver.answers[EVERYBODY] = Reply(429, headers={"Retry-After": "600"})
    house.join()
    house.deliver()
    receiver.answers.clear()
    house.join("Bob")
    assert house.deliver(minutes=9) == 0
    assert house.deliver(minutes=11) == 2


def test_410_ends_it_and_staff_are_told(
    house: House, receiver: Receiver, warehouse: Destination, settings: Any
) -> None:
    receiver.answers[EVERYBODY] = Reply(410)
    house.join()
    house.deliver()
    ended = Destination.objects.get()
    assert not ended.is_enabled
    assert "410" in ended.disabled_because
    alert = StaffAlert.objects.get()
    assert alert.title == "Warehouse is told nothing any more"
    assert str(warehouse.public_id) in alert.link
    assert LogEntry.objects.get_for_object(ended).filter(changes__has_key="is_enabled").exists()
    receiver.answers.clear()
    house.join("Bob")
    assert house.deliver(days=1) == 0
    managing.enable(destination=ended, may_see_people=True, now=house.now)
    house.join("Eve")
    assert house.deliver(days=1) == 1  # what happened while it was off is not told


def test_five_days_of_nothing_but_failures_end_it(house: House, receiver: Receiver, warehouse: Destination) -> None:
    receiver.answers[EVERYBODY] = Reply(500)
    for day in range(5):
        house.join(f"Member {day}")
        house.deliver(days=day)
    assert Destination.objects.get().is_enabled
    house.join("Last")
    house.deliver(days=5)
    assert not Destination.objects.get().is_enabled
    assert "5 days" in StaffAlert.objects.get().text


def test_two_bad_hours_a_week_apart_do_not_end_it(house: House, receiver: Receiver, warehouse: Destination) -> None:
    """Nothing happened in between that could have been told."""
    receiver.answers[EVERYBODY] = Reply(500)
    house.join()
    house.deliver()
    OutboundDelivery.objects.update(status=Status.FAILED)
    house.join("Bob")
    house.deliver(days=6)
    assert Destination.objects.get().is_enabled
    assert not StaffAlert.objects.exists()


def test_who_goes_on_failing_is_left_alone_for_longer_and_longer(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    """It answers at once, so it would be called as fast as it answers."""
    receiver.answers[EVERYBODY] = Reply(500)
    house.pay(house.join(), *range(199))
    heard = []
    for seconds in range(240):
        house.deliver(seconds=seconds)
        heard.append(len(receiver.calls))
    assert heard[0] <= 2 * parcels.CALLS_AT_ONCE
    assert heard[59] - heard[0] <= 12
    assert heard[239] - heard[179] <= 4
    receiver.answers.clear()
    assert house.deliver(seconds=300) > 0


def test_one_failure_in_between_costs_no_rest(house: House, receiver: Receiver, warehouse: Destination) -> None:
    receiver.answers[EVERYBODY] = Reply(500)
    house.join()
    house.deliver()
    receiver.answers.clear()
    house.pay(house.join("Bob"), *range(99))
    assert house.deliver(seconds=1) == 101 - 1  # all but the one that waits for its second attempt


def test_one_success_in_between_counts_the_days_anew(house: House, receiver: Receiver, warehouse: Destination) -> None:
    for day in range(8):
        receiver.answers = {} if day == 4 else {EVERYBODY: Reply(500)}
        house.join(f"Member {day}")
        house.deliver(days=day)
    assert Destination.objects.get().is_enabled
    assert not StaffAlert.objects.exists()


def test_who_hangs_holds_up_no_other(house: House, receiver: Receiver, warehouse: Destination) -> None:
    with opened(Receiver()) as sleeper:
        slow = house.webhook(sleeper.address, name="Sleeper")
        sleeper.secrets.append(secret_of(slow))
        sleeper.silent_after.add(EVERYBODY)
        house.pay(house.join(), *range(59))
        assert house.deliver() == 60
    assert len(receiver.told) == 60
    waits = statuses(destination=slow)
    assert waits.count(Status.WAITING) == 60
    # Five at once when it was thought well, then it rests.
    assert 5 <= len(sleeper.calls) <= 6
    assert max(heard_together(sleeper.heard_at, 0.4)) <= parcels.CALLS_AT_ONCE


def test_two_slow_ones_with_much_to_tell_leave_threads_to_a_third(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "THREADS", 4)
    with opened(Sleepy()) as sleepy:
        for name in ("A slow one", "Another slow one"):
            sleepy.secrets.append(secret_of(house.webhook(sleepy.address, name=name)))
        third = house.webhook(receiver.address, name="Zebra")
        receiver.secrets.append(secret_of(third))
        house.pay(house.join(), *range(29))
        began = monotonic()
        house.deliver()
    assert len(receiver.told) == 30
    assert receiver.heard_at[0] - began < 1  # it does not wait until somebody slow is through
    assert set(statuses()) == {Status.DELIVERED}


class Sleepy(Receiver):
    """It takes everything, in its own time."""

    def serve(self, call: Call) -> Reply:
        self.released.wait(0.1)
        return super().serve(call)


def test_who_was_told_least_recently_is_told_next(house: House, receiver: Receiver) -> None:
    first, second, third = (house.webhook(receiver.address, name=name) for name in "ABC")
    house.pay(house.join(), *range(99))
    house.follow()
    later = house.began
    for expected in (first, second, third, first):
        number = parcels.with_work(later)[0].pk
        assert number == expected.pk
        assert parcels.claimed(number, later, calls=1)
        later += dt.timedelta(seconds=1)


def test_one_outcome_that_cannot_be_noted_costs_no_other_anything_and_is_an_attempt(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    with opened(Receiver()) as odd, connection.cursor() as cursor:
        other = house.webhook(odd.address, name="A odd one")
        odd.secrets.append(secret_of(other))
        odd.answers[EVERYBODY] = Reply(500, b"what the database refuses")
        cursor.execute(
            "CREATE FUNCTION refused() RETURNS trigger AS $$ BEGIN IF NEW.answer LIKE '%refuses' THEN"
            " RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$ LANGUAGE plpgsql"
        )
        cursor.execute(
            "CREATE TRIGGER refused BEFORE INSERT ON integrations_deliveryattempt"
            " FOR EACH ROW EXECUTE FUNCTION refused()"
        )
        house.join()
        assert house.deliver() == 1
    assert statuses(destination=warehouse) == [Status.DELIVERED]
    waiting = OutboundDelivery.objects.get(destination=other)
    assert (waiting.attempts, waiting.error) == (1, parcels.FAILED_HERE)
    assert waiting.claimed_until is None


def test_a_kind_that_breaks_at_the_fourth_of_five_leaves_three_told(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    house.pay(house.join(), *range(4))
    house.follow()
    (parcel,) = parcels.claimed(warehouse.pk, house.began)
    assert parcel.kind
    broken = replace(parcel, kind=BreaksAtTheFourth(parcel.kind.options, parcel.kind.secrets))
    assert noting.note(parcel, delivering.tell(broken, house.began), house.began) == 3
    rows = OutboundDelivery.objects.order_by("pk").values_list("status", "attempts", "error")
    assert list(rows[:3]) == [(Status.DELIVERED, 1, "")] * 3
    assert list(rows[3:]) == [(Status.WAITING, 1, parcels.FAILED_HERE), (Status.WAITING, 0, "")]


class BreaksAtTheFourth(kinds()["webhook"]):  # type: ignore[misc]
    seen = 0

    def verdicts(self, answer: Answer, notices: Sequence[Notice]) -> list[Verdict]:
        self.seen += 1
        if self.seen == 4:
            raise OverflowError("An answer nobody thought of.")
        return super().verdicts(answer, notices)


def heard_together(moments: list[float], seconds: float) -> list[int]:
    return [sum(moment <= other < moment + seconds for other in moments) for moment in moments]


def test_two_sweeps_at_once_keep_to_the_limit_and_take_each_delivery_once(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    house.pay(house.join(), *range(99))
    house.follow()
    first = parcels.claimed(warehouse.pk, house.began)
    second = parcels.claimed(warehouse.pk, house.began)
    assert [len(parcel.deliveries) for parcel in first] == [10] * parcels.CALLS_AT_ONCE
    assert second == []


def test_what_waited_behind_a_failure_was_not_tried(house: House, receiver: Receiver, warehouse: Destination) -> None:
    receiver.answers[EVERYBODY] = Reply(500)
    house.pay(house.join(), *range(9))
    house.follow()
    (parcel,) = parcels.claimed(warehouse.pk, house.began)
    noting.note(parcel, delivering.tell(parcel, house.began), house.began)
    assert len(receiver.calls) == 1
    assert sorted(OutboundDelivery.objects.values_list("attempts", flat=True)) == [0] * 9 + [1]
    assert parcels.due(house.began).count() == 9


def test_what_a_dead_worker_held_is_told_under_the_same_id(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    """It told the event and died before it could note that."""
    house.join()
    house.follow()
    (parcel,) = parcels.claimed(warehouse.pk, house.began)
    delivering.tell(parcel, house.began)
    assert house.deliver(minutes=1) == 0  # still in its hands, for all anybody knows
    assert house.deliver(minutes=4) == 1
    assert (len(receiver.taken), len(receiver.told)) == (2, 1)


def test_a_late_yes_counts_and_a_late_no_does_not(house: House, receiver: Receiver, warehouse: Destination) -> None:
    house.join()
    house.follow()
    (slow,) = parcels.claimed(warehouse.pk, house.began)
    late_no = [noting.Outcome(verdict=Verdict(error="It answered 500."))]
    late_yes = delivering.tell(slow, house.began)
    (quick,) = parcels.claimed(warehouse.pk, house.began + dt.timedelta(minutes=4))
    assert noting.note(slow, late_no, house.began) == 0
    assert OutboundDelivery.objects.get().claimed_until is not None  # the other worker's lease stands
    assert noting.note(quick, late_yes, house.began) == 1
    assert statuses() == [Status.DELIVERED]


def test_deleting_a_destination_while_it_is_told_harms_nobody(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    house.join()
    house.follow()
    (parcel,) = parcels.claimed(warehouse.pk, house.began)
    managing.delete(destination=warehouse, now=house.began)
    assert delivering.finish_deletions(clock=lambda: house.began) == 1
    assert noting.note(parcel, delivering.tell(parcel, house.began), house.began) == 0
    assert not OutboundDelivery.objects.exists()


def test_a_deleted_destination_goes_bit_by_bit_and_leaves_its_name_at_once(
    house: House, receiver: Receiver, warehouse: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "BATCH", 4)
    house.pay(house.join(), *range(9))
    house.deliver()
    managing.delete(destination=warehouse, now=house.began)
    with pytest.raises(managing.AlreadySo, match="being deleted already"):
        managing.delete(destination=warehouse, now=house.began)
    with pytest.raises(managing.AlreadySo, match="being deleted"):
        managing.enable(destination=warehouse, may_see_people=True, now=house.began)
    assert house.webhook(receiver.address).name == warehouse.name
    passed = iter([house.began, house.began + dt.timedelta(minutes=1)])
    assert delivering.finish_deletions(clock=lambda: next(passed)) == 4
    assert OutboundDelivery.objects.filter(destination=warehouse).count() == 6
    assert delivering.finish_deletions(clock=lambda: house.began) == 6
    assert not Destination.objects.filter(pk=warehouse.pk).exists()


def test_of_very_much_that_failed_the_oldest_is_told_again_first(
    house: House, receiver: Receiver, warehouse: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(managing, "AT_ONCE", 4)
    house.pay(house.join(), *range(5))
    house.follow()
    OutboundDelivery.objects.update(status=Status.FAILED)
    told = [managing.replay_failed(destination=warehouse, since=house.now, now=house.began) for _ in range(3)]
    assert told == [4, 2, 0]


def test_the_trail_says_where_a_destination_leads_and_not_the_key_in_its_address(
    house: House, receiver: Receiver
) -> None:
    made = house.webhook("https://one.example/?token=0ne")
    changed = {"name": made.name, "events": made.events, "tells_people": False, "secret": "", "may_see_people": True}
    managing.change(destination=made, options={"url": "https://two.example/?token=tw0"}, **changed)
    trail = str(list(LogEntry.objects.get_for_object(made).values_list("changes", flat=True)))
    assert "one.example" in trail
    assert "two.example" in trail
    assert "0ne" not in trail
    assert "tw0" not in trail


def test_ten_gigabytes_of_answer_are_not_read(house: House, settings: Any) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES, settings.OUTGOING_TIMEOUT = True, 2
    sent = 0

    def gush(guest: socket.socket) -> None:
        nonlocal sent
        guest.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n")
        while True:
            sent += guest.send(b"ada@example.com " * 4_096)

    with listening("127.0.0.1", gush) as (port, _):
        house.webhook(f"http://127.0.0.1:{port}/")
        house.join()
        assert house.deliver() == 1
    assert sent < 32 * 2**20  # what was on its way in the machine's buffers
    answer = DeliveryAttempt.objects.get().answer
    assert len(answer) <= 1_024
    assert "ada@example.com" not in answer


# --- Nobody is led inside -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        *("https://127.0.0.1:{port}/", "https://[::1]:{port}/", "https://[::ffff:7f00:1]:{port}/"),
        *("https://169.254.169.254/latest/meta-data/", "https://10.0.0.1:{port}/", "https://0x7f.1:{port}/"),
        *("https://2130706433:{port}/", "https://localhost:{port}/", "http://127.0.0.1:{port}/"),
        *("file:///etc/passwd", "gopher://127.0.0.1:{port}/", "https://127.1:{port}/"),
    ],
)
def test_no_address_leads_inside_whatever_the_form_let_through(url: str, house: House, settings: Any) -> None:
    settings.OUTGOING_TIMEOUT = 1
    with listening("127.0.0.1", _banner) as (port, guests), listening("::1", _banner) as (_, others):
        house.webhook(url.format(port=port))
        house.join()
        assert house.deliver() == 0
    assert guests + others == []
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.status, attempt.answer) == (None, "")
    assert "banner" not in attempt.error


def test_a_name_that_changes_its_mind_leads_nowhere(
    house: House, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public while it is judged, 127.0.0.1 from then on."""
    settings.OUTGOING_TIMEOUT = 1
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host != "rebind.example":
            return real(host, port, *rest, **more)
        asked.append(host)
        place = "192.0.2.1" if len(asked) % 2 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port))]

    with listening("127.0.0.1", _banner) as (port, guests):
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        house.webhook(f"https://rebind.example:{port}/")
        house.join()
        house.deliver()
        house.deliver(seconds=6)
    assert guests == []
    assert "banner" not in str(list(DeliveryAttempt.objects.values_list("error", "answer")))


def test_a_redirect_is_a_failure_and_not_followed(house: House, receiver: Receiver, warehouse: Destination) -> None:
    with listening("127.0.0.1", _banner) as (port, guests):
        receiver.answers[EVERYBODY] = Reply(307, headers={"Location": f"http://127.0.0.1:{port}/"})
        house.join()
        assert house.deliver() == 0
    assert guests == []
    assert "Redirects are not followed" in OutboundDelivery.objects.get().error


def _banner(guest: socket.socket) -> None:
    guest.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbanner")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://shop.example/", "https://"),
        ("https://127.0.0.1/", "private network"),
        ("https://[::1]/", "private network"),
        ("https://[fd00::1]/", "private network"),
        ("https://localhost/", "private network"),
        ("https://user:secret@shop.example/", "user and password"),
        ("https://", "host"),
        ("https://shop example/", "host"),
        ("https://[half/", "not an address"),
        ("file:///etc/passwd", "https://"),
    ],
)
def test_the_form_says_what_to_change_about_an_address(url: str, says: str) -> None:
    form = kinds()["webhook"].form({"url": url})
    assert not form.is_valid()
    assert says in form.errors["url"][0]


# --- Secrets ------------------------------------------------------------------------------------------------------


def test_secrets_are_sealed_in_the_database_and_have_the_length_the_standard_asks_for(
    house: House, receiver: Receiver
) -> None:
    made = managing.create(
        kind="webhook", name="Warehouse", options={"url": receiver.address}, events=[JOINED], tells_people=False,
        secret="", by_id=None, now=house.now,
    )  # fmt: skip
    assert 24 <= len(Webhook(made.secret)._whsecret) <= 64
    with connection.cursor() as cursor:
        cursor.execute("SELECT row::text FROM integrations_destination row")
        assert made.secret not in cursor.fetchone()[0]
    assert made.secret not in str(LogEntry.objects.values_list("changes", flat=True))


def test_a_new_secret_signs_beside_the_old_one_for_a_day(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    old = secret_of(warehouse)
    new = managing.rotate(destination=warehouse, may_see_people=True, now=house.began)
    assert old != new
    house.join()
    assert house.deliver(hours=23) == 1  # the receiver knows the old one only
    house.join("Bob")
    assert house.deliver(hours=25) == 0
    receiver.secrets[:] = [new]
    assert house.deliver(hours=26) == 1


def test_what_was_sealed_under_an_earlier_signing_key_can_be_opened(settings: Any) -> None:
    sealed = seal("whsec_abc")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key of this shop", [settings.SECRET_KEY]
    assert unseal(sealed) == "whsec_abc"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(SealBroken, match="SECRET_KEY_FALLBACKS"):
        unseal(sealed)


def test_a_secret_nobody_can_read_any_more_is_a_failure_in_words(
    house: House, receiver: Receiver, warehouse: Destination, settings: Any
) -> None:
    house.join()
    house.follow()
    key = settings.SECRET_KEY
    settings.SECRET_KEY = "another key of this shop"
    assert house.deliver() == 0
    assert "SECRET_KEY" in OutboundDelivery.objects.get().error
    settings.SECRET_KEY = key
    assert house.deliver(seconds=6) == 1


# --- Tests and numbers --------------------------------------------------------------------------------------------


def test_a_test_takes_the_way_every_event_takes_and_is_about_nobody(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    managing.send_test(destination=warehouse, event_name=PAID, now=house.began)
    assert house.deliver() == 1
    test = receiver.taken[0]
    assert test["type"] == PAID
    assert test["data"]["is_test"] is True
    assert test["data"]["member"] == "00000000-0000-0000-0000-000000000000"
    managing.disable(destination=warehouse)
    with pytest.raises(managing.AlreadySo, match="Switch it on"):
        managing.send_test(destination=warehouse, event_name=PAID, now=house.began)


def test_the_body_shown_on_a_page_is_the_body_that_was_sent(
    house: House, receiver: Receiver, warehouse: Destination
) -> None:
    house.join()
    house.deliver()
    delivery = OutboundDelivery.objects.select_related("destination", "event").get()
    told = queries.told_with(delivery, may_see_people=True, now=house.began)
    assert json.loads(told.body) == json.loads(receiver.calls[0].body)
    assert told.id == receiver.calls[0].headers["webhook-id"]


def test_a_name_is_taken_once_and_at_least_one_event_is_chosen(house: House, warehouse: Destination) -> None:
    with pytest.raises(managing.NameTaken, match="another name"):
        house.webhook("https://shop.example/")
    with pytest.raises(managing.NothingChosen):
        house.webhook("https://shop.example/", name="Other", events=())


def test_many_destinations_hear_of_the_same_event(house: House, receiver: Receiver, warehouse: Destination) -> None:
    with ExitStack() as stack:
        others = [stack.enter_context(opened(Receiver())) for _ in range(3)]
        for number, other in enumerate(others):
            other.secrets.append(secret_of(house.webhook(other.address, name=f"Other {number}")))
        house.join()
        assert house.deliver() == 4
        assert len({call["webhook-id"] for each in (receiver, *others) for call in each.taken}) == 1
