"""What a language model is asked for the picture of a step, and its answer held against the rules. Writes nothing."""

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from campaigns.ai import briefing
from campaigns.ai.instructions import Prompt, prompt
from campaigns.models import ImageBrief, ModelCall, PlanStep
from campaigns.queries.house import house
from campaigns.rules import briefs, quoting
from campaigns.rules.briefs import Brief
from integrations.llm.base import Question
from loyalty.queries.brand import business

LONGEST_ANSWER = 2_000


class BriefProposal(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    scene: str
    style: str
    avoid: str
    alt: str


@dataclass(frozen=True)
class Answer:
    """`brief` is None where it has not the shape that was asked for."""

    brief: Brief | None
    faults: list[str]

    @property
    def has_shape(self) -> bool:
        return self.brief is not None


def question(step: PlanStep, note: str, now: ImageBrief | None, *, faults: list[str]) -> tuple[Prompt, Question]:
    """`now` is the brief there is; `faults` are those of the answer before."""
    task = ModelCall.Task.WRITE_BRIEF
    facts, words = _facts(step, note, now), prompt(task)
    told = {**facts, "faults_of_your_last_answer": faults} if faults else facts
    return words, Question(task=task, instructions=words.text, facts=told, schema=BriefProposal)


def read(raw: str, step: PlanStep) -> Answer:
    try:
        said = BriefProposal.model_validate_json(raw)
    except ValidationError as error:
        told = [
            f"{'.'.join(str(part) for part in fault['loc']) or 'answer'}: {fault['msg']}" for fault in error.errors()
        ]
        return Answer(None, told[:20])
    brief = Brief(**{name: " ".join(text.split()) for name, text in said.model_dump().items()})
    return Answer(brief, briefs.of_a_model(brief, house(), offer=step.offer_said))


def drawing(brief: Brief) -> tuple[Prompt, str]:
    """What an image model is told: our words, and the brief without addresses somebody may have typed into it."""
    words = prompt(ModelCall.Task.MAKE_PICTURES)
    quoted = Brief(**{name: quoting.passage(text, briefs.LONGEST[name]) for name, text in asdict(brief).items()})
    return words, f"{words.text}\n{briefs.told(quoted, business().vertical)}"


def brief_of(row: ImageBrief) -> Brief:
    return Brief(scene=row.scene, style=row.style, avoid=row.avoid, alt=row.alt)


def _facts(step: PlanStep, note: str, now: ImageBrief | None) -> dict[str, Any]:
    groups = step.plan.facts.get("groups", [])
    quoted = (
        {name: quoting.passage(text, briefs.LONGEST[name]) for name, text in asdict(brief_of(now)).items()}
        if now
        else None
    )
    return {
        "goal": briefing.typed(step.plan.asked),
        "business": briefing.business_facts(),
        "group": next((each for each in groups if each["group"] == step.group), {}),
        "playbook": briefing.playbook_facts(step.playbook, (step.channel,)),
        "offer": briefing.offer_facts(step.offer) if step.offer else None,
        "brand": briefing.brand_facts(),
        "never_seen": list(briefs.never_seen(business().vertical)),
        "note": briefing.typed(note, 300) or None,
        "message": {"subject": quoting.line(step.subject, 150), "body": quoting.passage(step.body, 4_000)},
        "now": quoted,
    }
