"""A plan under review, between people: moved by hand, undone and done again, talked about."""

from datetime import date, datetime
from typing import Any

from django.db import transaction

from campaigns.actions.review import CannotEdit, ChangedMeanwhile, change_step, put, state_of, under_review
from campaigns.models import Plan, PlanChange, PlanStep, StepComment
from campaigns.queries.workspace import next_to_redo, next_to_undo
from config.shared.live import announce
from loyalty.models import User


def move_step(*, step: PlanStep, day: date, by: User, now: datetime, seen: int | None = None) -> PlanStep:
    """To another day of the week, all else as it is. Raises CannotEdit, ChangedMeanwhile."""
    wanted = {"day": day.isoformat()}
    return change_step(step=step, wanted=wanted, kind=PlanChange.Kind.MOVED, by=by, now=now, seen=seen)


@transaction.atomic
def undo_change(*, plan: Plan, number: int, by: User, now: datetime) -> PlanChange:
    """Take back the last change that stands, which is to be `number`. Raises CannotEdit, ChangedMeanwhile."""
    plan = under_review(plan.pk)
    change = _still(next_to_undo(plan), number)
    _refuse_unless(change.step, is_as=change.after)
    put(step=change.step, wanted=state_of(change.step).as_kept(change.before), plan=plan, by=by, now=now)
    change.undone_at, change.undone_by = now, by
    change.save(update_fields=["undone_at", "undone_by"])
    return change


@transaction.atomic
def redo_change(*, plan: Plan, number: int, by: User, now: datetime) -> PlanChange:
    """Make again what was undone last, which is to be `number`. Raises CannotEdit, ChangedMeanwhile."""
    plan = under_review(plan.pk)
    change = _still(next_to_redo(plan), number)
    _refuse_unless(change.step, is_as=change.before)
    put(step=change.step, wanted=state_of(change.step).as_kept(change.after), plan=plan, by=by, now=now)
    change.undone_at, change.undone_by, change.redone_by = None, None, by
    change.save(update_fields=["undone_at", "undone_by", "redone_by"])
    return change


def _still(change: PlanChange | None, number: int) -> PlanChange:
    if change is None or change.number != number:
        raise ChangedMeanwhile("Somebody has changed this plan since you looked. Look at it again first.")
    return change


def _refuse_unless(step: PlanStep, *, is_as: dict[str, Any]) -> None:
    state = state_of(step)
    if state != state.as_kept(is_as):
        raise CannotEdit(
            "The step is not as this change left it, so it cannot be taken back by itself. Change the step."
        )


@transaction.atomic
def comment(*, step: PlanStep, text: str, by: User, now: datetime) -> StepComment:
    """Raises CannotEdit for an empty one."""
    if not text.strip():
        raise CannotEdit("Write something first.")
    made = StepComment.objects.create(step=step, text=text.strip()[:1000], by=by, at=now)
    announce(f"campaign:{step.plan.campaign.public_id}")
    return made


@transaction.atomic
def settle_comment(*, comment: StepComment, is_settled: bool, by: User, now: datetime) -> None:
    """Nothing is left to do about it; or there is, after all."""
    comment.resolved_at, comment.resolved_by = (now, by) if is_settled else (None, None)
    comment.save(update_fields=["resolved_at", "resolved_by"])
    announce(f"campaign:{comment.step.plan.campaign.public_id}")
