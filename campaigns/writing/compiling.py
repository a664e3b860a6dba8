"""MJML becomes what a mail program shows: HTML with its styles inline, and the same as plain text.

The libraries for it come with the first letter that is made: a worker that only sends holds 7 MB less without them.
"""

import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from campaigns.writing.marks import Marks

if TYPE_CHECKING:
    from inscriptis.model.config import ParserConfig

_HREF = re.compile(r'(<a\b[^>]*?\bhref=")([^"]*)(")')
_NO_REDIRECT = re.compile(r"(mailto:|tel:|#)")
# What only Outlook reads.
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BLANK_LINES = re.compile(r"\n\s*\n\s*")


class BadMjml(ValueError):
    """The MJML cannot be read. Says where."""


@dataclass(frozen=True)
class Compiled:
    """`html` and `text` as Liquid; `links` are what `{{ links[0] }}` and so on stand for, Liquid too."""

    html: str
    text: str
    links: list[str]


def compiled(mjml: str, marks: Marks) -> Compiled:
    """Raises BadMjml."""
    import css_inline
    from mjml import mjml2html

    try:
        laid_out = mjml2html(mjml)
    except ValueError as error:
        raise BadMjml(f"The MJML cannot be read: {error}") from error
    inlined = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, keep_style_tags=False).inline(
        laid_out
    )
    if marks.tags_in(_COMMENT.sub("", inlined)) != marks.tags_in(mjml):
        raise BadMjml(
            "A {% tag %} stands where the letter has no text, such as around a section. Write it inside mj-text."
        )
    linked, links = _by_way_of_us(inlined, marks)
    return Compiled(html=marks.show(linked), text=marks.show(_as_text(linked)), links=links)


def _by_way_of_us(html: str, marks: Marks) -> tuple[str, list[str]]:
    """Every address that is not the member's own gets a number, so that a click on it is known."""
    from lxml import html as lxml_html

    links: list[str] = []

    def numbered(found: re.Match[str]) -> str:
        target = lxml_html.fromstring(f"<a>{found[2]}</a>").text or ""
        shown = marks.show(target)
        if not target or _NO_REDIRECT.match(target) or re.fullmatch(r"\{\{ url\.\w+ \}\}", shown):
            return found[0]
        if shown not in links:
            links.append(shown)
        return found[1] + marks.mark(f"{{{{ links[{links.index(shown)}] }}}}") + found[3]

    return _HREF.sub(numbered, html), links


def _as_text(html: str) -> str:
    """What is laid out by tables is read from top to bottom. Pictures say what they show."""
    from inscriptis import get_text
    from lxml import html as lxml_html

    document = lxml_html.document_fromstring(html)
    for table in document.iter("table", "tbody", "tr", "td"):
        table.tag = "div"
    for picture in list(document.iter("img")):
        picture.tag, picture.text = "span", picture.get("alt", "")
    for link in document.iter("a"):
        said, target = link.text_content().strip(), link.get("href", "")
        if target and not said.startswith(("http://", "https://")):  # an address that is read needs no second one
            link.tail = f": {target}{link.tail or ''}"
    for hidden in document.xpath('//div[contains(@style, "display:none")]'):
        hidden.drop_tree()
    lines = get_text(lxml_html.tostring(document, encoding="unicode"), _as_read()).splitlines()
    return _BLANK_LINES.sub("\n\n", "\n".join(line.strip() for line in lines)).strip() + "\n"


@cache
def _as_read() -> "ParserConfig":
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.html_properties import Display
    from inscriptis.model.config import ParserConfig

    css = deepcopy(CSS_PROFILES["strict"])
    css["head"].display = Display.none
    return ParserConfig(css=css)
