"""The email adapter against a real SMTP server: what is certain, and what nobody can know."""

from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown, channel
from tests.post_office import PostOffice


def message(to: str = "ada@example.com", **wishes: Any) -> Message:
    usual = {"id": f"{to.partition('@')[0]}-1@shop.example", "to": to, "subject": "Hello", "text": "Come by."}
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


def test_a_message_that_was_taken_gives_its_id(post_office: PostOffice) -> None:
    assert send(message()) == ["<ada-1@shop.example>"]
    [letter] = post_office.letters()
    assert (letter["Message-ID"], letter["To"], letter["Subject"]) == (
        "<ada-1@shop.example>",
        "ada@example.com",
        "Hello",
    )
    assert letter["Date"]


@pytest.mark.parametrize("stage", ["at_rcpt", "at_data"])
@pytest.mark.parametrize(("answer", "permanent"), [("550 No such mailbox", True), ("451 Try again later", False)])
def test_a_refusal_is_certain_and_leaves_the_connection_to_the_next(
    post_office: PostOffice, stage: str, answer: str, permanent: bool
) -> None:
    getattr(post_office, stage)["ada@example.com"] = answer
    refused, taken = send(message(), message("bob@example.com"))
    assert isinstance(refused, DeliveryFailed)
    assert refused.permanent is permanent
    assert str(refused) == f"The mail server answered {answer}"
    assert taken == "<bob-1@shop.example>"
    assert post_office.recipients == ["bob@example.com"]
    assert post_office.connections == 1


@pytest.mark.parametrize("stage", ["at_rcpt", "at_data"])
@pytest.mark.parametrize("answer", ["550 5.7.1 Relaying denied", "554 5.7.1 Your server is on a block list"])
def test_a_refusal_of_our_server_blames_no_address(post_office: PostOffice, stage: str, answer: str) -> None:
    getattr(post_office, stage)["ada@example.com"] = answer
    [outcome] = send(message())
    assert isinstance(outcome, DeliveryFailed)
    assert not outcome.permanent


def test_a_server_without_room_asks_for_a_pause_and_a_full_mailbox_does_not(post_office: PostOffice) -> None:
    post_office.at_rcpt = {
        "ada@example.com": "452 4.3.1 Insufficient system storage",
        "bob@example.com": "452 4.2.2 Mailbox full",
    }
    pauses = [outcome.retry_after for outcome in send(message(), message("bob@example.com"))]  # type: ignore[union-attr]
    assert pauses == [timedelta(minutes=1), None]


@pytest.mark.parametrize("how", ["hangs_up_after", "hangs_up_before"])
def test_silence_after_the_text_is_not_knowing_and_the_next_gets_a_new_connection(
    post_office: PostOffice, how: str
) -> None:
    getattr(post_office, how).add("ada@example.com")
    silence, taken = send(message(), message("bob@example.com"))
    assert isinstance(silence, OutcomeUnknown)
    assert taken == "<bob-1@shop.example>"
    assert post_office.connections == 2


def test_an_answer_that_is_none_is_not_knowing(post_office: PostOffice) -> None:
    post_office.at_data["ada@example.com"] = "Merci beaucoup"
    [outcome] = send(message())
    assert isinstance(outcome, OutcomeUnknown)


def test_a_server_that_hangs_is_not_waited_for_for_ever(post_office: PostOffice, settings: Any) -> None:
    settings.EMAIL_TIMEOUT = 0.2
    answered = Event()
    post_office.on_message = lambda recipient: bool(answered.wait(10)) and None
    [outcome] = send(message())
    answered.set()
    assert isinstance(outcome, OutcomeUnknown)


def test_a_server_that_had_enough_of_a_connection_costs_nobody_a_try(post_office: PostOffice) -> None:
    """Many servers close after so many messages."""
    post_office.closes_after_each = True
    with channel("email") as outlet:
        assert outlet.send(message())
        post_office.wait_until_closed()
        assert outlet.send(message("bob@example.com"))
    assert post_office.connections == 2


def test_a_server_that_is_not_there_is_asked_again_later(settings: Any) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 9
    [outcome] = send(message())
    assert isinstance(outcome, DeliveryFailed)
    assert not outcome.permanent


def test_a_refused_login_blames_no_address(post_office: PostOffice, settings: Any) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "shop", "wrong"
    [outcome] = send(message())
    assert isinstance(outcome, DeliveryFailed)
    assert not outcome.permanent


@pytest.mark.parametrize(
    "wish",
    [{"subject": "Hello\nBcc: all@example.com"}, {"to": "ada\r\nx@example.com"}, {"headers": {"X-A": "b\r\nBcc: c"}}],
)
def test_a_line_break_where_none_belongs_is_never_sent(post_office: PostOffice, wish: dict[str, Any]) -> None:
    [outcome] = send(message(**wish))
    assert isinstance(outcome, DeliveryFailed)
    assert outcome.permanent
    assert post_office.taken == []


def test_an_international_domain_is_written_as_servers_read_it(post_office: PostOffice) -> None:
    assert send(message("ada@münchen.example", id="1@shop.example")) == ["<1@shop.example>"]
    assert post_office.recipients == ["ada@xn--mnchen-3ya.example"]


def test_a_name_that_few_servers_take_is_refused_with_the_reason(post_office: PostOffice) -> None:
    [outcome] = send(message("žofie@example.com", id="1@shop.example"))
    assert isinstance(outcome, DeliveryFailed)
    assert outcome.permanent


def test_lines_that_begin_with_a_dot_arrive_whole(post_office: PostOffice) -> None:
    send(message(text="one\n.\n..two\n"))
    [letter] = post_office.letters()
    assert letter.get_content().splitlines() == ["one", ".", "..two"]
