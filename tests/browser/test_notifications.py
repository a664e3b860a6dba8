"""What a shopper's phone shows: from our channel over a push service, which decrypts it, into a real service worker."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page
from pytest_django.live_server_helper import LiveServer

from integrations.channels.base import Message, channel
from loyalty.models import Business
from tests.browser.conftest import A_PERSONS_BROWSER
from tests.providers import PushService, open_push_service

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SHOWN = """
async (body) => {
  const registration = await navigator.serviceWorker.ready
  for (;;) {
    const shown = await registration.getNotifications()
    if (shown.some((notification) => notification.body === body)) {
      return shown.map(({ title, body, data, icon }) => ({ title, body, data, icon }))
    }
    await new Promise((go) => setTimeout(go, 50))
  }
}
"""
# Only a person's own click may focus a window, and no script can make one: all that follows it is real.
CLICKED = """
async () => {
  const [notification] = await registration.getNotifications()
  const click = new NotificationEvent('notificationclick', { notification })
  const done = []
  click.waitUntil = (promise) => done.push(promise.catch((error) => String(error)))
  dispatchEvent(click)
  return Promise.all(done).then(([outcome]) => typeof outcome === 'string' ? outcome : '')
}
"""


@pytest.fixture
def push_service(settings: Any, tmp_path: Path) -> Iterator[PushService]:
    with open_push_service(settings, tmp_path) as service:
        yield service


@pytest.fixture
def phone(_browser: Browser, live_server: LiveServer, push_service: PushService) -> Iterator[Page]:
    context = _browser.new_context(user_agent=A_PERSONS_BROWSER, permissions=["notifications"])
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(live_server.url)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    yield page
    context.close()


@pytest.fixture
def arrives(phone: Page, live_server: LiveServer) -> Callable[[str], None]:
    """Let the browser have this text as if its push service had brought it."""
    devtools: CDPSession = phone.context.new_cdp_session(phone)
    known: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: known.extend(each["registrationId"] for each in told["registrations"] if not each["isDeleted"]),
    )
    devtools.send("ServiceWorker.enable")
    phone.wait_for_function("() => navigator.serviceWorker.controller")

    def deliver(text: str) -> None:
        worker = {"origin": live_server.url, "registrationId": known[-1]}
        devtools.send("ServiceWorker.deliverPushMessage", {**worker, "data": text})

    return deliver


def test_a_message_becomes_a_notification_that_opens_its_link(
    phone: Page, push_service: PushService, arrives: Callable[[str], None], live_server: LiveServer
) -> None:
    ada = push_service.subscribe("ada")
    link = f"{live_server.url}/app/rewards"
    message = Message(id="7@s", to="", subject="Grüße 🍷", text="Come by.", link=link, devices=(ada,))
    with channel("push") as outlet:
        outlet.send(message)
    [(_reader, told)] = push_service.shown
    arrives(json.dumps(told))
    [shown] = phone.evaluate(SHOWN, "Come by.")
    assert (shown["title"], shown["body"], shown["data"]) == ("Grüße 🍷", "Come by.", {"link": link})
    assert "/app/icon-" in shown["icon"]
    arrives(json.dumps(told | {"body": "Come by now."}))
    assert len(phone.evaluate(SHOWN, "Come by now.")) == 1, "the same message again takes its own place"

    [worker] = phone.context.service_workers
    outcome = worker.evaluate(CLICKED)
    assert outcome == "" or "focus" in outcome, outcome
    phone.wait_for_url("**/app/rewards")


def test_a_message_without_words_still_says_who_it_is_from(phone: Page, arrives: Callable[[str], None]) -> None:
    arrives("{}")
    [shown] = phone.evaluate(SHOWN, "")
    assert (shown["title"], shown["data"]) == (Business.objects.get(pk=1).name, {"link": "/app/messages"})
