"""A real browser on the pages. Console errors fail the test that caused them, and so does a refused script or style."""

import os
import re
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from pytest_django.live_server_helper import LiveServer

from config import environment
from loyalty.models import User

ARTIFACTS = settings.BASE_DIR / "artifacts"
THEMES = ("light", "dark")
SIZES = ((1440, 900), (390, 844))
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Without a screen the browser calls itself headless, and is rightly held to be a machine.
A_PERSONS_BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"
)

# What a page looks like once its fonts are in, its charts are drawn and two frames have passed.
SETTLED = """
() => document.fonts.ready
  .then(() => document.querySelectorAll('[data-chart]:not(.is-drawn)').length === 0)
  .then((drawn) => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(drawn)))))
"""


@pytest.fixture(scope="session")
def _browser() -> Iterator[Browser]:
    # Playwright's loop runs in this thread, and Django would take every query for one made inside a coroutine.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def console_errors() -> list[str]:
    """What the page complained about. A test that provokes an error clears the list itself."""
    return []


@pytest.fixture
def browser_page(_browser: Browser, console_errors: list[str]) -> Iterator[Page]:
    context = _browser.new_context(
        viewport={"width": 1440, "height": 900}, reduced_motion="reduce", user_agent=A_PERSONS_BROWSER
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", lambda message: console_errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    yield page
    context.close()
    assert console_errors == []


@pytest.fixture
def sign_in(live_server: LiveServer) -> Callable[..., None]:
    """`sign_in(page, user)`: the page has the user's session, on the live server unless `at` names another."""

    def enter(page: Page, user: User, *, at: str = live_server.url) -> None:
        client = Client()
        client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": at}])
        if at == live_server.url:  # it has threads, and no events to stream: whoever listens hears nothing
            page.route(f"{at}/staff/stream/**", lambda route: None)

    return enter


def every_look(page: Page) -> Iterator[str]:
    """Show the page in both themes at both widths, one after the other."""
    for theme in THEMES:
        for width, height in SIZES:
            page.emulate_media(color_scheme=theme)
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_function(SETTLED)
            yield f"{theme}-{width}"


@pytest.fixture
def carry() -> Callable[[Locator, Locator], None]:
    """`carry(card, day)`: dragged as a hand does it, which lets go once the day shows that it would take the card."""

    def drag(card: Locator, day: Locator) -> None:
        day.scroll_into_view_if_needed()  # a page that scrolls under the pressed button drags nothing
        card.hover()
        card.page.mouse.down()
        for _ in range(2):  # the first move only begins to drag
            day.hover()
        expect(day).to_have_class(re.compile(r"\bis-over\b"))
        card.page.mouse.up()

    return drag


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    """`shot(page, "members")` saves artifacts/screens/members-<theme>-<width>.png; no page is wider than its window."""
    folder = ARTIFACTS / "screens"
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        for look in every_look(page):
            _draw(page, folder / f"{name}-{look}.png")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} overflows at {look}"

    return take


def _draw(page: Page, path: Path) -> None:
    """For people to look at: it is no check.

    A browser that stands still over it, on a busy machine without a graphics card, is asked once more. A picture that
    is missing all the same is told, and fails no test.
    """
    for _ in range(2):
        try:
            page.screenshot(path=path, full_page=True)
        except PlaywrightTimeout:
            page.bring_to_front()
        else:
            return
    warnings.warn(f"No picture of {path.name}: the browser stood still twice.", stacklevel=2)


@pytest.fixture
def assert_accessible() -> Callable[[Page], None]:
    """`assert_accessible(page)`: axe finds nothing against WCAG A and AA, in both themes at both widths."""

    def check(page: Page) -> None:
        for look in every_look(page):
            page.evaluate("scrollTo(0, 0)")  # anywhere else the bar that stays may lie over half of a button
            faults = Axe().run(page, options=AXE_RULES).response["violations"]
            assert [_told(fault) for fault in faults] == [], look

    return check


def _told(fault: dict[str, Any]) -> str:
    nodes = [f"{node['html'][:120]}: {node['failureSummary']}" for node in fault["nodes"][:3]]
    return f"{fault['id']}: {' | '.join(nodes)}"


@pytest.fixture(scope="session")
def asgi_server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the real web server on the test database, for pages with live events. Needs `transactional_db`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = urlsplit(environment.read().postgres)
    env = os.environ | {
        "DATABASE_URL": urlunsplit(database._replace(path=f"/{connection.settings_dict['NAME']}")),
        "SECRET_KEY": settings.SECRET_KEY,
        "PORT": str(port),
    }
    log = tmp_path_factory.mktemp("asgi") / "web.log"
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(port), "config.asgi:application"]
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env, stdout=output, stderr=output)
        try:
            yield _when_it_answers(server, port, log)
        finally:
            server.terminate()
            server.wait(timeout=20)


def _when_it_answers(server: "subprocess.Popen[bytes]", port: int, log: Path) -> str:
    """Ask again and again for half a minute: a refused connection returns at once, hence the pause in the timeout."""
    for _ in range(300):
        if server.poll() is not None:
            break
        with socket.socket() as visitor:
            if visitor.connect_ex(("127.0.0.1", port)) == 0:
                return f"http://127.0.0.1:{port}"
        try:
            server.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(f"The web server did not answer:\n{log.read_text()}")
