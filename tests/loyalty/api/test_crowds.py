"""Many requests at the same moment, each a thread with a connection of its own: one effect for each key."""

import datetime as dt
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.actions.login_codes import send_codes
from loyalty.actions import login_codes, sign_in
from loyalty.api.shoppers import access_token
from loyalty.models import Device, Order, PointsEntry, Redemption, RefreshToken
from loyalty.rules.shopper_tokens import new_refresh_token
from tests.loyalty.api.conftest import Phone, TillCounter
from tests.loyalty.counter import Counted, assert_the_ledger_is_right, balance

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def counter(db: None) -> Counted:
    return Counted(timezone.now())


def phone_of(member: Any) -> Phone:
    phone, now = Phone(), timezone.now()
    device = Device.objects.create(member=member, name="Phone", created_at=now, seen_at=now)
    phone.access = access_token(device, now=now)
    return phone


def all_at_once(deeds: list[Callable[[], Any]]) -> list[Any]:
    start, answers = threading.Barrier(len(deeds)), []

    def run(deed: Callable[[], Any]) -> None:
        with closing(connection):
            start.wait(60)
            answers.append(deed())

    threads = [threading.Thread(target=run, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(deeds), "somebody ended in an error"
    return answers


def hold(phone: Phone, reward: Any, key: str) -> Callable[[], Any]:
    def ask() -> Any:
        own = Phone()
        own.access = phone.access
        return own.post("me/redemptions", {"reward": str(reward.public_id)}, idempotency_key=key)

    return ask


@pytest.mark.fault
def test_two_hundred_posts_with_one_key_hold_one_reward(counter: Counted):
    member, reward = counter.member(points=100_000), counter.reward()
    phone, answers = phone_of(member), []
    for _ in range(4):  # fifty connections at a time, as a server has them
        answers += all_at_once([hold(phone, reward, "one wish")] * 50)
    codes = Counter(answer.json().get("code") if answer.status_code != 201 else 201 for answer in answers)
    assert set(codes) <= {201, "in_progress"}, codes
    for answer in answers:
        if answer.status_code == 409:
            assert answer["Retry-After"] == "1"
    again = hold(phone, reward, "one wish")()
    same = [answer.json() for answer in answers if answer.status_code == 201]
    assert all(body == again.json() for body in same)
    other = counter.reward("Another")
    assert hold(phone, other, "one wish")().status_code == 422
    assert Redemption.objects.count() == 1
    assert PointsEntry.objects.filter(reason="HOLD").count() == 1
    assert balance(member) == 99_900
    assert_the_ledger_is_right()


@pytest.mark.fault
def test_fifty_tills_send_one_order_at_once(counter: Counted, till_of: Any, follow_events: Any):
    till: TillCounter = till_of(counter.store())
    member = counter.member()
    order = {
        "number": "T1",
        "member": str(member.public_id),
        "lines": [{"sku": "MALT", "quantity": "1", "amount": "20"}],
    }
    answers = all_at_once([lambda: TillCounter(till.key).post("orders", order)] * 50)
    assert {answer.status_code for answer in answers} == {201}
    assert Order.objects.get().lines.count() == 1


@pytest.mark.fault
def test_fifty_tries_at_once_are_no_more_than_five(counter: Counted):
    now = timezone.now()
    asked = login_codes.ask_for_code(channel="email", destination="ada@example.com", address=None, now=now)
    send_codes(now=now)
    guesses = [
        lambda guess=guess: Phone().post("sign-in/tokens", {"id": str(asked.public_id), "code": f"{guess:06d}"})
        for guess in range(50)
    ]
    answers = all_at_once(guesses)
    asked.refresh_from_db()
    assert {answer.status_code for answer in answers} <= {400, 409}
    assert asked.wrong_tries <= 5


@pytest.mark.fault
def test_a_refresh_token_shown_twenty_times_at_once_keeps_the_device_open(counter: Counted):
    now, made = timezone.now(), new_refresh_token()
    device = Device.objects.create(member=counter.member(), name="Phone", created_at=now, seen_at=now)
    RefreshToken.objects.create(
        device=device, digest=made.digest, created_at=now, expires_at=now + dt.timedelta(days=1)
    )
    tabs = all_at_once([lambda: sign_in.refresh(token=made.shown, address=None, now=timezone.now())] * 20)
    assert len({tab.refresh for tab in tabs}) == 20
    device.refresh_from_db()
    assert device.ended_at is None


@pytest.mark.fault
def test_strangers_and_members_are_answered_in_the_same_time(counter: Counted, settings: Any):
    """By the median of each: what one could measure from outside is far below the noise of a network."""
    for number in range(200):
        counter.member(f"Member {number}", email=f"m{number}@example.com")

    def seconds(email: str) -> float:
        phone = Phone(f"203.0.{abs(hash(email)) % 250}.{abs(hash(email)) // 250 % 250}")
        begun = time.perf_counter()
        assert phone.post("sign-in/codes", {"email": email}).status_code == 202
        return time.perf_counter() - begun

    took: dict[str, list[float]] = {"m": [], "s": []}
    for number in range(200):
        for kind, times in took.items():
            times.append(seconds(f"{kind}{number}@example.com"))
    assert abs(statistics.median(took["m"]) - statistics.median(took["s"])) < 0.005
