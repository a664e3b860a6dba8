"""What the page of a version tells a marketer about what changed, in words they know."""

import datetime as dt
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.actions import templates
from campaigns.forms.telling import outline
from campaigns.models import Template
from campaigns.rules import content as c
from campaigns.rules.differences import Sign, Span, differences, spans
from loyalty.models import User


def email(*blocks: Any, subject: str = "Hello") -> c.Content:
    return c.Content(email={"en": c.Email(subject=subject, blocks=list(blocks))})


def told(before: c.Content, after: c.Content) -> list[tuple[str, str, int, list[str]]]:
    """(what happened, to what, where, labels of its fields) of the only channel that differs."""
    [difference] = differences(outline(before, {}), outline(after, {}))
    return [
        (change.verb.value, change.called, change.place, [label for label, _ in change.fields])
        for change in difference.changes
    ]


HEADING, TEXT = c.Heading(text="Spring"), c.Text(text="Come by this week.")


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ([HEADING, TEXT], [HEADING], [("removed", "Text", 2, ["Text", "Stands"])]),
        ([HEADING], [HEADING, c.Divider()], [("added", "Line", 2, [])]),
        ([HEADING, TEXT, c.Points()], [TEXT, c.Points(), HEADING], [("moved", "Heading", 3, [])]),
        ([HEADING, TEXT], [HEADING, c.Text(text="Come by today.")], [("changed", "Text", 2, ["Text"])]),
        (
            [c.Button(label="Go", link="offer")],
            [c.Button(label="Go", link="https://shop.example", align="center")],
            [("changed", "Button", 1, ["Address", "Stands", "Leads to"])],
        ),
    ],
)
def test_blocks_are_told_by_the_names_and_labels_of_the_editor(before: Any, after: Any, wanted: Any) -> None:
    assert told(email(*before), email(*after)) == wanted


def test_words_are_marked_inside_their_text() -> None:
    found = spans("Come by this week, {{ member.first_name }}.", "Come by next week, {{ member.first_name }}!")
    assert found == [
        Span(Sign.SAME, "Come by "),
        Span(Sign.GONE, "this "),
        Span(Sign.NEW, "next "),
        Span(Sign.SAME, "week, {{ member.first_name }}"),
        Span(Sign.GONE, "."),
        Span(Sign.NEW, "!"),
    ]


def test_texts_with_nothing_in_common_are_shown_one_after_the_other() -> None:
    assert spans("Open till nine", "Closed for spring") == [
        Span(Sign.GONE, "Open till nine"),
        Span(Sign.NEW, "Closed for spring"),
    ]


def test_what_stayed_the_same_is_cut_down_around_a_change() -> None:
    story = "It was a long winter. " * 60
    found = spans(story + "Now come.", story + "Now stay.")
    assert found[0].text.startswith(" … ")
    assert len(found[0].text) < 150


def test_the_same_is_no_difference_and_a_whole_language_is_told_as_one() -> None:
    both = c.Content(email={"en": c.Email(subject="Hello"), "es": c.Email(subject="Hola")})
    assert differences(outline(both, {}), outline(both, {})) == []
    [difference] = differences(outline(email(subject="Hello"), {}), outline(both, {}))
    assert (difference.title, difference.sign) == ("Email, español", Sign.NEW)


def test_long_letters_are_compared_in_no_time() -> None:
    words = [f"word{place % 700}, " for place in range(1_500)]
    found = spans("".join(words)[:8_000], "".join(reversed(words))[:8_000])
    assert found


def test_the_page_shows_no_name_of_a_field_and_no_number_of_a_picture(
    marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    gone = "11111111-2222-3333-4444-555555555555"
    template: Template = templates.create_template(name="Ours", content=email(HEADING), by=marketer, now=now)
    changed = email(c.Heading(text="Early spring", align="center"), c.Picture(media=gone, alt="A shelf"))
    templates.write_draft(template=template, content=changed, revision=1, by=marketer, now=now)
    templates.save_version(template=template, revision=2, note="", by=marketer, now=now)
    page = unescape(
        client_of(marketer).get(reverse("campaigns:version", args=[template.public_id, 2])).content.decode()
    )
    diff = page.partition('<ol class="diff">')[2].partition("</ol>")[0]
    for words in ("Block 1: Heading", "In the middle", "Block 2: Picture", "A picture that is gone", "What it shows"):
        assert words in diff
    for hidden in (gone, "align", "media", "center"):
        assert hidden not in diff


def test_each_language_and_channel_of_a_version_can_be_looked_at(
    marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    content = c.Content(
        email={
            "en": c.Email(subject="Hello", blocks=[c.Text(text="Come by")]),
            "es": c.Email(subject="Hola", blocks=[c.Text(text="Pase por aquí")]),
        },
        sms={"es": c.TextMessage(text="Pase")},
    )
    template = templates.create_template(name="Ours", content=content, by=marketer, now=now)
    client, url = client_of(marketer), reverse("campaigns:version", args=[template.public_id, 1])
    page = client.get(f"{url}?show=sms-es").content.decode()
    for label in ("Email, English", "Email, español", "Text message, español"):
        assert label in page
    assert "version=1&amp;channel=sms&amp;language=es" in page
    assert 'data-width="phone"' not in page
    assert "channel=email&amp;language=en" in client.get(f"{url}?show=nonsense").content.decode()
    preview = reverse("campaigns:template-preview", args=[template.public_id])
    assert "Pase por aquí" in client.get(f"{preview}?version=1&channel=email&language=es").content.decode()
