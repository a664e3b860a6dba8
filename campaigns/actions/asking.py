"""Ask a language model, within what a plan may use. Every call is a row, whatever becomes of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from time import monotonic
from typing import TypeVar

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from campaigns.ai.briefing import as_told
from campaigns.ai.instructions import Prompt
from campaigns.ai.planner import storable
from campaigns.models import ModelCall, Plan, PlanStep
from campaigns.queries.calls import picture_price, prices, used_by
from campaigns.queries.policy import policy
from campaigns.rules import spending
from config.shared.clock import Clock
from config.shared.errors import DomainError
from config.shared.live import announce
from integrations.llm.base import LanguageModel, ModelUnavailable, Question, Reply, Usage
from integrations.llm.pictures import Drawn, ImageModel
from loyalty.models import User

# How often somebody who looks is told how far an answer has come, and whether it is still wanted is asked.
LISTENING_SECONDS = 0.5
Status = ModelCall.Status
_R = TypeVar("_R", Reply, Drawn)
# What the model wrote is all there is. Of what ended otherwise nobody knows: it counts with the most it may have used.
_HEARD = (Status.ANSWERED, Status.CANCELLED)
# What a worker writes down about a call.
_OF_A_CALL = (
    "task", "model_name", "attempt", "asked_at", "prompt", "prompt_digest", "status", "faults", "raw", "tokens_in",
    "tokens_out", "pictures", "is_counted", "cost", "latency_ms", "ended_at",
)  # fmt: skip
_OUTCOMES = {
    "refused": Status.REFUSED,
    "truncated": Status.TRUNCATED,
    "timeout": Status.TIMEOUT,
    "rate_limited": Status.RATE_LIMITED,
}


class TooDear(DomainError):
    code = "plan_cap"


class NotWanted(Exception):
    """Somebody cancelled while the model was answering."""


@dataclass(frozen=True)
class Purpose:
    """What a call is for, and whether it is still wanted. `call` is its row where it was queued; None makes one."""

    plan: Plan
    is_wanted: Callable[[], bool]
    by: User | None
    step: PlanStep | None = None
    attempt: int = 1
    call: ModelCall | None = None
    longest: int | None = None


def ask(purpose: Purpose, model: LanguageModel, words: Prompt, question: Question, *, clock: Clock) -> ModelCall:
    """The call, answered: its `raw` is what the model said. No transaction is open while it thinks.

    Of a small group, a model elsewhere is told no more than its size.
    Raises TooDear before anything is asked, ModelUnavailable, and NotWanted as soon as nobody wants the answer.
    """
    if not purpose.is_wanted():
        raise NotWanted
    if model.is_metered:
        question = replace(question, facts=as_told(question.facts))
    asked = spending.tokens_in(_told(question)) if model.is_metered else 0

    def reserve(call: ModelCall, caps: spending.Caps) -> None:
        call.tokens_in, call.tokens_out = asked, _longest(model, asked, caps, purpose)

    call = _opened(purpose, task=question.task, name=model.name, words=words, reserve=reserve, now=clock())
    wanted = replace(question, most_tokens=call.tokens_out or None)
    _answered(call, purpose, lambda heard: model.answer(wanted, heard=heard), clock)
    return call


def draw(
    purpose: Purpose, model: ImageModel, words: Prompt, brief: str, *, count: int, clock: Clock
) -> tuple[ModelCall, list[bytes]]:
    """The call, and the pictures as they came: any bytes. Raises as `ask` does."""
    if not purpose.is_wanted():
        raise NotWanted

    def reserve(call: ModelCall, caps: spending.Caps) -> None:
        spending.refuse_pictures(count, used_by(purpose.plan), caps, picture_price())
        call.pictures = count

    task = ModelCall.Task.MAKE_PICTURES
    call = _opened(purpose, task=task, name=model.name, words=words, reserve=reserve, now=clock())
    drawn = _answered(call, purpose, lambda heard: model.draw(brief, count=count, heard=heard), clock)
    return call, drawn.pictures


def _answered(call: ModelCall, purpose: Purpose, answer: "Callable[[_Listener], _R]", clock: Clock) -> _R:
    """What was answered, written down. Raises ModelUnavailable and NotWanted."""
    listener, ending = _Listener(call, purpose.is_wanted), _Ending(call, clock)
    try:
        reply = answer(listener)
    except ModelUnavailable as error:
        status = _OUTCOMES.get(error.outcome, Status.UNAVAILABLE)
        if not ending.write(status, error.text, usage=error.usage, fault=str(error)):
            raise NotWanted from error
        raise
    except NotWanted:
        ending.write(Status.CANCELLED, listener.heard)
        raise
    except BaseException:
        ending.write(Status.UNAVAILABLE, listener.heard, fault="Something went wrong on our side.")
        raise
    if not ending.write(Status.ANSWERED, reply.text, usage=reply.usage):
        raise NotWanted
    return reply


def find_fault(call: ModelCall, faults: list[str], *, has_shape: bool) -> None:
    """The answer cannot be used. Raises NotWanted when nobody waits for it any more."""
    call.status, call.faults = Status.FAULTY if has_shape else Status.MALFORMED, faults
    answered = ModelCall.objects.filter(pk=call.pk, status=Status.ANSWERED)
    if not answered.update(status=call.status, faults=faults):
        raise NotWanted


def give_up(plan: Plan, *, now: datetime) -> None:
    """Calls whose worker died are answered by nobody. What they may have used stays counted, by what came of them."""
    for call in plan.calls.filter(status=Status.ASKING, step=None):
        call.ended_at = now
        _settle(call, Status.UNAVAILABLE, call.raw, usage=None, fault="Its worker stopped.")


def give_up_left_over(*, asked_before: datetime, now: datetime) -> int:
    """Calls of plans that nobody makes any more, as `give_up`; of how many plans."""
    left = ModelCall.objects.filter(status=Status.ASKING, step=None, claimed_until=None, asked_at__lt=asked_before)
    plans = Plan.objects.filter(pk__in=left.values("plan")).exclude(status__in=Plan.WORKING)
    for plan in plans:
        give_up(plan, now=now)
    return len(plans)


def _opened(
    purpose: Purpose,
    *,
    task: str,
    name: str,
    words: Prompt,
    reserve: Callable[[ModelCall, spending.Caps], None],
    now: datetime,
) -> ModelCall:
    """The row of a call about to be made, holding what it may use: `reserve` says what, and raises OverTheCap."""
    plan, rules = purpose.plan, policy()
    caps = spending.Caps(rules.plan_tokens, rules.plan_cost, rules.plan_pictures)
    call = purpose.call or ModelCall(plan=plan, step=purpose.step, asked_by=purpose.by)
    call.task, call.model_name, call.attempt, call.asked_at = task, name, purpose.attempt, now
    call.prompt, call.prompt_digest = words.name, words.digest
    refusal = None
    with transaction.atomic():
        Plan.objects.select_for_update().get(pk=plan.pk)  # two calls of one plan do not share what is left
        try:
            reserve(call, caps)
        except spending.OverTheCap as over:
            refusal = str(over)
            call.status, call.faults, call.ended_at = Status.CAPPED, [refusal], now
        else:
            call.status, call.cost = Status.ASKING, _cost(call)
        _open(call)
    if refusal:
        raise TooDear(refusal)
    return call


def _open(call: ModelCall) -> None:
    """Write down a call that is about to be made. Raises NotWanted when it was cancelled, or another one is there."""
    if call.pk is None:
        try:
            with transaction.atomic():
                call.save()
        except IntegrityError:
            raise NotWanted from None
    elif not _write(call, ModelCall.objects.filter(pk=call.pk, status__in=ModelCall.WORKING)):
        raise NotWanted


def _write(call: ModelCall, rows: QuerySet[ModelCall], *, but: tuple[str, ...] = ()) -> int:
    return rows.update(**{field: getattr(call, field) for field in _OF_A_CALL if field not in but})


def _longest(model: LanguageModel, asked: int, caps: spending.Caps, purpose: Purpose) -> int:
    if not model.is_metered:
        return 0
    return spending.longest_answer(asked, used_by(purpose.plan), caps, prices(), wish=purpose.longest)


def _told(question: Question) -> str:
    schema = json.dumps(question.schema.model_json_schema())
    return question.instructions + schema + json.dumps(question.facts, ensure_ascii=False)


class _Ending:
    """Writes down how a call ended, and how long that took."""

    def __init__(self, call: ModelCall, clock: Clock) -> None:
        self._call, self._clock, self._began = call, clock, monotonic()

    def write(self, status: str, text: str, *, usage: Usage | None = None, fault: str = "") -> bool:
        """Whether somebody still waited for it."""
        self._call.latency_ms, self._call.ended_at = int((monotonic() - self._began) * 1000), self._clock()
        return _settle(self._call, status, text, usage=usage, fault=fault)


def _settle(call: ModelCall, status: str, text: str, *, usage: Usage | None, fault: str) -> bool:
    """Whether it was still under way. Of one that was ended meanwhile only what it used is written down."""
    call.status, call.raw, call.faults = status, storable(text), [fault] if fault else []
    call.is_counted = usage is not None
    if usage:
        call.tokens_in, call.tokens_out, call.pictures = usage.tokens_in, usage.tokens_out, usage.pictures
    elif call.tokens_in and status in _HEARD:
        call.tokens_out = spending.tokens_in(text)
    call.cost = _cost(call)
    rows = ModelCall.objects.filter(pk=call.pk)
    if _write(call, rows.filter(status__in=ModelCall.WORKING)):
        return True
    _write(call, rows, but=("status", "faults", "ended_at"))
    return False


def _cost(call: ModelCall) -> Decimal | None:
    """None where no price is known; what takes neither tokens nor pictures costs nothing."""
    if call.pictures:
        each = picture_price()
        return None if each is None else call.pictures * each
    if not call.tokens:
        return Decimal(0)
    known = prices()
    return known.cost(call.tokens_in, call.tokens_out).quantize(Decimal("0.000001")) if known else None


class _Listener:
    """Writes down what came so far, tells who looks, and stops the call when nobody wants it."""

    def __init__(self, call: ModelCall, is_wanted: Callable[[], bool]) -> None:
        self.heard = ""
        self._call, self._is_wanted, self._last = call, is_wanted, monotonic()

    def __call__(self, text: str) -> None:
        if monotonic() - self._last < LISTENING_SECONDS:
            return
        self._last = monotonic()
        if not self._is_wanted():
            self.heard = text
            raise NotWanted
        if text != self.heard:
            self.heard = text
            ModelCall.objects.filter(pk=self._call.pk).update(raw=storable(text))
        announce(f"plan:{self._call.plan.public_id}")
