"""A write with an Idempotency-Key happens once, however often and however fast it is sent."""

import datetime as dt
from typing import Any

import pytest

from loyalty.actions import answers
from loyalty.models import Answer, Member, PointsEntry, Redemption
from tests.loyalty.api.conftest import JOIN, Phone
from tests.loyalty.counter import Counted, balance

pytestmark = pytest.mark.django_db


@pytest.fixture
def reward(counted: Counted, ada: Member) -> str:
    counted.give(ada, 250)
    return str(counted.reward().public_id)


def test_the_same_key_and_body_get_the_same_answer(signed_in: Phone, ada: Member, reward: str):
    first, again = (signed_in.post("me/redemptions", {"reward": reward}, idempotency_key="6f1c") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Redemption.objects.count() == 1
    assert balance(ada) == 150


def test_another_body_or_address_under_the_same_key_is_refused(signed_in: Phone, reward: str):
    held = signed_in.post("me/redemptions", {"reward": reward}, idempotency_key="6f1c").json()
    for path, body in (("me/redemptions", {"reward": held["id"]}), (f"me/redemptions/{held['id']}/release", None)):
        answer = signed_in.post(path, body, idempotency_key="6f1c")
        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")
    assert Redemption.objects.get().status == "held"
    assert signed_in.post("me/redemptions", {"reward": reward}, idempotency_key="7a2d").status_code == 201


def test_two_holds_are_two_rewards_so_a_hold_needs_a_key(signed_in: Phone, reward: str):
    answer = signed_in.post("me/redemptions", {"reward": reward})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["Idempotency-Key"])
    assert signed_in.post("me/redemptions", {"reward": reward}, idempotency_key="x" * 101).status_code == 400
    assert not Redemption.objects.exists()


def test_a_refusal_is_an_answer_too(signed_in: Phone, ada: Member, counted: Counted):
    reward = {"reward": str(counted.reward(cost=100).public_id)}
    first = signed_in.post("me/redemptions", reward, idempotency_key="6f1c")
    assert (first.status_code, first.json()["code"]) == (409, "not_enough_points")
    counted.give(ada, 100)
    again = signed_in.post("me/redemptions", reward, idempotency_key="6f1c")
    assert (again.status_code, again.json(), again["Content-Type"]) == (409, first.json(), "application/problem+json")
    assert signed_in.post("me/redemptions", reward, idempotency_key="a new wish").status_code == 201


def test_what_was_not_understood_uses_no_key_up(signed_in: Phone, reward: str):
    assert signed_in.post("me/redemptions", {"reward": "x"}, idempotency_key="6f1c").status_code == 400
    assert signed_in.post("me/redemptions", {"reward": reward}, idempotency_key="6f1c").status_code == 201


def test_two_members_may_choose_the_same_key(signed_in: Phone, counted: Counted, reward: str):
    other = Phone("198.51.100.2")
    other.sign_in("grace@example.com", join=JOIN)
    counted.give(Member.objects.get(email="grace@example.com"), 100)
    ids = {
        phone.post("me/redemptions", {"reward": reward}, idempotency_key="1").json()["id"]
        for phone in (signed_in, other)
    }
    assert len(ids) == 2


def test_every_write_of_a_member_takes_a_key(signed_in: Phone, ada: Member):
    renamed = [signed_in.call("patch", "me", {"name": "Ada K."}, idempotency_key="1") for _ in range(2)]
    assert renamed[0].json() == renamed[1].json()
    said = {"channel": "email", "topic": "points", "is_granted": True, "wording": "Yes"}
    assert signed_in.call("put", "me/consents", said, idempotency_key="1").status_code == 422
    assert Answer.objects.get().caller == f"member:{ada.pk}"


def test_answers_are_kept_for_a_day(signed_in: Phone, reward: str, now: dt.datetime):
    signed_in.post("me/redemptions", {"reward": reward}, idempotency_key="6f1c")
    answers.forget_old_answers(now=now + dt.timedelta(hours=23))
    assert Answer.objects.exists()
    answers.forget_old_answers(now=now + dt.timedelta(hours=25))
    assert not Answer.objects.exists()


def test_what_breaks_half_way_leaves_neither_the_deed_nor_the_answer(signed_in: Phone, reward: str, monkeypatch: Any):
    """Planted: the ledger fails after the hold was written."""
    real = answers.keep
    monkeypatch.setattr(answers, "keep", lambda *_, **__: (_ for _ in ()).throw(OSError("the disk is full")))
    with pytest.raises(OSError, match="disk"):
        signed_in.post("me/redemptions", {"reward": reward}, idempotency_key="6f1c")
    assert not Redemption.objects.exists()
    assert not PointsEntry.objects.filter(reason="HOLD").exists()
    monkeypatch.setattr(answers, "keep", real)
    assert signed_in.post("me/redemptions", {"reward": reward}, idempotency_key="6f1c").status_code == 201
