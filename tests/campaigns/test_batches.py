"""A campaign by a provider that takes many different letters in one call: each message is settled by itself."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from campaigns.actions.sends import send_due
from campaigns.models import Campaign, Send
from tests.campaigns.world import rule, send_all, states
from tests.mail_providers import House, open_house

pytestmark = pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning")
Status = Send.Status


@pytest.fixture
def house(settings: Any) -> Iterator[House]:
    with open_house("postmark", settings) as house:
        yield house


def test_a_campaign_leaves_in_groups_and_each_member_gets_their_own_letter_once(
    running: Campaign, house: House, at_the_end: dt.datetime
) -> None:
    send_all(at_the_end)
    sends = list(running.sends.select_related("member"))
    assert states(running) == {Status.SENT: len(sends)}
    assert sorted(house.taken_ids) == sorted(f"<{send.message_id}>" for send in sends)
    assert sum(house.batches) == len(sends) > house.calls
    for send in sends:
        letter = next(each for each in house.taken if each.message_id == f"<{send.message_id}>")
        assert letter.to == send.recipient
        assert str(letter.headers["List-Unsubscribe"]).startswith("<http")
    assert len({letter.headers["List-Unsubscribe"] for letter in house.taken}) == len(sends)
    assert len({send.provider_id for send in sends}) == len(sends)


def test_who_is_refused_in_a_group_fails_alone(running: Campaign, house: House, at_the_end: dt.datetime) -> None:
    refused = running.sends.earliest("pk").recipient
    house.refuses.add(refused)
    send_all(at_the_end)
    assert set(running.sends.filter(status=Status.FAILED).values_list("recipient", flat=True)) == {refused}
    assert not running.sends.exclude(recipient=refused).exclude(status=Status.SENT).exists()


def test_a_lost_answer_leaves_its_group_in_doubt_and_nothing_goes_twice(
    running: Campaign, house: House, at_the_end: dt.datetime
) -> None:
    house.hangs_up_after.add(running.sends.latest("pk").recipient)
    send_all(at_the_end)
    send_due(now=at_the_end + dt.timedelta(hours=1))
    doubted = running.sends.filter(status=Status.UNKNOWN)
    assert doubted
    assert len(house.taken_ids) == len(set(house.taken_ids)) == running.sends.count()
    assert states(running) == {Status.UNKNOWN: len(doubted), Status.SENT: running.sends.count() - len(doubted)}


def test_a_group_that_is_refused_as_a_whole_reaches_everybody_once_all_the_same(
    running: Campaign, house: House, at_the_end: dt.datetime
) -> None:
    house.answers_first += [(422, {}, {"ErrorCode": 402, "Message": "Invalid JSON"})] * 3
    send_all(at_the_end)
    for minute in range(1, 4):
        send_all(at_the_end + dt.timedelta(hours=minute))
    assert states(running) == {Status.SENT: running.sends.count()}
    assert len(house.taken_ids) == len(set(house.taken_ids)) == running.sends.count()


def test_a_pause_asked_of_a_group_holds_all_of_it_and_costs_no_try(
    running: Campaign, house: House, at_the_end: dt.datetime
) -> None:
    rule(max_retries=0)
    house.answers_first.append((429, {"Retry-After": "60"}, {"ErrorCode": 429, "Message": "Too many requests"}))
    send_due(now=at_the_end)
    assert states(running) == {Status.PENDING: running.sends.count()}
    assert house.taken == []
    send_all(at_the_end + dt.timedelta(minutes=2))
    assert states(running) == {Status.SENT: running.sends.count()}
