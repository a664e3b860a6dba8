"""A call about a step: queued by a person, answered in the background, and cancelled or given up before that.

What is asked, and what becomes of an answer, is for `copywriting` and `picturing`.
"""

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from django.db import IntegrityError, transaction

from campaigns.actions import asking
from campaigns.actions.review import under_review
from campaigns.ai.instructions import Prompt
from campaigns.models import ModelCall, PlanStep
from config.shared.clock import Clock, ticking
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from integrations.llm.base import LanguageModel, ModelUnavailable, Question
from loyalty.models import User

LEASE = timedelta(minutes=7)
# How often a language model may try before a faulty answer is its last.
ATTEMPTS = 2
Status = ModelCall.Status
logger = logging.getLogger(__name__)


class CannotAsk(DomainError):
    code = "cannot_ask"


@transaction.atomic
def queue(*, step: PlanStep, task: str, wish: dict[str, Any], by: User, now: datetime) -> ModelCall:
    """For a step of a plan under review. Raises CannotAsk while another waits for its answer, and CannotEdit."""
    plan = under_review(step.plan_id)
    try:
        with transaction.atomic():
            call = ModelCall.objects.create(
                plan=plan, step=step, task=task, status=Status.QUEUED, wish=wish, asked_by=by, asked_at=now
            )
    except IntegrityError:
        raise CannotAsk("Something is being made for this step already. Wait for it, or cancel it.") from None
    nudge("campaigns.answer_call", call_id=call.pk)
    announce(f"campaign:{plan.campaign.public_id}")
    return call


@transaction.atomic
def cancel(*, call: ModelCall, now: datetime) -> None:
    """Nobody waits for it any more. Raises CannotAsk when it has ended already."""
    if not ModelCall.objects.filter(pk=call.pk, status__in=ModelCall.WORKING).update(
        status=Status.CANCELLED, ended_at=now
    ):
        raise CannotAsk("It has ended already.")
    announce(f"campaign:{call.plan.campaign.public_id}")


def answer(call_id: int, *, tasks: Collection[str], work: Callable[[ModelCall, Clock], None], now: datetime) -> bool:
    """Have `work` answer a queued call for one of `tasks`. False when somebody else has it, or it is none of them."""
    clock = ticking(now)
    waiting = ModelCall.objects.filter(pk=call_id, status=Status.QUEUED, task__in=tasks)
    if not waiting.update(status=Status.ASKING, claimed_until=now + LEASE):
        return False
    rows = ModelCall.objects.select_related("plan__campaign", "asked_by", "step__playbook", "step__offer")
    call = rows.get(pk=call_id)
    try:
        work(call, clock)
    except asking.NotWanted:
        logger.info("Call %s was cancelled", call_id)
    except (asking.TooDear, ModelUnavailable) as refusal:
        logger.info("Call %s brought nothing: %s", call_id, refusal)
    finally:
        announce(f"campaign:{call.plan.campaign.public_id}")
    return True


class Answer(Protocol):
    """What an answer says, and what keeps it from being used."""

    @property
    def faults(self) -> list[str]: ...

    @property
    def has_shape(self) -> bool: ...


_A = TypeVar("_A", bound=Answer)


def sound_answer(
    call: ModelCall,
    model: LanguageModel,
    question: Callable[[list[str]], tuple[Prompt, Question]],
    read: Callable[[str], _A],
    *,
    longest: int,
    clock: Clock,
) -> tuple[ModelCall, _A] | None:
    """A faulty answer is asked for once more, as a call of its own; None when the last one was faulty, too.

    `call` is the row that was queued; `question` is told the faults of the answer before. Raises as `asking.ask` does.
    """
    faults: list[str] = []
    for attempt in range(1, ATTEMPTS + 1):
        current = call if attempt == 1 else _again(call, attempt, clock())
        answered = asking.ask(purpose_of(current, longest=longest), model, *question(faults), clock=clock)
        answer = read(answered.raw)
        if not answer.faults:
            return answered, answer
        asking.find_fault(answered, answer.faults, has_shape=answer.has_shape)
        faults = answer.faults
    return None


def purpose_of(call: ModelCall, *, longest: int | None = None) -> asking.Purpose:
    """What a call is made for. A second attempt has no row before it is asked: until then nobody can cancel it."""

    def is_wanted() -> bool:
        return call.pk is None or ModelCall.objects.filter(pk=call.pk, status__in=ModelCall.WORKING).exists()

    return asking.Purpose(
        call.plan, is_wanted, by=call.asked_by, step=call.step, attempt=call.attempt, call=call, longest=longest
    )


def _again(call: ModelCall, attempt: int, now: datetime) -> ModelCall:
    return ModelCall(
        plan=call.plan,
        step=call.step,
        asked_by=call.asked_by,
        wish=call.wish,
        attempt=attempt,
        claimed_until=now + LEASE,
    )


def refuse_unwanted(call: ModelCall) -> None:
    """Before its answer is kept, in the same transaction. Raises NotWanted when somebody else ended the call."""
    if not ModelCall.objects.select_for_update().filter(pk=call.pk, status=Status.ANSWERED).exists():
        raise asking.NotWanted


def give_up(*, now: datetime) -> int:
    """Calls whose worker died: whoever asked is told, and asks again if they still want it. How many.

    Plans that nobody makes any more leave such calls as well; whatever they may have used stays counted.
    """
    asking.give_up_left_over(asked_before=now - LEASE, now=now)
    lapsed = ModelCall.objects.filter(status=Status.ASKING, claimed_until__lt=now)
    return lapsed.update(status=Status.UNAVAILABLE, faults=["Its worker stopped. Ask again."], ended_at=now)
