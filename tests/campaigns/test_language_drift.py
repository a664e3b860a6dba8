"""Languages of a template that drift apart: what its versions tell, and where people read it."""

import datetime as dt
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.actions import templates
from campaigns.models import Plan, PlanStep, Template
from campaigns.queries.templates import drifts_of, drifts_worn_in
from campaigns.rules import content as c
from campaigns.rules.drift import Saying, drifts
from loyalty.models import User

DAY = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def said(*words: str) -> list[Saying]:
    """One day after the other; `"ab"` says a in English and b in Spanish, `"a"` nothing in Spanish."""
    days = (DAY + dt.timedelta(days=place) for place in range(len(words)))
    return [Saying(day, dict(zip(("en", "es"), each, strict=False))) for day, each in zip(days, words, strict=True)]


@pytest.mark.parametrize(
    ("words", "ahead", "on"),
    [
        (["aa"], None, 0),
        (["aa", "ba"], "en", 2),
        (["aa", "ab"], "es", 2),
        (["aa", "ba", "ca"], "en", 3),
        (["aa", "ba", "bb"], None, 0),
        (["aa", "ba", "bb", "bc"], "es", 4),
        (["aa", "ba", "cb"], None, 0),
        (["aa", "ba", "aa"], None, 0),
        (["a", "b", "bb"], None, 0),
        (["a", "ab", "bb"], "en", 3),
        (["aa", "ba", "b", "bb"], None, 0),
    ],
)
def test_a_language_that_changes_alone_gets_ahead_until_the_other_follows(
    words: list[str], ahead: str | None, on: int
) -> None:
    found = drifts(said(*words))
    assert [(drift.ahead, drift.ahead_at.day) for drift in found] == ([(ahead, on)] if ahead else [])


def both(english: str, spanish: str, **layout: Any) -> c.Content:
    return c.Content(
        email={
            "en": c.Email(subject="Hello", blocks=[c.Text(text=english, **layout)]),
            "es": c.Email(subject="Hola", blocks=[c.Text(text=spanish)]),
        }
    )


@pytest.fixture
def template(marketer: User, now: dt.datetime) -> Template:
    return templates.create_template(name="Ours", content=both("Come by", "Pase"), by=marketer, now=now)


def saved(template: Template, content: c.Content, by: User, now: dt.datetime) -> Template:
    revision = Template.objects.get(pk=template.pk).revision
    written = templates.write_draft(template=template, content=content, revision=revision, by=by, now=now)
    templates.save_version(template=template, revision=revision + 1, note="", by=by, now=now)
    return written


def test_how_a_letter_is_laid_out_does_not_count(template: Template, marketer: User, now: dt.datetime) -> None:
    centred = saved(template, both("Come by", "Pase", align="center"), marketer, now)
    assert drifts_of(centred, "email") == []


def test_the_draft_counts_while_it_is_written_and_not_before_it_is_saved(
    template: Template, marketer: User, now: dt.datetime
) -> None:
    written = templates.write_draft(
        template=template, content=both("Come by today", "Pase"), revision=1, by=marketer, now=now
    )
    [drift] = drifts_of(written, "email")
    assert (drift.ahead, drift.behind, drift.is_drafted) == ("en", "es", True)
    assert drifts_of(written, "email", with_draft=False) == []


def test_the_editor_and_its_checklist_say_which_language_changed_after_which(
    template: Template, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    later = now + dt.timedelta(days=35)
    saved(template, both("Come by today", "Pase"), marketer, later)
    client = client_of(marketer)
    for name in ("template", "template-checks"):
        page = unescape(client.get(reverse(f"campaigns:{name}", args=[template.public_id])).content.decode())
        assert "English changed on 3 May after español" in page.replace(" 2026", "")
    assert "español was last changed on 29 March" in page.replace(" 2026", "")


def test_a_template_in_one_language_costs_no_query(
    marketer: User, now: dt.datetime, django_assert_num_queries: Any
) -> None:
    content = c.Content(email={"en": c.Email(subject="Hello", blocks=[c.Text(text="Come by")])})
    template = templates.create_template(name="Alone", content=content, by=marketer, now=now)
    with django_assert_num_queries(0):
        assert drifts_of(template, "email") == []


def test_who_approves_a_week_is_told_of_the_templates_it_wears(
    plan: Plan, template: Template, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    saved(template, both("Come by today", "Pase"), marketer, now)
    assert drifts_worn_in(plan) == []
    step: PlanStep = plan.steps.filter(channel="email").earliest("pk")
    PlanStep.objects.filter(pk=step.pk).update(template=template)
    client = client_of(marketer)
    for url in (
        reverse("campaigns:campaign", args=[plan.campaign.public_id]),
        reverse("campaigns:step", args=[step.public_id]),
    ):
        page = client.get(url).content.decode()
        assert "English changed on 29 March" in page
    templates.make_default(template=template)
    assert [found.name for found, _drift in drifts_worn_in(plan)] == ["Ours"]
