"""Other words for a step: asked for at once, written in the background, used by a person."""

import logging
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from campaigns.actions import asking, planning
from campaigns.actions.review import change_step, state_of, under_review
from campaigns.ai import writer
from campaigns.ai.writer import Wish
from campaigns.models import ModelCall, PlanChange, PlanStep, StepText
from campaigns.queries.plans import as_proposal
from config.shared.clock import Clock, ticking
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from integrations.channels.base import available_channels
from integrations.llm.base import LanguageModel, ModelUnavailable, language_model
from loyalty.models import User

LEASE = timedelta(minutes=7)
Status = ModelCall.Status
Task = ModelCall.Task
logger = logging.getLogger(__name__)


class CannotWrite(DomainError):
    code = "cannot_write"


@transaction.atomic
def request_texts(*, step: PlanStep, wish: Wish, by: User, now: datetime) -> ModelCall:
    """Queue other words for a step of a plan under review. Raises CannotWrite, and CannotEdit."""
    plan = under_review(step.plan_id)
    if wish.task == Task.REGENERATE_STEP and not wish.note.strip():
        raise CannotWrite("Say what should be different, such as: shorter, mention the tasting.")
    try:
        with transaction.atomic():
            call = ModelCall.objects.create(
                plan=plan, step=step, task=wish.task, status=Status.QUEUED, wish=asdict(wish), asked_by=by,
                asked_at=now,
            )  # fmt: skip
    except IntegrityError:
        raise CannotWrite("Something is being written for this step already. Wait for it, or cancel it.") from None
    nudge("campaigns.write_texts", call_id=call.pk)
    announce(f"campaign:{plan.campaign.public_id}")
    return call


@transaction.atomic
def cancel_texts(*, call: ModelCall, now: datetime) -> None:
    """Nobody waits for it any more. Raises CannotWrite when it has ended already."""
    if not ModelCall.objects.filter(pk=call.pk, status__in=ModelCall.WORKING).update(
        status=Status.CANCELLED, ended_at=now
    ):
        raise CannotWrite("It has ended already.")
    announce(f"campaign:{call.plan.campaign.public_id}")


def write_texts(call_id: int, *, now: datetime) -> bool:
    """Answer a queued call. False when somebody else has it."""
    clock = ticking(now)
    waiting = ModelCall.objects.filter(pk=call_id, status=Status.QUEUED).exclude(task__in=ModelCall.PICTURING)
    if not waiting.update(status=Status.ASKING, claimed_until=now + LEASE):
        return False
    call = ModelCall.objects.select_related("plan__campaign", "asked_by", "step__playbook", "step__offer").get(
        pk=call_id
    )
    try:
        _write(call, language_model(), Wish(**call.wish), clock)
    except asking.NotWanted:
        logger.info("Call %s was cancelled", call_id)
    except (asking.TooDear, ModelUnavailable) as refusal:
        logger.info("Call %s brought nothing: %s", call_id, refusal)
    finally:
        announce(f"campaign:{call.plan.campaign.public_id}")
    return True


def give_up_texts(*, now: datetime) -> int:
    """Calls whose worker died: whoever asked is told, and asks again if they still want it. How many.

    Plans that nobody makes any more leave such calls as well; whatever they may have used stays counted.
    """
    asking.give_up_left_over(asked_before=now - LEASE, now=now)
    lapsed = ModelCall.objects.filter(status=Status.ASKING, claimed_until__lt=now)
    return lapsed.update(status=Status.UNAVAILABLE, faults=["Its worker stopped. Ask again."], ended_at=now)


def _write(call: ModelCall, model: LanguageModel, wish: Wish, clock: Clock) -> None:
    """A sound answer becomes alternatives. A faulty one is asked for once more, as a call of its own."""
    step = call.step
    assert step is not None
    limits = planning.limits(call.plan, available_channels(), clock())
    found = asking.sound_answer(
        call,
        model,
        lambda faults: writer.question(step, wish, faults=faults),
        lambda raw: writer.read(raw, as_proposal(step), wish, limits),
        attempts=writer.ATTEMPTS,
        longest=writer.LONGEST_ANSWER,
        lease=LEASE,
        clock=clock,
    )
    if found:
        answered, answer = found
        _offer(answered, answer.texts, wish, clock())


@transaction.atomic
def _offer(call: ModelCall, texts: list[writer.TextProposal], wish: Wish, now: datetime) -> None:
    """Raises NotWanted when somebody else ended the call."""
    if not ModelCall.objects.select_for_update().filter(pk=call.pk, status=Status.ANSWERED).exists():
        raise asking.NotWanted
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
    step = PlanStep.objects.get(pk=text.step_id)
    state, words = state_of(step), {"subject": text.subject, "body": text.body}
    if text.language == "en":
        wanted = replace(state, subject=text.subject, body=text.body)
    else:
        wanted = replace(state, translations={**state.translations, text.language: words})
    changed = change_step(step=step, wanted=wanted, kind=PlanChange.Kind.WRITTEN, by=by, now=now, seen=seen)
    text.used_at, text.used_by = now, by
    text.save(update_fields=["used_at", "used_by"])
    return changed
