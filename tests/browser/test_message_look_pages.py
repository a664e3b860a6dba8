"""Pictures, the look of messages, and the member's own page, as people see them."""

import io
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.actions import media
from campaigns.models import BrandKit, MediaFile, Send
from campaigns.sending import links
from loyalty.models import User
from tests.world import World, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def a_bottle(tint: str, size: tuple[int, int] = (1600, 1000), kind: str = "JPEG") -> bytes:
    """Something to look at."""
    image = Image.new("RGB", size, "#f5f0e6")
    draw, (width, height) = ImageDraw.Draw(image), size
    for place in range(5):
        left = width * (place + 0.7) / 6
        draw.rounded_rectangle((left, height * 0.35, left + width / 12, height * 0.9), 20, fill=tint)
        draw.rectangle((left + width / 36, height * 0.15, left + width / 18, height * 0.36), fill=tint)
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def file(name: str, content: bytes, mime: str = "image/jpeg") -> FilePayload:
    return {"name": name, "mimeType": mime, "buffer": content}


def test_from_an_empty_shelf_to_a_picture_with_its_text(
    browser_page: Page,
    live_server: LiveServer,
    sign_in: Callable[..., None],
    marketer: User,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
    console_errors: list[str],
) -> None:
    page = browser_page

    def look(name: str) -> None:
        shot(page, f"pictures-{name}")
        assert_accessible(page)

    sign_in(page, marketer)
    page.goto(f"{live_server.url}/staff/campaigns/")
    page.get_by_role("link", name="Pictures").click()
    look("none")

    page.get_by_label("Add pictures").set_input_files(
        [
            file("gin_on-the-shelf.jpg", a_bottle("#0f766e")),
            file("rum.jpg", a_bottle("#b45309", (900, 1200))),
            file("our-logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        ]
    )
    expect(page.get_by_text("3 files")).to_be_visible()
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("our-logo.svg: Mail programs show no SVG")).to_be_visible()
    expect(page.get_by_text("2 pictures are kept.")).to_be_visible()
    expect(page.get_by_role("link", name="gin on the shelf")).to_be_visible()
    console_errors.clear()  # a browser tells of each 422
    look("some")

    page.get_by_role("link", name="gin on the shelf").click()
    look("one")
    page.get_by_label("what it shows").fill("Five green bottles of gin on our shelf")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Without text").click()
    expect(page.get_by_role("link", name="rum")).to_be_visible()
    expect(page.get_by_role("link", name="gin on the shelf")).to_have_count(0)

    page.get_by_role("link", name="In use").click()
    expect(page.get_by_role("link", name="gin on the shelf")).to_be_visible()
    page.get_by_label("Search pictures").fill("green gin")
    expect(page.get_by_role("link", name="rum")).to_have_count(0)
    page.get_by_role("link", name="gin on the shelf").click()
    page.get_by_role("button", name="Archive").click()
    page.get_by_role("link", name="Archived").click()
    expect(page.get_by_role("link", name="gin on the shelf")).to_be_visible()
    assert MediaFile.objects.get(name="gin on the shelf").archived_at


def test_files_are_dropped_where_they_are_asked_for(
    browser_page: Page, live_server: LiveServer, sign_in: Callable[..., None], marketer: User
) -> None:
    page = browser_page
    sign_in(page, marketer)
    page.goto(f"{live_server.url}/staff/campaigns/pictures/")
    dropped = page.evaluate_handle(
        """(bytes) => {
          const files = new DataTransfer()
          const add = (name) => files.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/png' }))
          for (const name of ['one.png', 'two.png']) add(name)
          return files
        }""",
        list(picture()),
    )
    page.dispatch_event("[data-dropzone]", "drop", {"dataTransfer": dropped})
    expect(page.get_by_text("2 files")).to_be_visible()
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("2 pictures are kept.")).to_be_visible()


def test_whoever_writes_chooses_a_picture_by_what_it_shows(
    browser_page: Page,
    live_server: LiveServer,
    sign_in: Callable[..., None],
    marketer: User,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    """In a dialog around a form, as the editor holds it."""
    page, now = browser_page, timezone.now()
    for name, tint in (("Gin", "#0f766e"), ("Rum", "#b45309"), ("Wine", "#7f1d1d")):
        media.keep(content=a_bottle(tint), name=name, alt=f"Bottles of {name}", by=marketer, now=now)
    sign_in(page, marketer)
    page.goto(f"{live_server.url}/staff/campaigns/playbooks/")
    page.evaluate(
        """() => {
          const dialog = document.createElement('dialog')
          dialog.className = 'dialog is-wide'
          dialog.setAttribute('aria-label', 'Choose a picture')
          const choice = '<div hx-get="/staff/campaigns/pictures/choose/" hx-trigger="load" hx-swap="outerHTML"></div>'
          dialog.innerHTML = `<form method="get">${choice}</form>`
          document.body.append(dialog)
          htmx.process(dialog)
          dialog.showModal()
        }"""
    )
    expect(page.get_by_role("button", name="Bottles of Rum")).to_be_visible()
    shot(page, "pictures-choose")
    assert_accessible(page)
    page.get_by_label("Search pictures").fill("wine")
    expect(page.get_by_role("button", name="Bottles of Rum")).to_have_count(0)
    page.get_by_label("Search pictures").press("Enter")
    expect(page.get_by_role("button", name="Bottles of Wine")).to_be_visible()
    page.get_by_role("button", name="Bottles of Wine").click()
    page.wait_for_url(f"**?media={MediaFile.objects.get(name='Wine').public_id}")


def test_a_look_is_seen_before_it_is_saved(
    browser_page: Page,
    live_server: LiveServer,
    sign_in: Callable[..., None],
    manager: User,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
    console_errors: list[str],
) -> None:
    page = browser_page
    sign_in(page, manager)
    page.goto(f"{live_server.url}/staff/settings/campaigns/")
    page.get_by_role("navigation", name="Settings of campaigns").get_by_role("link", name="Look").click()
    letter = page.frame_locator("iframe")
    expect(letter.get_by_text("Hello Ada")).to_be_visible()
    shot(page, "look")
    assert_accessible(page)

    page.get_by_label("Your lines").fill("Open till nine, every day.")
    expect(letter.get_by_text("Open till nine, every day.")).to_be_visible()
    page.locator("[name=text_colour]").fill("#d1d5db")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The text cannot be read well on the letter")).to_be_visible()
    expect(page.locator("[name=text_colour]")).to_be_focused()
    expect(letter.get_by_text("Open till nine, every day.")).to_be_visible()
    console_errors.clear()  # a browser tells of each 422
    shot(page, "look-refused")
    assert_accessible(page)

    page.locator("[name=text_colour]").fill("#292524")
    page.locator("[name=page_colour]").fill("#fdf6e3")
    page.get_by_label("Buttons and links in the accent of your brand").uncheck()
    page.locator("[name=button_colour]").fill("#b45309")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(letter.get_by_text("Open till nine, every day.")).to_be_visible()
    assert BrandKit.objects.get().button_colour == "#b45309"
    shot(page, "look-saved")


def test_a_member_chooses_what_they_hear_of(
    browser_page: Page,
    live_server: LiveServer,
    world: World,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    page, url = browser_page, live_server.url + urlsplit(links.unsubscribe_url(world.send)).path
    page.goto(url)
    shot(page, "preferences")
    assert_accessible(page)
    page.get_by_label("my points and rewards").check()
    page.get_by_label("Language of messages").select_option("es")
    page.get_by_role("button", name="Save my choices").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_label("my points and rewards")).to_be_checked()
    assert world.ada.consents.get(channel="email", topic="points").is_granted

    page.get_by_role("button", name="Stop all marketing by email").click()
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    expect(page.get_by_label("offers and news")).not_to_be_checked()
    shot(page, "preferences-stopped")
    assert_accessible(page)
    world.ada.refresh_from_db()
    assert (world.ada.language, world.ada.consents.get(topic="marketing").is_granted) == ("es", False)

    page.set_extra_http_headers({"Accept-Language": "es"})
    page.goto(live_server.url + urlsplit(links.unsubscribe_url(Send())).path)
    expect(page.get_by_text("Esto era una prueba")).to_be_visible()
    shot(page, "preferences-test")
    assert_accessible(page)
