"""A marketer makes a template: from a start to a saved version, and back to an older one."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Page, Route, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.actions import media, templates
from campaigns.models import Template
from campaigns.rules import content as c
from campaigns.rules.starters import STARTERS
from loyalty.actions.members import join
from loyalty.models import User
from tests.post_office import open_post_office
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


WIDE: ViewportSize = {"width": 1440, "height": 900}


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
        page.set_viewport_size(WIDE)

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
    for name in ("Preview", "Checklist"):
        page.set_viewport_size({"width": 1024, "height": 768})
        page.get_by_role("group", name="Show").get_by_role("button", name=name).click()
        look(name.lower())
    page.set_viewport_size({"width": 1024, "height": 768})
    page.get_by_role("group", name="Show").get_by_role("button", name="Write").click()
    page.set_viewport_size(WIDE)

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
    expect(page.get_by_text("Version 1 is back, as version 4.")).to_be_visible()
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
    expect(letter.get_by_text("Come by, Ada.", exact=True)).to_be_visible()
    shot(page, "step")
    assert_accessible(page)
    page.get_by_role("button", name="español").click()
    expect(letter.get_by_text("Pase por la tienda.", exact=True)).to_be_visible()
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
    expect(page.frame_locator("#preview").get_by_text("hello again", exact=True)).to_be_visible()
    console_errors.clear()  # the browser's own note of the 422


# --- Nothing typed is lost --------------------------------------------------------------------------------------------


@pytest.fixture
def letter(marketer: User) -> Template:
    blocks = [c.Heading(text="Spring"), c.Text(text="Come by this week."), c.Divider(), c.Button(label="Go")]
    content = c.Content(
        email={
            "en": c.Email(subject="Hello", preheader="What came in", blocks=blocks),
            "es": c.Email(subject="Hola", blocks=[c.Text(text="Pase por la tienda.")]),
        },
        sms={"en": c.TextMessage(text="Come by.")},
    )
    return templates.create_template(name="Ours", content=content, by=marketer, now=timezone.now())


@pytest.fixture
def editor(
    browser_page: Page, live_server: LiveServer, sign_in: Callable[..., None], marketer: User, letter: Template,
    settings: Any,
) -> Page:  # fmt: skip
    page, settings.PUBLIC_URL = browser_page, live_server.url
    sign_in(page, marketer)
    page.goto(f"{live_server.url}/staff/campaigns/templates/{letter.public_id}/")
    expect(page.get_by_text("The subject fits")).to_be_visible()
    return page


class Gate:
    """What the page writes waits here until the test lets it go on."""

    def __init__(self) -> None:
        self._waiting: list[Route] | None = []

    def take(self, route: Route) -> None:
        if self._waiting is None:
            route.continue_()
        else:
            self._waiting.append(route)

    def open(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        for route in waiting:
            route.continue_()


@pytest.fixture
def gate(editor: Page) -> Gate:
    gate = Gate()
    editor.route("**/write/", gate.take)
    return gate


def names(page: Page) -> list[str]:
    return [field.get_attribute("value") or "" for field in page.locator("#editor input[name=block]").all()]


def press(page: Page, name: str) -> None:
    """Until it is on its way."""
    with page.expect_request("**/write/"):
        page.get_by_role("button", name=name, exact=True).click()


def test_words_typed_while_a_block_moves_are_kept_and_so_is_what_is_unfolded(
    editor: Page, gate: Gate, letter: Template
) -> None:
    page = editor
    page.locator("summary", has_text="Heading").click()
    press(page, "Move Button up")
    page.locator("#id_b0-text").fill("Spring is here")
    page.locator("#id_around-subject").press("End")
    page.keyboard.type(" there")
    gate.open()
    expect(page.locator("#editor input[name=block]").nth(2)).to_have_value("b3:button")
    expect(page.locator("#id_b0-text")).to_be_visible()
    expect(page.locator("#id_b0-text")).to_have_value("Spring is here")
    expect(page.locator("#id_around-subject")).to_be_focused()
    page.keyboard.type("!")
    expect(page.locator("#id_around-subject")).to_have_value("Hello there!")
    expect(page.frame_locator("#preview").locator("[data-inbox]")).to_contain_text("Hello there!")
    letter.refresh_from_db()
    english = letter.draft["email"]["en"]
    assert english["subject"] == "Hello there!"
    assert [block["type"] for block in english["blocks"]] == ["heading", "text", "button", "divider"]
    assert english["blocks"][0]["text"] == "Spring is here"


def test_words_typed_before_the_page_is_ready_are_kept_too(
    browser_page: Page, live_server: LiveServer, sign_in: Callable[..., None], marketer: User, letter: Template
) -> None:
    page = browser_page
    sign_in(page, marketer)
    scripts = Gate()
    page.route("**/htmx*.js", scripts.take)
    with page.expect_request("**/htmx*.js"):
        page.goto(f"{live_server.url}/staff/campaigns/templates/{letter.public_id}/", wait_until="commit")
    page.locator("#id_around-subject").fill("Written early")
    scripts.open()
    expect(page.frame_locator("#preview").locator("[data-inbox]")).to_contain_text("Written early")
    letter.refresh_from_db()
    assert letter.draft["email"]["en"]["subject"] == "Written early"


def test_a_button_pressed_while_another_works_is_pressed_after_it(editor: Page, gate: Gate, letter: Template) -> None:
    page = editor
    press(page, "Move Heading down")
    page.get_by_role("button", name="Move Heading down").click()
    page.get_by_role("button", name="Copy Line").click()
    gate.open()
    expect(page.locator("#editor [data-block]")).to_have_count(5)
    assert [name.partition(":")[2] for name in names(page)] == ["text", "divider", "divider", "heading", "button"]


def test_the_keyboard_stays_on_the_button_of_the_block_that_moved(editor: Page) -> None:
    page = editor
    page.locator("#b0-down").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#editor input[name=block]").nth(1)).to_have_value("b0:heading")
    expect(page.locator("#b0-down")).to_be_focused()
    page.locator("#b0-up").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#editor input[name=block]").first).to_have_value("b0:heading")
    expect(page.locator("#b0-down")).to_be_focused()  # the first block moves no further up
    page.locator("#b0-remove").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#b1-remove")).to_be_focused()


def test_a_new_block_is_open_and_has_the_keyboard(editor: Page) -> None:
    page = editor
    page.get_by_role("button", name="Add a block here, at place 2").click()
    page.get_by_role("button", name="Text", exact=True).click()
    expect(page.locator("#editor input[name=block]").nth(1)).to_have_value("b4:text")
    expect(page.locator("#id_b4-text")).to_be_focused()


def test_leaving_warns_while_something_is_not_kept_and_only_then(
    editor: Page, gate: Gate, letter: Template, console_errors: list[str]
) -> None:
    page, asked = editor, list[str]()
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.locator("#id_around-subject").fill("Hello you")
    expect(page.get_by_text("Not kept yet")).to_be_visible()
    page.evaluate("setTimeout(() => location.reload())")
    page.wait_for_event("dialog")
    assert asked == ["beforeunload"]
    gate.open()
    expect(page.locator("#saved")).to_contain_text("written just now")
    expect(page.get_by_text("Not kept yet")).to_be_hidden()
    page.reload()
    expect(page.locator("#id_around-subject")).to_have_value("Hello you")
    assert asked == ["beforeunload"]


def test_the_last_words_are_in_the_version_however_quickly_save_is_pressed(editor: Page, letter: Template) -> None:
    page = editor
    page.get_by_role("button", name="Save").first.click()
    page.get_by_label("What changed").fill("A greeting")
    page.evaluate(
        """() => {
          const subject = document.getElementById('id_around-subject')
          subject.value = 'In the last moment'
          subject.dispatchEvent(new Event('input', { bubbles: true }))
          document.querySelector('#save-form button[type=submit]').click()
        }"""
    )
    expect(page.get_by_text("Saved as version 2")).to_be_visible()
    assert letter.versions.first().content["email"]["en"]["subject"] == "In the last moment"


def test_a_version_holds_the_block_that_was_still_on_its_way(editor: Page, gate: Gate, letter: Template) -> None:
    page = editor
    press(page, "Move Button up")
    page.get_by_role("button", name="Save").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    gate.open()
    expect(page.get_by_text("Saved as version 2")).to_be_visible()
    blocks = letter.versions.first().content["email"]["en"]["blocks"]
    assert [block["type"] for block in blocks] == ["heading", "text", "button", "divider"]


# --- Marks, tests, versions, room -------------------------------------------------------------------------------------


def test_marks_are_set_by_buttons_and_by_keys_and_undone(
    editor: Page, letter: Template, shot: Callable[[Page, str], None], assert_accessible: Callable[[Page], None]
) -> None:
    page = editor
    page.locator("summary", has_text="Text").first.click()
    text = page.locator("#id_b1-text")
    group = page.locator("#b1, [data-block]").nth(1).get_by_role("group", name="Formatting")

    def select(words: str) -> None:
        text.evaluate(
            """(field, words) => {
              const start = field.value.indexOf(words)
              field.setSelectionRange(start, start + words.length)
            }""",
            words,
        )

    text.focus()
    select("this week")
    page.keyboard.press("Control+b")
    expect(text).to_have_value("Come by **this week**.")
    expect(group.get_by_role("button", name="Bold")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+i")
    expect(text).to_have_value("Come by ***this week***.")
    expect(group.get_by_role("button", name="Italic")).to_have_attribute("aria-pressed", "true")
    group.get_by_role("button", name="Bold").click()
    expect(text).to_have_value("Come by *this week*.")
    expect(group.get_by_role("button", name="Bold")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Control+z")
    expect(text).to_have_value("Come by ***this week***.")

    select("Come")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Link")).to_be_visible()
    page.get_by_label("Address", exact=True).last.fill("our shop")
    page.get_by_role("button", name="Set the link").click()
    expect(page.get_by_text("Write it whole, such as")).to_be_visible()
    shot(page, "templates-link")
    assert_accessible(page)
    page.set_viewport_size(WIDE)
    page.get_by_label("Address", exact=True).last.fill("https://shop.example/a b")
    page.get_by_role("button", name="Set the link").click()
    expect(text).to_have_value("[Come](https://shop.example/a%20b) by ***this week***.")
    expect(text).to_be_focused()
    page.keyboard.press("Control+Shift+8")
    expect(text).to_have_value("- [Come](https://shop.example/a%20b) by ***this week***.")
    expect(group.get_by_role("button", name="List")).to_have_attribute("aria-pressed", "true")
    shown = page.frame_locator("#preview")
    expect(shown.locator("li a[href='https://shop.example/a%20b']")).to_have_text("Come")
    expect(shown.locator("li strong, li em").first).to_be_visible()
    page.keyboard.press("Tab")
    expect(text).not_to_be_focused()
    shot(page, "templates-marks")
    assert_accessible(page)


def test_a_test_is_sent_to_an_address_of_choice(
    editor: Page, live_server: LiveServer, settings: Any, console_errors: list[str], shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    page = editor
    with open_post_office(settings) as office:
        page.get_by_role("button", name="Send a test").click()
        dialog = page.get_by_role("dialog", name="Send a test")
        expect(dialog.get_by_label("Email address")).to_have_value("marketer@shop.example")
        dialog.get_by_label("Email address").fill("nobody at all")
        dialog.get_by_role("button", name="Send the test").click()
        expect(dialog.get_by_text("is not an email address")).to_be_visible()
        shot(page, "templates-test")
        assert_accessible(page)
        dialog.get_by_label("Email address").fill("designer@agency.example")
        dialog.get_by_role("button", name="Send the test").click()
        expect(page.get_by_text("Sent to designer@agency.example.")).to_be_visible()
        expect(dialog).to_be_hidden()
        assert office.recipients == ["designer@agency.example"]
    console_errors.clear()  # the browser's own note of the 422


def test_a_version_is_looked_at_in_each_language_and_restored_with_a_question(
    editor: Page, letter: Template, marketer: User, shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    page, now = editor, timezone.now()
    changed = c.read(letter.draft).model_copy(deep=True)
    changed.email["en"].blocks[1:3] = [c.Text(text="Come by next week, and bring a friend."), c.Points()]
    written = templates.write_draft(template=letter, content=changed, revision=1, by=marketer, now=now)
    templates.save_version(template=letter, revision=2, note="", by=marketer, now=now)
    changed.email["en"].subject = "Half of a sent"
    templates.write_draft(template=written, content=changed, revision=2, by=marketer, now=now)
    page.goto(f"{page.url}versions/2/")
    expect(page.locator("ins", has_text="next")).to_be_visible()
    expect(page.frame_locator("#preview").get_by_text("bring a friend")).to_be_visible()
    page.get_by_role("navigation", name="Languages").get_by_role("link", name="Email, español").click()
    expect(page.frame_locator("#preview").get_by_text("Pase por la tienda.", exact=True)).to_be_visible()
    shot(page, "templates-compared")
    assert_accessible(page)
    page.set_viewport_size(WIDE)
    page.goto(page.url.replace("/2/", "/1/"))
    page.get_by_role("button", name="Restore this version").click()
    expect(page.get_by_text("Email, English: 1 change")).to_be_visible()
    shot(page, "templates-restore")
    assert_accessible(page)
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Version 1 is back, as version 4.")).to_be_visible()
    expect(page.locator("#id_around-subject")).to_have_value("Hello")


def test_letter_and_checklist_are_in_sight_together_and_a_phone_has_each_by_a_press(editor: Page) -> None:
    page = editor
    expect(page.locator("#checks-count")).to_contain_text("fine")

    def bottom(selector: str) -> float:
        return float(page.locator(selector).evaluate("element => element.getBoundingClientRect().bottom"))

    assert bottom("#preview") < bottom(".writing-check") <= 900
    scrolling = page.evaluate(
        """() => [...document.querySelectorAll('.writing-aside, .writing-aside *')].filter((element) => {
          const scrolls = ['auto', 'scroll'].includes(getComputedStyle(element).overflowY)
          return scrolls && element.scrollHeight > element.clientHeight + 1
        }).map((element) => element.className)"""
    )
    assert scrolling in ([], ["card-body"])
    for width in (1024, 390):
        page.set_viewport_size({"width": width, "height": 844})
        expect(page.locator("#preview")).to_be_hidden()
        page.get_by_role("button", name="Preview").click()
        expect(page.locator("#preview")).to_be_visible()
        expect(page.locator("#editor")).to_be_hidden()
        page.get_by_role("button", name="Checklist").click()
        expect(page.get_by_text("The subject fits")).to_be_visible()
        page.get_by_role("button", name="Write").click()
        expect(page.locator("#editor")).to_be_visible()


def test_an_inbox_is_shown_above_the_letter_and_widths_only_where_there_are_some(
    editor: Page, letter: Template
) -> None:
    page = editor
    inbox = page.frame_locator("#preview").locator("[data-inbox]")
    expect(inbox).to_contain_text("Hello")
    expect(inbox).to_contain_text("What came in")
    expect(page.get_by_role("group", name="Width")).to_be_visible()
    page.get_by_role("navigation", name="Channels").get_by_role("link", name="Text message").click()
    expect(page.frame_locator("#preview").get_by_text("Come by.", exact=False)).to_be_visible()
    expect(page.get_by_role("group", name="Width")).to_have_count(0)


def test_the_list_shows_what_templates_look_like(
    editor: Page, live_server: LiveServer, marketer: User, shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:  # fmt: skip
    page = editor
    for starter in STARTERS.values():
        templates.create_template(name=starter.name, content=starter.content, by=marketer, now=timezone.now())
    texts = c.Content(sms={"en": c.TextMessage(text="Come by. " * 20)})
    templates.create_template(name="Texts", content=texts, by=marketer, now=timezone.now())
    page.goto(f"{live_server.url}/staff/campaigns/templates/")
    expect(page.locator(".template-card svg.thumbnail")).to_have_count(len(STARTERS) + 2)
    shot(page, "templates-list")
    assert_accessible(page)
