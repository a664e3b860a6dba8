"""The language of subjects and texts: Liquid, with a short list of words a message may use."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError

# What a text may say, with what the editor's preview shows for it.
WORDS: dict[str, str] = {
    "member.first_name": "Ada",
    "member.points": "240",
    "member.favourite": "Domestic wine",
    "offer.name": "Double points",
    "offer.wording": "double points on your next visit",
    "business.name": "the shop",
    "store.name": "Harbor Street",
}
LONGEST_TEXT = 64_000


class WordingFault(ValueError):
    """The text cannot be used. Says which word or tag, and what may be written instead."""


class _Environment(Environment):
    # A text is written by people and models: bounded work, whatever it says.
    loop_iteration_limit = 1_000
    local_namespace_limit = 10_000
    output_stream_limit = LONGEST_TEXT


_ENVIRONMENT = _Environment(undefined=StrictUndefined)
_ALLOWED_TAGS = {"if", "unless", "case", "assign"}
# Short on purpose: a chain of `replace` can turn a line into gigabytes.
_ALLOWED_FILTERS = {"capitalize", "default", "downcase", "strip", "truncate", "truncatewords", "upcase"}


def fault_in(text: str) -> str | None:
    """Why `text` cannot be used, or None."""
    try:
        analysis = _parsed(text).analyze()
    except WordingFault as fault:
        return str(fault)
    except LiquidError as error:
        return f"The text cannot be read: {error}."
    for tag in analysis.tags:
        if tag not in _ALLOWED_TAGS:
            return f"The tag {{% {tag} %}} has no use in a message."
    for name in analysis.filters:
        if name not in _ALLOWED_FILTERS:
            return f"The filter {name} has no use in a message. Known are: {', '.join(sorted(_ALLOWED_FILTERS))}."
    for variables in analysis.globals.values():
        for variable in variables:
            if str(variable) not in WORDS:
                return f"{{{{ {variable} }}}} is not known. Known are: {', '.join(WORDS)}."
    return _fault_in_filling(text)


def _fault_in_filling(text: str) -> str | None:
    try:
        fill(text, preview_values())
    except WordingFault as fault:
        return str(fault)
    return None


def words_in(text: str) -> set[str]:
    """The words `text` uses. Raises WordingFault."""
    analysis = _parsed(text).analyze()
    return {str(variable) for variables in analysis.globals.values() for variable in variables}


def fill(text: str, values: Mapping[str, Any]) -> str:
    """`text` with its words filled in, as plain text. Raises WordingFault."""
    try:
        return _parsed(text).render(**values)
    except LiquidError as error:
        raise WordingFault(f"The text cannot be filled in: {error}.") from error


def preview_values() -> dict[str, dict[str, str]]:
    values: dict[str, dict[str, str]] = {}
    for word, example in WORDS.items():
        owner, _, name = word.partition(".")
        values.setdefault(owner, {})[name] = example
    return values


@lru_cache(maxsize=512)
def _parsed(text: str) -> BoundTemplate:
    try:
        return _ENVIRONMENT.from_string(text)
    except LiquidError as error:
        raise WordingFault(f"The text cannot be read: {error}.") from error
