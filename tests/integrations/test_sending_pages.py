"""The page about sending: who carries messages, whether the domain is believed, one to try it with."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from config import mail
from loyalty.models import User
from tests.mail_providers import KEY, House, open_house
from tests.name_server import NameServer, open_name_server
from tests.post_office import PostOffice

PAGE = "/staff/integrations/sending/"


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def house(settings: Any) -> Iterator[House]:
    """Mailgun carries email, and the domain of the sender is looked up at a name server of the test."""
    settings.USES_MAILBOX = False
    settings.DEFAULT_FROM_EMAIL = "The Shop <hello@shop.example>"
    with open_house("mailgun", settings) as house:
        yield house


@pytest.fixture
def name_server(settings: Any) -> Iterator[NameServer]:
    with open_name_server(settings) as server:
        server.zone["shop.example"] = {"MX": ["10 mx.shop.example."]}
        server.publish("mg.shop.example", "v=spf1 +all")
        yield server


def test_a_laptop_is_told_that_nothing_leaves_it(
    db: None, viewer: User, client_of: Callable[[User], Client], settings: Any
) -> None:
    settings.CHANNELS = {"email": settings.CHANNELS["email"]}
    page = client_of(viewer).get(PAGE).content.decode()
    assert "The local mailbox" in page
    assert "Nothing to check yet" in page
    assert "Connect a provider of text messages." in page
    assert "For whoever runs the machine: <code>SMS_URL</code>" in page
    assert "Send a test to me" not in page


def test_who_carries_what_is_told_without_a_secret(
    db: None, house: House, manager: User, client_of: Callable[[User], Client], settings: Any
) -> None:
    settings.CHANNELS = settings.CHANNELS | {"sms": "integrations.channels.twilio.TwilioChannel"}
    settings.SMS_URL = "twilio://AC0123456789:Token-Of-Twilio@+15551230000"
    pages = [client_of(manager).get(url).content.decode() for url in (PAGE, "/staff/integrations/")]
    assert "Twilio" in pages[0]
    assert "The Shop &lt;hello@shop.example&gt;" in pages[0]
    for page in pages:
        assert "Mailgun" in page
        assert KEY not in page
        assert "Token-Of-Twilio" not in page


def test_the_domain_is_looked_up_only_when_its_card_asks(
    db: None, house: House, name_server: NameServer, manager: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(manager)
    assert "Your sending domain" in client.get(PAGE).content.decode()
    assert name_server.asked == []
    card = client.get(f"{PAGE}domain/").content.decode()
    assert "anybody in the world may send mail as you" in card
    assert 'data-copy="_dmarc.shop.example"' in card
    assert "sent by mg.shop.example" in card


def test_what_was_mended_shows_when_it_is_checked_again(
    db: None, house: House, name_server: NameServer, manager: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(manager)
    assert "v=spf1 +all" in client.get(f"{PAGE}domain/").content.decode()
    name_server.publish("mg.shop.example", "v=spf1 include:mailgun.org ~all")
    name_server.publish("mailgun.org", "v=spf1 ip4:192.0.2.0/24 ~all")
    assert "v=spf1 +all" in client.get(f"{PAGE}domain/").content.decode()
    assert "v=spf1 +all" not in client.post(f"{PAGE}domain/again/").content.decode()


def test_a_test_goes_to_whoever_asks_once_a_minute(
    db: None, house: House, manager: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(manager)
    first, second = (client.post(f"{PAGE}test/", follow=True).content.decode() for _ in range(2))
    assert [letter.to for letter in house.taken] == [manager.email]
    assert f"Handed over to Mailgun for {manager.email}" in first
    assert "Wait a little" in second


def test_a_test_that_does_not_leave_says_why(
    db: None, house: House, manager: User, client_of: Callable[[User], Client]
) -> None:
    house.knows_the_key = False
    page = client_of(manager).post(f"{PAGE}test/", follow=True).content.decode()
    assert "It did not leave. Mailgun answered 401" in page
    assert "Check EMAIL_URL" in page
    assert KEY not in page


def test_a_test_that_nobody_answers_for_says_that(
    db: None, house: House, manager: User, client_of: Callable[[User], Client]
) -> None:
    house.falls_silent_after.add(manager.email)
    page = client_of(manager).post(f"{PAGE}test/", follow=True).content.decode()
    assert "It may or may not reach you. Mailgun fell silent" in page


def test_a_test_arrives_in_the_local_mailbox_too(
    db: None, post_office: PostOffice, manager: User, client_of: Callable[[User], Client]
) -> None:
    page = client_of(manager).post(f"{PAGE}test/", follow=True).content.decode()
    assert "the local mailbox" in page
    assert post_office.recipients == [manager.email]


def test_who_may_only_look_changes_nothing(
    db: None, house: House, marketer: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(marketer)
    assert client.get(PAGE).status_code == client.get(f"{PAGE}domain/").status_code == 200
    assert client.post(f"{PAGE}test/").status_code == client.post(f"{PAGE}domain/again/").status_code == 403
    assert house.calls == 0


@pytest.mark.parametrize("name", [*mail.PROVIDERS, "smtp"])
def test_every_carrier_has_a_name_to_show(name: str) -> None:
    assert (mail.PROVIDERS | {"smtp": mail.SMTP})[name].title
