"""How messages look: what may be chosen, what is refused because nobody could read it, and the letter beside it."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from campaigns.actions import brand_kit as actions
from campaigns.models import BrandKit
from campaigns.queries.brand_kit import brand_kit
from campaigns.writing.press import current_look
from loyalty.models import User
from loyalty.rules import colours

LOOK = "/staff/settings/campaigns/look/"
CHOSEN: dict[str, Any] = {
    "font": "serif", "header": "logo", "page_colour": "#fdf6e3", "card_colour": "#ffffff", "text_colour": "#222222",
    "button_colour": "#b45309", "corner": 12, "footer": "Open till nine.", "legal_line": "For adults.",
    "instagram": "https://instagram.com/shop", "facebook": "", "tiktok": "", "has_utm_tags": False,
}  # fmt: skip
hex_colours = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


@pytest.fixture
def office(manager: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(manager)


def posted(**changes: Any) -> dict[str, Any]:
    """What the form sends: a box that is not ticked sends nothing."""
    wanted = CHOSEN | changes
    return {name: value for name, value in wanted.items() if value is not False}


def test_a_new_copy_has_a_look_that_everybody_can_read(db: None) -> None:
    kit = BrandKit.objects.get()
    for background in (kit.card_colour, kit.page_colour):
        assert colours.contrast(kit.text_colour, background) >= colours.ENOUGH


def test_the_look_is_asked_for_in_one_query(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        brand_kit()


def test_a_manager_chooses_and_the_trail_says_who(office: Client, manager: User) -> None:
    assert office.post(LOOK, posted(card_colour="#FFFFFF")).status_code == 302
    kit = brand_kit()
    assert {name: getattr(kit, name) for name in CHOSEN} == CHOSEN
    entry = LogEntry.objects.get_for_object(kit).latest("pk")
    assert (entry.actor, "button_colour" in entry.changes) == (manager, True)


def test_buttons_without_a_colour_of_their_own_follow_the_brand(office: Client) -> None:
    office.post(LOOK, posted())
    office.post(LOOK, posted(uses_accent="on", button_colour="#123456"))
    assert brand_kit().button_colour == ""
    page = office.get(LOOK).content.decode()
    assert 'value="#0f766e"' in page
    assert current_look().button == "#0f766e"


@pytest.mark.parametrize(
    ("chosen", "field", "said"),
    [
        (
            {"text_colour": "#bbbbbb", "card_colour": "#ffffff", "page_colour": "#f4f5f7"},
            "text_colour",
            "cannot be read well on the letter: the contrast is 1.9 to 1",
        ),
        ({"card_colour": "#333333"}, "card_colour", "cannot be read well on the letter"),
        ({"page_colour": "#444444"}, "page_colour", "cannot be read well on the page"),
    ],
)
def test_text_that_nobody_could_read_is_refused_beside_the_colour_that_was_changed(
    office: Client, chosen: dict[str, str], field: str, said: str
) -> None:
    answer = office.post(LOOK, posted(**chosen))
    page = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert said in page.partition(f'id="id_{field}_error"')[2].partition("</div>")[0]
    assert page.count(" autofocus") == 1
    assert f'name="{field}"' in page.partition(" autofocus")[0].rpartition("<")[2]
    assert BrandKit.objects.get().font == "sans"


@pytest.mark.parametrize(
    "wrong",
    [
        *({"page_colour": "red"}, {"corner": 31}, {"corner": -1}, {"font": "comic"}, {"instagram": "not a link"}),
        *({"footer": "Hello {{ broken"}, {"legal_line": "{{ member.email }}"}, {"footer": "{% include 'x' %}"}),
    ],
)
def test_what_is_no_colour_no_size_no_address_and_no_text_is_refused(office: Client, wrong: dict[str, Any]) -> None:
    assert office.post(LOOK, posted(**wrong)).status_code == 422
    assert BrandKit.objects.get().font == "sans"


@given(button=hex_colours, card=hex_colours)
def test_whatever_the_button_what_stands_on_it_and_links_can_be_read(button: str, card: str) -> None:
    assert colours.contrast(colours.readable_on(button), button) >= colours.ENOUGH
    assert colours.contrast(colours.readable_against(button, card), card) >= colours.ENOUGH


def test_the_letter_beside_it_shows_what_is_not_saved_yet_and_saves_nothing(office: Client) -> None:
    url = reverse("campaigns:look-preview")
    assert "#f4f5f7" in office.get(url).content.decode()
    asked = office.get(url, posted(page_colour="#fdf6e3", button_colour="#b45309"))
    letter = asked.content.decode()
    assert "#fdf6e3" in letter
    assert "#b45309" in letter
    assert "Open till nine." in letter
    half = office.get(url, {"page_colour": "no colour", "card_colour": "#fff0f0"}).content.decode()
    assert "no colour" not in half
    assert "#fff0f0" in half
    assert "#f4f5f7" in half
    assert BrandKit.objects.get().page_colour == "#f4f5f7"


@pytest.mark.parametrize("nasty", ["</td><script>alert(1)</script>", "{{ broken {% if", "</mj-text><mj-raw><script>"])
def test_nothing_in_the_letter_beside_it_runs(office: Client, nasty: str) -> None:
    answer = office.get(reverse("campaigns:look-preview"), posted(footer=nasty))
    assert answer.status_code == 200
    assert "<script" not in answer.content.decode()
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "frame-ancestors 'self'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_a_marketer_looks_and_a_manager_decides(marketer: User, client_of: Callable[[User], Client]) -> None:
    client = client_of(marketer)
    page = client.get(LOOK).content.decode()
    assert "<fieldset disabled>" in page
    assert client.post(LOOK, posted()).status_code == 403
    assert client.get(reverse("campaigns:look-preview")).status_code == 200


def test_the_admin_refuses_in_the_same_words(admin: User, client_of: Callable[[User], Client]) -> None:
    url = reverse("admin:campaigns_brandkit_change", args=[1])
    client = client_of(admin)
    refused = client.post(url, posted(text_colour="#bbbbbb"))
    assert "cannot be read well on the letter" in unescape(refused.content.decode())
    assert client.post(url, posted()).status_code == 302
    assert brand_kit().footer == "Open till nine."


def test_two_colours_are_judged_by_the_rule_itself(db: None) -> None:
    with pytest.raises(actions.HardToRead) as refusal:
        actions.change_brand_kit(**CHOSEN | {"text_colour": "#ffffff"})
    assert refusal.value.fields == ("card_colour", "text_colour")


def test_the_first_of_several_faults_has_the_keyboard(office: Client) -> None:
    page = office.post(LOOK, posted(corner=99, instagram="not a link")).content.decode()
    assert page.count(" autofocus") == 1
    assert 'name="corner"' in page.partition(" autofocus")[0].rpartition("<")[2]
    assert page.count('class="field-error"') == 2
