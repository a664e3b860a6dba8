"""What a language model is asked for the words of one step, and its answer held against the rules. Writes nothing."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from pydantic import BaseModel, ConfigDict, ValidationError

from campaigns.ai import briefing
from campaigns.ai.instructions import Prompt, prompt
from campaigns.models import PlanStep
from campaigns.queries.workspace import words_in
from campaigns.rules import proposals, quoting, wording
from campaigns.rules.proposals import Limits, StepProposal
from integrations.llm.base import ModelUnavailable, Question
from integrations.llm.rules import RulesModel

MOST_TEXTS = 4
# An answer of a few texts needs no more; what a week may take is another matter.
LONGEST_ANSWER = 4_000
MANNERS = {"shorter": "Shorter", "warmer": "Warmer", "translated": "Translated"}


class TextProposal(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    subject: str
    body: str


class TextsProposal(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    texts: list[TextProposal]


@dataclass(frozen=True)
class Wish:
    """What is asked for a step. `manner` is one of MANNERS for a rewrite, `note` what a person wishes."""

    task: str
    language: str = "en"
    manner: str = ""
    note: str = ""
    count: int = 3

    @property
    def told(self) -> str:
        """`Warmer`, `Shorter, mention the tasting`, `In español`"""
        names = dict(settings.LANGUAGES)
        if self.manner == "translated":
            return f"In {names.get(self.language, self.language)}"
        return MANNERS.get(self.manner) or self.note or "Another way to say it"


@dataclass(frozen=True)
class Answer:
    texts: list[TextProposal]
    faults: list[str]
    has_shape: bool = True


def question(step: PlanStep, wish: Wish, *, faults: list[str]) -> tuple[Prompt, Question]:
    """`faults` are those of the answer before."""
    facts = _facts(step, wish)
    told, words = facts if not faults else {**facts, "faults_of_your_last_answer": faults}, prompt(wish.task)
    return words, Question(task=wish.task, instructions=words.text, facts=told, schema=TextsProposal)


def rules_know_variants(step: PlanStep) -> bool:
    """Whether the built-in rules have other words for a step: those of other playbooks of its group."""
    _, asked = question(step, Wish("write_variants"), faults=[])
    try:
        RulesModel().answer(asked)
    except ModelUnavailable:
        return False
    return True


def read(raw: str, proposed: StepProposal, wish: Wish, limits: Limits) -> Answer:
    """`proposed` is the step as it stands."""
    try:
        answer = TextsProposal.model_validate_json(raw)
    except ValidationError as error:
        told = [
            f"{'.'.join(str(part) for part in fault['loc']) or 'answer'}: {fault['msg']}" for fault in error.errors()
        ]
        return Answer([], told[:20], has_shape=False)
    if not 0 < len(answer.texts) <= MOST_TEXTS:
        return Answer([], [f"The answer has {len(answer.texts)} texts; one to {MOST_TEXTS} are asked for."])
    faults = [
        f"Text {number}: {fault}"
        for number, text in enumerate(answer.texts, start=1)
        for fault in _faults(proposed.model_copy(update=text.model_dump()), proposed, wish, limits)
    ]
    return Answer(answer.texts, faults)


def _faults(step: StepProposal, already: StepProposal, wish: Wish, limits: Limits) -> list[str]:
    """What the step says `already`, a person has let stand."""
    found = proposals.faults_in_text(step) + proposals.faults_by_law(step, limits, wish.language)
    return found + proposals.faults_of_model(step, limits, wish.language, already=already)


def _facts(step: PlanStep, wish: Wish) -> dict[str, Any]:
    group: dict[str, Any] = next(
        (each for each in step.plan.facts.get("groups", []) if each["group"] == step.group), {}
    )
    own = briefing.playbook_facts(step.playbook, (step.channel,))
    words = words_in(step, wish.language)
    if not words["body"] or wish.manner == "translated":
        words = words_in(step, "en")
    return {
        "goal": briefing.typed(step.plan.asked),
        "business": briefing.business_facts(),
        "group": group,
        "playbook": own,
        "others": [
            {"subject": quoting.line(other.subject, 150), "body": quoting.passage(other.body, 4_000)}
            for other in briefing.playbooks()
            if other.group == step.group and other.pk != step.playbook_id
        ],
        "offer": briefing.offer_facts(step.offer) if step.offer else None,
        "brand": briefing.brand_facts(),
        "channel": step.channel,
        "language": wish.language,
        "manner": wish.manner or None,
        "note": briefing.typed(wish.note, 300) or None,
        "count": wish.count,
        "now": {"subject": quoting.line(words["subject"], 150), "body": quoting.passage(words["body"], 4_000)},
        "words": list(wording.WORDS),
    }
