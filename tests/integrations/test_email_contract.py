"""What every way of sending email keeps to, SMTP and each provider's web API, over real sockets."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.core.mail import send_mail
from django.utils import timezone

from config import mail
from integrations.channels.base import (
    DeliveryFailed,
    Message,
    OutcomeUnknown,
    Told,
    at_once,
    channel,
    provider_of,
    send_many,
)
from tests.mail_providers import CONTRACTS, KEY, House, open_house, point_at
from tests.post_office import PostOffice, open_post_office

pytestmark = pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning")
CARRIERS = ("smtp", *CONTRACTS)
WITH_KEYS = [name for name, provider in mail.PROVIDERS.items() if provider.remembers_for]


class Carrier:
    """A post office or a provider, asked to misbehave in the same words."""

    def __init__(self, where: PostOffice | House, name: str, settings: Any) -> None:
        self.where, self.name, self.settings = where, name, settings

    @property
    def taken_ids(self) -> list[str]:
        return self.where.taken_ids

    @property
    def connections(self) -> int:
        return self.where.connections

    def refuse(self, address: str) -> None:
        if isinstance(self.where, PostOffice):
            self.where.at_rcpt[address] = "550 5.1.1 No such mailbox"
        else:
            self.where.refuses.add(address)

    def hang_up_after(self, address: str) -> None:
        self.where.hangs_up_after.add(address)

    def be_busy_once(self, address: str) -> None:
        if isinstance(self.where, PostOffice):
            self.where.at_rcpt[address] = "421 4.7.0 Too many messages, slow down"
        else:
            self.where.answers_first.append((429, {"Retry-After": "60"}, {"message": "Too many requests"}))

    def shut_out(self) -> None:
        if isinstance(self.where, PostOffice):
            self.settings.EMAIL_HOST_USER, self.settings.EMAIL_HOST_PASSWORD = "shop", "wrong"
        else:
            self.where.knows_the_key = False


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest, settings: Any) -> Iterator[Carrier]:
    if request.param == "smtp":
        point_at("smtp://127.0.0.1:1", settings)
    opened = open_post_office(settings) if request.param == "smtp" else open_house(request.param, settings)
    with opened as where:
        yield Carrier(where, request.param, settings)


@pytest.fixture
def house(request: pytest.FixtureRequest, settings: Any) -> Iterator[House]:
    with open_house(request.param, settings) as where:
        yield where


every_provider = pytest.mark.parametrize("house", CONTRACTS, indirect=True)


def message(to: str = "ada@example.com", **wishes: Any) -> Message:
    usual = {
        "id": f"{to.partition('@')[0]}-1@shop.example",
        "to": to,
        "subject": "Grüße 🍷",
        "text": "Come by.",
        "html": "<p>Come by.</p>",
        "headers": {"List-Unsubscribe": "<https://shop.example/u/1>", "Precedence": "bulk"},
    }
    return Message(**(usual | wishes))


def send(*messages: Message) -> list[str | Exception]:
    """What became of each, over one connection."""
    outcomes: list[str | Exception] = []
    with channel("email") as outlet:
        for each in messages:
            try:
                outcomes.append(outlet.send(each))
            except (DeliveryFailed, OutcomeUnknown) as error:
                outcomes.append(error)
    return outcomes


# --- All of them ----------------------------------------------------------------------------------------------------


def test_a_message_taken_is_named_by_its_own_id_and_answered_by_the_providers(carrier: Carrier) -> None:
    [outcome] = send(message())
    assert isinstance(outcome, str)
    assert outcome
    assert carrier.taken_ids == ["<ada-1@shop.example>"]
    assert provider_of("email") == carrier.name


def test_a_batch_shares_one_connection(carrier: Carrier) -> None:
    assert all(isinstance(each, str) for each in send(*(message(f"p{number}@example.com") for number in range(20))))
    assert len(carrier.taken_ids) == len(set(carrier.taken_ids)) == 20
    assert carrier.connections == 1


def test_an_address_that_is_always_refused_is_given_up_and_costs_the_others_nothing(carrier: Carrier) -> None:
    carrier.refuse("bob@example.com")
    first, refused, last = send(message(), message("bob@example.com"), message("cleo@example.com"))
    assert isinstance(refused, DeliveryFailed)
    assert refused.permanent
    assert isinstance(first, str)
    assert isinstance(last, str)
    assert carrier.taken_ids == ["<ada-1@shop.example>", "<cleo-1@shop.example>"]


def test_a_connection_lost_after_the_message_left_is_not_knowing_and_the_next_still_goes(carrier: Carrier) -> None:
    carrier.hang_up_after("ada@example.com")
    silence, taken = send(message(), message("bob@example.com"))
    assert isinstance(silence, OutcomeUnknown)
    assert isinstance(taken, str)
    assert carrier.taken_ids == ["<ada-1@shop.example>", "<bob-1@shop.example>"]


def test_too_many_at_once_is_a_pause_and_no_fault_of_the_address(carrier: Carrier) -> None:
    carrier.be_busy_once("ada@example.com")
    busy, taken = send(message(), message("bob@example.com"))
    assert isinstance(busy, DeliveryFailed)
    assert not busy.permanent
    assert busy.retry_after == timedelta(minutes=1)
    assert isinstance(taken, str)


def test_a_login_that_is_refused_is_ours_to_mend(carrier: Carrier) -> None:
    carrier.shut_out()
    [outcome] = send(message())
    assert isinstance(outcome, DeliveryFailed)
    assert not outcome.permanent
    assert KEY not in str(outcome)
    assert carrier.taken_ids == []


@pytest.mark.parametrize("name", CARRIERS)
def test_who_is_not_there_has_taken_nothing(name: str, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    point_at(f"smtp://127.0.0.1:{port}" if name == "smtp" else CONTRACTS[name].url % port, settings)
    [outcome] = send(message())
    assert isinstance(outcome, DeliveryFailed)
    assert not outcome.permanent


@pytest.mark.parametrize(
    "wish",
    [{"subject": "Hello\nBcc: all@example.com"}, {"to": "ada\r\nx@example.com"}, {"headers": {"X-A": "b\r\nBcc: c"}}],
)
def test_a_line_break_where_none_belongs_is_never_sent(carrier: Carrier, wish: dict[str, Any]) -> None:
    [outcome] = send(message(**wish))
    assert isinstance(outcome, DeliveryFailed)
    assert outcome.permanent
    assert carrier.taken_ids == []


def test_other_mail_of_the_product_goes_the_same_way(carrier: Carrier) -> None:
    send_mail("Join us", "Here is your invitation.", None, ["new@example.com"])
    where = carrier.where
    taken = where.recipients if isinstance(where, PostOffice) else [letter.to for letter in where.taken]
    assert taken == ["new@example.com"]


# --- Web APIs -------------------------------------------------------------------------------------------------------


@every_provider
def test_what_members_unsubscribe_by_and_our_id_travel_along(house: House) -> None:
    send(message())
    letter = house.letter_to("ada@example.com")
    assert letter.subject == "Grüße 🍷"
    assert letter.metadata["message_id"] == "ada-1@shop.example"
    assert {name.title(): value for name, value in letter.headers.items()}["List-Unsubscribe"]


@every_provider
def test_a_timeout_after_the_provider_took_it_is_not_knowing(house: House) -> None:
    house.falls_silent_after.add("ada@example.com")
    [outcome] = send(message())
    assert isinstance(outcome, OutcomeUnknown)
    assert len(house.taken) == 1


@every_provider
def test_a_failure_on_their_side_is_not_knowing(house: House) -> None:
    """Three of ten calls end in a 500, and nobody can tell whether anything was taken: none is counted as sent."""
    house.breaks_at = lambda call: call % 10 in (2, 5, 8)
    outcomes = send(*(message(f"p{number}@example.com") for number in range(20)))
    assert sum(isinstance(each, OutcomeUnknown) for each in outcomes) == 6
    assert sum(isinstance(each, str) for each in outcomes) == len(house.taken) == 14


@every_provider
def test_a_page_instead_of_an_answer_is_not_knowing(house: House) -> None:
    house.answers_first.append((200, {}, "<html>Welcome to the hotel's network</html>"))
    [outcome] = send(message())
    assert isinstance(outcome, str if house.contract is CONTRACTS["sendgrid"] else OutcomeUnknown)


@every_provider
def test_closed_for_a_while_is_a_pause_but_only_when_it_says_so(house: House) -> None:
    house.answers_first += [(503, {"Retry-After": "120"}, {"message": "Down"}), (503, {}, {"message": "Down"})]
    pause, silence = send(message(), message("bob@example.com"))
    assert isinstance(pause, DeliveryFailed)
    assert pause.retry_after == timedelta(minutes=2)
    assert isinstance(silence, OutcomeUnknown)


@pytest.mark.parametrize("house", ["mailgun"], indirect=True)
def test_a_pause_until_an_hour_of_the_day_is_understood_and_nonsense_is_none(house: House) -> None:
    later = format_datetime(timezone.now() + timedelta(minutes=5), usegmt=True)
    never = f"Mon, {'9' * 20} Jan 2026 00:00:00 GMT"
    house.answers_first += [(429, {"Retry-After": said}, {}) for said in (later, "soon", never)]
    until, *nonsense = send(*(message(f"p{number}@example.com") for number in range(3)))
    assert isinstance(until, DeliveryFailed)
    assert until.retry_after
    assert timedelta(minutes=4) < until.retry_after <= timedelta(minutes=5)
    for each in nonsense:
        assert isinstance(each, DeliveryFailed)
        assert each.retry_after is None


@every_provider
def test_a_pause_is_an_hour_at_most_whatever_they_ask_for(house: House) -> None:
    far = "Fri, 01 Jan 2099 00:00:00 GMT"
    house.answers_first += [(429, {"Retry-After": far}, {}), (503, {"Retry-After": "86400"}, {})]
    outcomes = send(message(), message())
    assert [getattr(each, "retry_after", None) for each in outcomes] == [timedelta(hours=1)] * 2


@pytest.mark.parametrize("house", ["mailgun"], indirect=True)
@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "'from' parameter is not a valid address. please check documentation"),
        (401, "Forbidden"),
        (402, "Your account is out of funds"),
        (403, "Domain mg.shop.example is not allowed to send"),
        (404, "Domain not found: mg.shop.example"),
    ],
)
def test_what_is_wrong_with_our_account_blames_no_address(house: House, status: int, text: str) -> None:
    house.answers_first.append((status, {}, {"message": text}))
    [outcome] = send(message())
    assert isinstance(outcome, DeliveryFailed)
    assert not outcome.permanent
    assert ("Check EMAIL_URL" in str(outcome)) is (status != 400)


@pytest.mark.parametrize("house", ["postmark"], indirect=True)
def test_an_account_that_waits_for_approval_blames_no_address(house: House) -> None:
    fault = "While your account is pending approval, all recipient addresses must share the 'From' address's domain."
    house.answers_first.append((422, {}, {"ErrorCode": 412, "Message": fault}))
    [outcome] = send(message())
    assert isinstance(outcome, DeliveryFailed)
    assert not outcome.permanent


@pytest.mark.parametrize(
    ("house", "off"),
    [
        ("mailgun", {"o:tracking-clicks": "no", "o:tracking-opens": "no"}),
        ("postmark", {"TrackOpens": False, "TrackLinks": "None"}),
        ("mailjet", {"TrackOpens": "disabled", "TrackClicks": "disabled"}),
        ("sparkpost", {"options": {"open_tracking": False, "click_tracking": False}}),
    ],
    indirect=["house"],
)
def test_links_are_left_as_they_are_because_ours_count(house: House, off: dict[str, Any]) -> None:
    send(message())
    body = house.taken[0].body
    assert {name: body[name] for name in off} == off


@pytest.mark.parametrize("house", ["mailgun", "postmark", "sendgrid"], indirect=True)
def test_the_message_keeps_our_message_id_where_the_provider_lets_it(house: House) -> None:
    send(message())
    assert house.taken[0].message_id == "<ada-1@shop.example>"


# --- Batches --------------------------------------------------------------------------------------------------------


postmark = pytest.mark.parametrize("house", ["postmark"], indirect=True)


def send_together(*messages: Message, within: timedelta = timedelta(0)) -> list[Told]:
    with channel("email") as outlet:
        return send_many(outlet, messages, within=within)


def people(count: int) -> list[Message]:
    return [message(f"p{number}@example.com", text=f"Come by, {number}.") for number in range(count)]


@pytest.mark.parametrize("name", CONTRACTS)
def test_only_who_carries_different_letters_in_one_call_is_given_several(name: str, settings: Any) -> None:
    point_at(CONTRACTS[name].url % 1, settings)
    with channel("email") as outlet:
        assert at_once(outlet) == (50 if name == "postmark" else 1)


@postmark
def test_a_group_is_one_call_and_each_gets_their_own_letter(house: House) -> None:
    told = send_together(*people(50))
    assert (house.calls, house.batches) == (1, [50])
    assert len(set(told)) == 50
    assert house.taken_ids == [f"<p{number}-1@shop.example>" for number in range(50)]
    assert {letter.to: letter.body["TextBody"] for letter in house.taken} == {
        f"p{number}@example.com": f"Come by, {number}." for number in range(50)
    }
    assert {letter.metadata["message_id"] for letter in house.taken} == {
        f"p{number}-1@shop.example" for number in range(50)
    }
    assert all(letter.body["TrackLinks"] == "None" for letter in house.taken)
    assert all(letter.body["MessageStream"] == "broadcast" for letter in house.taken)


@postmark
def test_in_a_group_an_address_that_is_refused_is_given_up_and_costs_the_others_nothing(house: House) -> None:
    house.refuses |= {"p1@example.com", "p3@example.com"}
    told = send_together(*people(5))
    assert [getattr(each, "permanent", None) for each in told] == [None, True, None, True, None]
    assert house.copies() == {"p0@example.com": 1, "p2@example.com": 1, "p4@example.com": 1}


@postmark
def test_in_a_group_what_is_wrong_with_our_account_blames_no_address(house: House) -> None:
    pending = {"ErrorCode": 412, "Message": "While your account is pending approval, all recipient addresses must ..."}
    no_sender = {"ErrorCode": 400, "Message": "The 'From' address you supplied is not a Sender Signature."}
    house.answers_first.append((200, {}, [pending, no_sender]))
    told = send_together(*people(2))
    assert [getattr(each, "permanent", None) for each in told] == [False, False]


@postmark
def test_a_group_that_cannot_be_written_in_part_goes_without_that_part(house: House) -> None:
    first, _, last = people(3)
    told = send_together(first, message("bob@example.com", subject="Hello\nBcc: all@example.com"), last)
    assert isinstance(told[0], str)
    assert isinstance(told[1], DeliveryFailed)
    assert isinstance(told[2], str)
    assert house.batches == [2]


@postmark
def test_a_group_whose_answer_is_lost_is_in_doubt_all_of_it_and_is_not_sent_again(house: House) -> None:
    house.hangs_up_after.add("p2@example.com")
    told = send_together(*people(5))
    assert [type(each) for each in told] == [OutcomeUnknown] * 5
    assert len(house.taken) == 5


@postmark
@pytest.mark.parametrize(
    "answer",
    [
        "<html>Welcome to the hotel's network</html>",
        [],
        {"ErrorCode": 0},
        [{"ErrorCode": 0, "MessageID": "1", "To": "p0@example.com"}],
        [None, "x"],
        [{"ErrorCode": "0"}, []],
        [{"MessageID": "1", "To": "p0@example.com"}, {"Message": "Not found"}],
        [{"ErrorCode": 0, "MessageID": "1", "To": "p1@example.com"}, {"ErrorCode": 0, "To": "p0@example.com"}],
    ],
)
def test_an_answer_that_does_not_say_whose_it_is_is_not_knowing(house: House, answer: Any) -> None:
    house.answers_first.append((200, {}, answer))
    assert [type(each) for each in send_together(*people(2))] == [OutcomeUnknown] * 2


@postmark
def test_a_group_that_finds_them_busy_is_a_pause_and_the_next_is_not_begun(house: House) -> None:
    house.answers_first.append((429, {"Retry-After": "60"}, {"ErrorCode": 429, "Message": "Too many requests"}))
    told = send_together(*people(80), within=timedelta(minutes=1))
    assert all(isinstance(each, DeliveryFailed) and each.retry_after == timedelta(minutes=1) for each in told[:50])
    assert told[50:] == [None] * 30
    assert house.taken == []


@postmark
def test_more_than_a_group_are_several_calls_while_there_is_time(house: House) -> None:
    assert send_together(*people(120))[50:] == [None] * 70
    assert None not in send_together(*people(120), within=timedelta(minutes=1))
    assert house.batches == [50, 50, 50, 20]


@postmark
def test_a_group_that_is_refused_for_one_of_its_letters_is_handed_over_one_by_one(house: House) -> None:
    """It took nothing, so nobody gets a letter twice; and the one to blame cannot keep the others waiting for ever."""
    house.answers_first.append((422, {}, {"ErrorCode": 402, "Message": "Invalid JSON"}))
    house.refuses.add("p1@example.com")
    told = send_together(*people(3), within=timedelta(minutes=1))
    assert [getattr(each, "permanent", None) for each in told] == [None, True, None]
    assert house.copies() == {"p0@example.com": 1, "p2@example.com": 1}
    assert house.calls == 4


@postmark
def test_one_by_one_nobody_is_begun_after_the_time_is_up(house: House) -> None:
    house.answers_first.append((422, {}, {"ErrorCode": 402, "Message": "Invalid JSON"}))
    first, *others = send_together(*people(60))
    assert isinstance(first, str)
    assert others == [None] * 59
    assert (house.calls, house.taken_ids) == (2, ["<p0-1@shop.example>"])


@postmark
def test_one_by_one_the_first_who_finds_them_busy_is_the_last(house: House) -> None:
    house.answers_first += [
        (422, {}, {"ErrorCode": 402, "Message": "Invalid JSON"}),
        (429, {"Retry-After": "60"}, {"ErrorCode": 429, "Message": "Too many requests"}),
    ]
    busy, *others = send_together(*people(60), within=timedelta(minutes=1))
    assert isinstance(busy, DeliveryFailed)
    assert busy.retry_after == timedelta(minutes=1)
    assert others == [None] * 59
    assert (house.calls, house.taken) == (2, [])


@postmark
def test_one_by_one_the_first_whose_answer_is_lost_is_the_last(house: House) -> None:
    house.answers_first.append((422, {}, {"ErrorCode": 402, "Message": "Invalid JSON"}))
    house.hangs_up_after.add("p1@example.com")
    first, doubted, *others = send_together(*people(60), within=timedelta(minutes=1))
    assert isinstance(first, str)
    assert isinstance(doubted, OutcomeUnknown)
    assert others == [None] * 58
    assert house.copies() == {"p0@example.com": 1, "p1@example.com": 1}


@postmark
def test_a_group_with_a_wrong_key_or_nobody_there_has_not_left(house: House, settings: Any) -> None:
    house.knows_the_key = False
    refused = send_together(*people(2))
    assert all(isinstance(each, DeliveryFailed) and not each.permanent for each in refused)
    assert KEY not in str(refused)
    point_at(CONTRACTS["postmark"].url % 1, settings)
    absent = send_together(*people(2))
    assert all(isinstance(each, DeliveryFailed) and not each.permanent for each in absent)


# --- Idempotency keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("house", WITH_KEYS, indirect=True)
def test_after_a_silence_the_same_message_handed_over_again_leaves_once(house: House) -> None:
    house.falls_silent_after.add("ada@example.com")
    with channel("email") as outlet:
        assert outlet.remembers_for >= timedelta(minutes=15)
        with pytest.raises(OutcomeUnknown):
            outlet.send(message())
        assert outlet.send(message())
    assert house.copies() == {"ada@example.com": 1}


@pytest.mark.parametrize("house", ["resend"], indirect=True)
def test_another_text_under_the_same_id_is_not_knowing_and_leaves_once(house: House) -> None:
    first, second = send(message(), replace(message(), text="Something else."))
    assert isinstance(first, str)
    assert isinstance(second, OutcomeUnknown)
    assert len(house.taken) == 1


@pytest.mark.parametrize("house", WITH_KEYS, indirect=True)
def test_two_messages_have_two_keys(house: House) -> None:
    send(message(), message("bob@example.com"))
    assert len({letter.key for letter in house.taken}) == 2


@pytest.mark.parametrize("carrier", sorted(set(CARRIERS) - set(WITH_KEYS)), indirect=True)
def test_who_knows_no_keys_is_never_asked_twice(carrier: Carrier) -> None:
    with channel("email") as outlet:
        assert not outlet.remembers_for
