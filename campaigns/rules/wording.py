"""The language of subjects and texts: Liquid, with a short list of words a message may use."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError

from campaigns.rules.liquid import Quick, Unsure

# What a text may say, with what the editor's preview shows for it.
WORDS: dict[str, str] = {
    "member.first_name": "Ada",
    "member.points": "240",
    "member.favourite": "Domestic wine",
    "member.tier": "Gold",
    "offer.name": "Double points",
    "offer.wording": "double points on your next visit",
    "business.name": "the shop",
    "store.name": "Harbor Street",
}
# What the text of a template may say besides: addresses of this member's own, and products to walk through.
PICKS = (
    {"name": "Ridge Estate Pinot Noir", "price": "$24.99", "category": "Domestic wine"},
    {"name": "Coastal Dry Riesling", "price": "$17.49", "category": "Domestic wine"},
    {"name": "Old Vine Zinfandel", "price": "$21.00", "category": "Domestic wine"},
)
TEMPLATE_WORDS: dict[str, str | Sequence[Mapping[str, str]]] = {
    **WORDS,
    "business.website": "https://shop.example",
    "business.address": "1 Harbor Street, Portland, ME",
    "url.offer": "https://shop.example/offer",
    "url.card": "https://shop.example/card",
    "url.preferences": "https://shop.example/preferences",
    "url.unsubscribe": "https://shop.example/unsubscribe",
    "url.view": "https://shop.example/view",
    "picks": PICKS,
}
LONGEST_TEXT = 64_000


class WordingFault(ValueError):
    """The text cannot be used. Says which word or tag, and what may be written instead."""


AN_EXAMPLE = "{{ member.first_name }}"
A_CONDITION = "{% if member.points %}…{% endif %}"
_MARKUP = re.compile(r"\{[{%].*?(?:[}%]\}|$)")


class _Environment(Environment):
    # A text is written by people and models: bounded work, whatever it says.
    loop_iteration_limit = 1_000
    local_namespace_limit = 10_000
    output_stream_limit = LONGEST_TEXT


_PLAIN = _Environment(undefined=StrictUndefined)
_HTML = _Environment(undefined=StrictUndefined, autoescape=True)
_ALLOWED_TAGS = {"if", "unless", "case", "assign"}
_LOOPS = {"for", "break"}
# Short on purpose: a chain of `replace` can turn a line into gigabytes.
_ALLOWED_FILTERS = {"capitalize", "default", "downcase", "strip", "truncate", "truncatewords", "upcase", "url_encode"}


def fault_in(text: str, words: Mapping[str, Any] = WORDS) -> str | None:
    """Why `text` cannot be used, or None. `words` are those it may use."""
    try:
        analysis = _parsed(text).analyze()
    except WordingFault as fault:
        return str(fault)
    except LiquidError as error:
        return _told(error, "read")
    allowed = _ALLOWED_TAGS | (_LOOPS if "picks" in words else set())  # where there is something to walk through
    for tag in analysis.tags:
        if tag not in allowed:
            return f"The tag {{% {tag} %}} has no use in a message."
    for name in analysis.filters:
        if name not in _ALLOWED_FILTERS:
            return f"The filter {name} has no use in a message. Known are: {', '.join(sorted(_ALLOWED_FILTERS))}."
    for variables in analysis.globals.values():
        for variable in variables:
            if str(variable) not in words:
                return f"{{{{ {variable} }}}} is not known. Known are: {', '.join(words)}."
    return _fault_in_filling(text, words)


def _fault_in_filling(text: str, words: Mapping[str, Any]) -> str | None:
    try:
        fill(text, preview_values(words))
    except WordingFault as fault:
        return str(fault)
    return None


def words_in(text: str) -> set[str]:
    """The words `text` uses. Raises WordingFault."""
    analysis = _parsed(text).analyze()
    return {str(variable) for variables in analysis.globals.values() for variable in variables}


def fill(text: str, values: Mapping[str, Any]) -> str:
    """`text` with its words filled in, as plain text. Raises WordingFault."""
    return _filled(_parsed(text), values)


def fill_html(text: str, values: Mapping[str, Any]) -> str:
    """`text`, which is HTML, with its words filled in and escaped. Raises WordingFault."""
    return _filled(_parsed_html(text), values)


def _filled(template: BoundTemplate, values: Mapping[str, Any]) -> str:
    with suppress(Unsure):
        if quick := _quick(template):
            return quick.fill(values)
    try:
        return template.render(**values)
    except LiquidError as error:
        raise WordingFault(_told(error, "filled in")) from error


@lru_cache(maxsize=512)
def _quick(template: BoundTemplate) -> Quick | None:
    try:
        return Quick(template)
    except Unsure:
        return None


def preview_values(words: Mapping[str, Any] = WORDS) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for word, example in words.items():
        owner, _, name = word.partition(".")
        if name:
            values.setdefault(owner, {})[name] = example
        else:
            values[owner] = example
    return values


def unfilled(text: str) -> str:
    """`Hello {{ member.first_name }}` as `Hello {first name}`: what many were told alike, whoever read it."""
    values: dict[str, dict[str, str]] = {}
    for word in WORDS:
        owner, _, name = word.partition(".")
        values.setdefault(owner, {})[name] = f"{{{owner if name == 'name' else name.replace('_', ' ')}}}"
    try:
        return fill(text, values)
    except WordingFault:
        return text


@lru_cache(maxsize=512)
def _parsed(text: str) -> BoundTemplate:
    return _read(_PLAIN, text)


@lru_cache(maxsize=64)
def _parsed_html(text: str) -> BoundTemplate:
    return _read(_HTML, text)


def _read(environment: Environment, text: str) -> BoundTemplate:
    try:
        return environment.from_string(text)
    except LiquidError as error:
        raise WordingFault(_told(error, "read")) from error


def _told(error: LiquidError, verb: str) -> str:
    """What to change, and where, for somebody who never wrote a program."""
    place = error.context()
    where = f"Line {place[0]}" if place else "The text"
    return f"{where} cannot be {verb}: {_complaint(str(error.message), _markup_at(place))}"


def _complaint(message: str, markup: str) -> str:
    if "end of file" in message:
        return f"{markup} is not closed. A word is written {AN_EXAMPLE}."
    if unclosed := re.match(r"expected tag (end(\w+))", message):
        return f"a {{% {unclosed[2]} %}} is never closed. Write {{% {unclosed[1]} %}} where it ends."
    if stray := re.match(r"unexpected tag '(end\w+|else|elsif|when)'", message):
        return f"{{% {stray[1]} %}} stands alone. A condition is written {A_CONDITION}."
    if unknown := re.match(r"unexpected tag '(\w+)'", message):
        return f"the tag {{% {unknown[1]} %}} has no use in a message. A condition is written {A_CONDITION}."
    return f"{markup} is not complete. A word is written {AN_EXAMPLE}, a condition {A_CONDITION}."


def _markup_at(place: tuple[int, int, str, str, str] | None) -> str:
    """The {{ word }} or {% tag %} that an error points into."""
    if place is None:
        return "something in double braces"
    _, column, _, line, _ = place
    around = (found[0] for found in _MARKUP.finditer(line) if found.start() <= column < found.end())
    return next(around, line).strip()
