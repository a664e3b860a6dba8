"""A marketer makes a template: from a start to a saved version, and back to an older one."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.actions import media, templates
from campaigns.models import Template
from campaigns.rules import content as c
from campaigns.rules.starters import STARTERS
from loyalty.actions.members import join
from loyalty.models import User
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def picture(marketer: User) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (1200, 600), "#7c2d12").save(drawn, "PNG")
    media.keep(content=drawn.getvalue(), name="Shelf", alt="Our shelf of red wines", by=marketer, now=timezone.now())


def test_from_a_start_to_a_version_and_back(
    browser_page: Page,
    live_server: LiveServer,
    sign_in: Callable[..., None],
    marketer: User,
    picture: None,
    settings: Any,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    page, settings.PUBLIC_URL = browser_page, live_server.url
    join(name="Grace Hopper", email="grace@example.com", source="till", now=timezone.now())

    def look(name: str) -> None:
        page.evaluate("scrollTo(0, 0)")  # what sticks to the top covers nothing there
        shot(page, f"templates-{name}")
        assert_accessible(page)

    sign_in(page, marketer)
    page.goto(f"{live_server.url}/staff/campaigns/templates/")
    look("empty")

    newsletter = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Newsletter"))
    newsletter.get_by_label("Name it").fill("Monthly")
    newsletter.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="Monthly")).to_be_visible()
    letter = page.frame_locator("#preview")
    expect(letter.get_by_text("Hello Ada,")).to_be_visible()
    expect(page.get_by_text("It can be left by one click")).to_be_visible()
    look("editor")

    page.locator("summary", has_text="Heading").click()
    page.locator("#id_b0-text").fill("Spring is here")
    expect(letter.get_by_role("heading", name="Spring is here")).to_be_visible()
    expect(page.locator("#saved")).to_contain_text("Draft")

    page.get_by_role("button", name="Add a block here, at place 2").click()
    page.get_by_role("button", name="Picture", exact=True).click()
    page.get_by_role("button", name="Choose a picture").click()
    page.get_by_role("button", name="Shelf").click()
    expect(letter.get_by_alt_text("Our shelf of red wines")).to_be_visible()
    look("editor-open")

    page.get_by_role("button", name="For nobody in particular").click()
    page.get_by_role("button", name="Grace Hopper").click()
    expect(letter.get_by_text("Hello Grace,")).to_be_visible()
    expect(page.get_by_text("store.name is not known of this member")).to_be_visible()
    page.get_by_role("button", name="Phone").click()
    look("phone")

    page.get_by_role("button", name="Save").first.click()
    page.get_by_label("What changed").fill("A heading for spring")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as version 2")).to_be_visible()

    page.get_by_role("navigation", name="Languages").get_by_role("link", name="español").click()
    expect(letter.get_by_text("Hola, Ada:")).to_be_visible()
    page.get_by_role("navigation", name="Channels").get_by_role("link", name="Text message").click()
    look("nothing-yet")
    page.get_by_role("button", name="Write it in English").click()
    page.locator("#id_around-text").fill("Spring is here: {{ words }}")
    expect(letter.get_by_text("Spring is here: Hello Ada,")).to_be_visible()
    look("text-message")

    page.get_by_role("link", name="Versions").click()
    look("versions")
    page.get_by_role("link", name="Version 2").click()
    expect(page.get_by_text("Spring is here").first).to_be_visible()
    look("version")
    page.goto(page.url.replace("/2/", "/1/"))
    page.get_by_role("button", name="Restore this version").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Version 1 is back, as version 3.")).to_be_visible()
    assert Template.objects.get().versions.first().content["email"]["en"]["blocks"][0]["text"] != "Spring is here"


def test_a_step_wears_a_template_and_speaks_two_languages(
    browser_page: Page,
    live_server: LiveServer,
    sign_in: Callable[..., None],
    world: World,
    marketer: User,
    settings: Any,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    page, settings.PUBLIC_URL = browser_page, live_server.url
    templates.create_template(name="Framed", content=STARTERS["offer"].content, by=marketer, now=timezone.now())
    sign_in(page, marketer)
    page.goto(f"{live_server.url}/staff/campaigns/steps/{world.step.public_id}/")
    letter = page.frame_locator("#preview")
    expect(letter.get_by_text("Unsubscribe")).to_be_visible()
    page.get_by_label("Template").select_option("Framed")
    page.get_by_label("Text", exact=False).first.fill("Come **by**, {{ member.first_name }}.")
    page.get_by_text("In español", exact=True).click()
    page.get_by_label("Subject in español").fill("Hola, {{ member.first_name }}")
    page.get_by_label("Text in español").fill("Pase por la tienda.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(letter.get_by_text("Come by, Ada.")).to_be_visible()
    shot(page, "step")
    assert_accessible(page)
    page.get_by_role("button", name="español").click()
    expect(letter.get_by_text("Pase por la tienda.")).to_be_visible()
    expect(letter.get_by_text("Darme de baja")).to_be_visible()


def test_enter_in_a_line_keeps_it_and_what_cannot_be_kept_is_said_in_its_place(
    browser_page: Page, live_server: LiveServer, sign_in: Callable[..., None], marketer: User, settings: Any,
    console_errors: list[str],
) -> None:  # fmt: skip
    page, settings.PUBLIC_URL = browser_page, live_server.url
    content = c.Content(
        email={"en": c.Email(subject="Old", blocks=[c.Space(height=50), c.Text(text="hello")])},
        push={"en": c.Notification(title="Old", text="A long text")},
    )
    template = templates.create_template(name="Both", content=content, by=marketer, now=timezone.now())
    sign_in(page, marketer)
    for channel in ("push", "email"):
        page.goto(f"{live_server.url}/staff/campaigns/templates/{template.public_id}/?channel={channel}")
        page.locator("#id_around-title, #id_around-subject").fill("New")
        page.keyboard.press("Enter")
        expect(page.locator("#saved")).to_contain_text("Draft")
    page.wait_for_load_state("networkidle")
    template.refresh_from_db()
    assert template.draft["push"] == {"en": {"title": "New", "text": "A long text"}}
    assert [block["type"] for block in template.draft["email"]["en"]["blocks"]] == ["space", "text"]

    page.locator("summary", has_text="Space").click()
    page.locator("#id_b0-height").fill("")
    expect(page.get_by_text("This field is required")).to_be_visible()
    assert page.locator("h1").count() == page.locator("#editor").count() == 1
    page.locator("#id_b0-height").fill("60")
    page.locator("summary", has_text="Text").first.click()
    page.locator("#id_b1-text").fill("hello again")
    expect(page.frame_locator("#preview").get_by_text("hello again")).to_be_visible()
    console_errors.clear()  # the browser's own note of the 422
