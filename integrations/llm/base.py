"""The port every language model stands behind: a task with facts in, JSON text out."""

from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from pydantic import BaseModel


@dataclass(frozen=True, kw_only=True)
class Question:
    """`task` names what is asked; `facts` is all a model may know (no personal data); `schema` the answer's shape."""

    task: str
    instructions: str
    facts: dict[str, Any]
    schema: type[BaseModel]


class ModelUnavailable(Exception):
    """The language model did not answer. The message is safe to show and says what to change."""


class LanguageModel(Protocol):
    name: str

    def answer(self, question: Question) -> str:
        """The raw answer, which ought to be JSON of the schema but may be anything. Raises ModelUnavailable."""
        ...


def language_model() -> LanguageModel:
    return import_string(settings.LANGUAGE_MODEL)()
