"""Other words for a step: asked for at once, written in the background, used by a person."""

from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from campaigns.actions import calls, planning
from campaigns.actions.calls import CannotAsk
from campaigns.actions.review import change_step, under_review
from campaigns.ai import writer
from campaigns.ai.writer import Wish
from campaigns.models import ModelCall, PlanChange, PlanStep, StepText
from campaigns.queries.plans import as_proposal
from config.shared.clock import Clock
from integrations.channels.base import available_channels
from integrations.llm.base import language_model
from loyalty.models import User

Task = ModelCall.Task


@transaction.atomic
def request_texts(*, step: PlanStep, wish: Wish, by: User, now: datetime) -> ModelCall:
    """Queue other words for a step of a plan under review. Raises CannotAsk, and CannotEdit."""
    if wish.task == Task.REGENERATE_STEP and not wish.note.strip():
        raise CannotAsk("Say what should be different, such as: shorter, mention the tasting.")
    return calls.queue(step=step, task=wish.task, wish=asdict(wish), by=by, now=now)


def write_texts(call_id: int, *, now: datetime) -> bool:
    """Answer a queued call for words. False when somebody else has it, or it is for something else."""
    return calls.answer(call_id, tasks=ModelCall.WRITING, work=_write, now=now)


def _write(call: ModelCall, clock: Clock) -> None:
    """A sound answer becomes alternatives. A faulty one is asked for once more, as a call of its own."""
    step, wish = call.step, Wish(**call.wish)
    assert step is not None
    limits = planning.limits(call.plan, available_channels(), clock())
    found = calls.sound_answer(
        call,
        language_model(),
        lambda faults: writer.question(step, wish, faults=faults),
        lambda raw: writer.read(raw, as_proposal(step), wish, limits),
        longest=writer.LONGEST_ANSWER,
        clock=clock,
    )
    if found:
        answered, answer = found
        _offer(answered, answer.texts, wish, clock())


@transaction.atomic
def _offer(call: ModelCall, texts: list[writer.TextProposal], wish: Wish, now: datetime) -> None:
    calls.refuse_unwanted(call)
    StepText.objects.bulk_create(
        StepText(
            step=call.step, call=call, language=wish.language, subject=text.subject.strip(), body=text.body.strip(),
            wish=wish.told[:300], written_by=call.model_name, made_at=now,
        )
        for text in reversed(texts)
    )  # fmt: skip


@transaction.atomic
def use_text(*, text: StepText, by: User, now: datetime, seen: int | None = None) -> PlanStep:
    """Put other words in the place of those a step has, which are kept for undoing. Raises CannotEdit."""
    under_review(text.step.plan_id)
    step = PlanStep.objects.get(pk=text.step_id)
    words = {"subject": text.subject, "body": text.body}
    wanted = words if text.language == "en" else {"translations": {**step.translations, text.language: words}}
    changed = change_step(step=step, wanted=wanted, kind=PlanChange.Kind.WRITTEN, by=by, now=now, seen=seen)
    text.used_at, text.used_by = now, by
    text.save(update_fields=["used_at", "used_by"])
    return changed
