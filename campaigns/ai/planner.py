"""What a language model is asked for a week, and its answer held against what is allowed. Writes nothing."""

from dataclasses import dataclass
from typing import Any

from campaigns.ai.instructions import Prompt, prompt
from campaigns.rules import proposals
from campaigns.rules.proposals import Limits, WeekProposal
from integrations.llm.base import Question

TASK = "plan_week"
ATTEMPTS = 2
# Twice what the longest week needs. Servers refuse a limit above what their model can say at once.
LONGEST_ANSWER = 16_000


@dataclass(frozen=True)
class Answer:
    """One answer. `proposal` is None when it has not even the shape that was asked for."""

    proposal: WeekProposal | None
    faults: list[str]


def question(facts: dict[str, Any], *, faults: list[str]) -> tuple[Prompt, Question]:
    """`faults` are those of the answer before."""
    told, words = facts if not faults else {**facts, "faults_of_your_last_answer": faults}, prompt(TASK)
    return words, Question(task=TASK, instructions=words.text, facts=told, schema=WeekProposal)


def read(raw: str, limits: Limits) -> Answer:
    proposal, shape_faults = proposals.read(raw)
    found = shape_faults if proposal is None else proposals.faults_in(proposal, limits, is_of_model=True)
    return Answer(proposal, [storable(fault) for fault in found])


def storable(text: str) -> str:
    """PostgreSQL keeps any text but NUL and half a surrogate pair; a model may write both."""
    return text.encode(errors="replace").decode().replace("\x00", "\ufffd")
