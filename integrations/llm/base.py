"""The port every language model stands behind: a task with facts in, JSON text out, piece by piece."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from pydantic import BaseModel


@dataclass(frozen=True, kw_only=True)
class Question:
    """`task` names what is asked; `facts` is all a model may know (no personal data); `schema` the answer's shape.

    `most_tokens` is how long the answer may be; None leaves it to the model.
    """

    task: str
    instructions: str
    facts: dict[str, Any]
    schema: type[BaseModel]
    most_tokens: int | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens as the server counted them, and the pictures it made."""

    tokens_in: int
    tokens_out: int
    pictures: int = 0


@dataclass(frozen=True)
class Reply:
    """The raw answer, which ought to be JSON of the schema but may be anything. `usage` is None where none was told."""

    text: str
    usage: Usage | None = None


class ModelUnavailable(Exception):
    """The language model gave no answer. The message is safe to show and says what to change.

    `outcome` is why: unavailable, refused, truncated, timeout or rate_limited. `text` and `usage` are what came all the
    same; `retry_after` is how long the server asks to be left alone.
    """

    def __init__(
        self,
        words: str,
        *,
        outcome: str = "unavailable",
        text: str = "",
        usage: Usage | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(words)
        self.outcome, self.text, self.usage, self.retry_after = outcome, text, usage, retry_after


# Called several times a second with all that was answered so far, also while nothing comes. What it raises ends a call.
Listener = Callable[[str], None]


def nobody_listens(text: str) -> None:
    pass


class LanguageModel(Protocol):
    """`is_metered`: its tokens are counted, and paid for."""

    name: str
    is_metered: bool

    def answer(self, question: Question, *, heard: Listener = nobody_listens) -> Reply:
        """Raises ModelUnavailable, and whatever `heard` raises."""
        ...


BUILT_IN = "integrations.llm.rules.RulesModel"


def is_built_in() -> bool:
    """Whether the built-in rules answer. Known without loading what would answer instead."""
    return bool(settings.LANGUAGE_MODEL == BUILT_IN)


def language_model() -> LanguageModel:
    return import_string(settings.LANGUAGE_MODEL)()
