"""Ask the language model for a week, and hold the answer against what is allowed. Writes nothing."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from campaigns.rules import proposals
from campaigns.rules.proposals import Limits, WeekProposal
from integrations.llm.base import LanguageModel, Question

PROMPTS = Path(__file__).parent / "prompts"
ATTEMPTS = 2


@dataclass(frozen=True)
class Answer:
    """One answer word for word. `proposal` is None when it has not even the shape that was asked for."""

    raw: str
    proposal: WeekProposal | None
    faults: list[str]


def ask(model: LanguageModel, facts: dict[str, Any], limits: Limits, *, faults: list[str] | None = None) -> Answer:
    """One question, one answer. `faults` are those of the answer before. Raises ModelUnavailable."""
    told = facts if not faults else {**facts, "faults_of_your_last_answer": faults}
    question = Question(task="plan_week", instructions=_prompt("plan_week"), facts=told, schema=WeekProposal)
    raw = _storable(model.answer(question))
    proposal, shape_faults = proposals.read(raw)
    found = shape_faults if proposal is None else proposals.faults_in(proposal, limits)
    return Answer(raw, proposal, [_storable(fault) for fault in found])


def _storable(text: str) -> str:
    """PostgreSQL keeps any text but NUL and half a surrogate pair; a model may write both."""
    return text.encode(errors="replace").decode().replace("\x00", "\ufffd")


@cache
def _prompt(name: str) -> str:
    return (PROMPTS / f"{name}.md").read_text()
