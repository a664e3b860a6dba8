"""Every template can be read, and none carries what the policy would refuse."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from config.environment import ROOT

FOLDER = ROOT / "templates"
TEMPLATES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.*"))
PAGES = [name for name in TEMPLATES if name.endswith(".html") and not name.startswith("emails/")]
REFUSED = {
    "a style attribute": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a script inside the page": re.compile(r"<script(?![^>]*\b(src=|type=\"application/json\"))", re.IGNORECASE),
    "an event handler": re.compile(r"<[^>]*\s(on[a-z]+|hx-on[:a-z-]*)\s*=", re.IGNORECASE),
    "a script as an address": re.compile(r"javascript:", re.IGNORECASE),
    "something from elsewhere": re.compile(r"<(script|link|img|iframe)[^>]*\s(src|href)=\"(https?:)?//", re.IGNORECASE),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles(name):
    get_template(name)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_needs_nothing_that_the_policy_refuses(name):
    text = (FOLDER / name).read_text()
    assert [what for what, pattern in REFUSED.items() if pattern.search(text)] == []


def test_every_template_is_used(settings):
    """By a page, by another template, or by a library that looks for it."""
    sources = [path for app in (*_apps(), FOLDER) for path in app.rglob("*") if path.suffix in (".py", ".html", ".txt")]
    texts = "\n".join(path.read_text() for path in sources)
    by_libraries = ("account/", "allauth/", "mfa/", "admin/", "unfold/", "400.html", "403", "404.html", "500.html")
    assert [name for name in TEMPLATES if name not in texts and not name.startswith(by_libraries)] == []


def _apps() -> list[Path]:
    return [ROOT / name for name in ("config", "tracking", "integrations", "loyalty", "campaigns", "analytics")]
