"""What people did with a plan: changes to undo, other words, comments."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, Func, Max, OuterRef, Q, QuerySet, Subquery
from django.utils.formats import date_format
from django.utils.text import get_text_list

from campaigns.models import (
    DrawnPicture,
    ImageBrief,
    ModelCall,
    Plan,
    PlanChange,
    PlanStep,
    StepComment,
    StepText,
)
from campaigns.rules import steps
from campaigns.rules.briefs import MOST_PICTURES
from campaigns.rules.differences import Span, spans

CHANGES_SHOWN = 20


def next_to_undo(plan: Plan) -> PlanChange | None:
    return plan.changes.filter(undone_at=None).select_related("step").order_by("-number").first()


def next_to_redo(plan: Plan) -> PlanChange | None:
    """The first undone one after the last that stands: a new change ends what could be done again."""
    last = plan.changes.filter(undone_at=None).aggregate(last=Max("number"))["last"] or 0
    return plan.changes.filter(number__gt=last).select_related("step").order_by("number").first()


@dataclass(frozen=True)
class WorkByHand:
    """What people did to a plan, or had done for it, that a new plan would not have."""

    changes: int = 0
    comments: int = 0
    briefs: int = 0
    pictures: int = 0
    texts: int = 0

    @property
    def pieces(self) -> int:
        return self.changes + self.comments + self.briefs + self.pictures + self.texts

    def __str__(self) -> str:
        """`2 changes, 1 comment and 3 pictures`"""
        names = {
            "change": self.changes, "comment": self.comments, "image brief": self.briefs, "picture": self.pictures,
            "text": self.texts,
        }  # fmt: skip
        told = [f"{count:,} {name}{'' if count == 1 else 's'}" for name, count in names.items() if count]
        return get_text_list(told, "and")


def work_by_hand(plan: Plan) -> WorkByHand:
    """What stands of it: changes not undone, open comments, steps with a person's image brief, pictures nobody chose
    (those chosen are kept), and texts people asked for. In one statement.
    """
    this = OuterRef("pk")
    pieces = {
        "changes": PlanChange.objects.filter(plan=this, undone_at=None),
        "comments": StepComment.objects.filter(step__plan=this, resolved_at=None),
        "briefs": PlanStep.objects.filter(
            Exists(ImageBrief.objects.filter(step=OuterRef("pk"), call=None, by__isnull=False)), plan=this
        ),
        "pictures": DrawnPicture.objects.filter(brief__step__plan=this, media=None),
        "texts": StepText.objects.filter(step__plan=this),
    }
    counted = Plan.objects.filter(pk=plan.pk).values_list(*(_count(rows) for rows in pieces.values()))
    counts = dict(zip(pieces, counted.get(), strict=True))
    return WorkByHand(**counts)


def _count(rows: QuerySet[Any]) -> Subquery:
    return Subquery(rows.order_by().annotate(count=Func("pk", function="count")).values("count"))


@dataclass(frozen=True)
class ChangeTold:
    """One change, for people."""

    change: PlanChange
    what: str


@dataclass(frozen=True)
class ChangeLog:
    """The latest changes first. `undo` and `redo` are what would be taken back or made again."""

    changes: list[ChangeTold]
    undo: ChangeTold | None
    redo: ChangeTold | None


def change_log(plan: Plan) -> ChangeLog:
    rows = list(plan.changes.select_related("by", "undone_by", "step").order_by("-number")[:CHANGES_SHOWN])
    undo, redo = next_to_undo(plan), next_to_redo(plan)
    return ChangeLog(
        changes=[told(row) for row in rows],
        undo=told(undo) if undo else None,
        redo=told(redo) if redo else None,
    )


def told(change: PlanChange) -> ChangeTold:
    """`Champions, March 29: text`"""
    verb, what = change.get_kind_display().lower(), ""
    match change.kind:
        case PlanChange.Kind.EDITED:
            what = f" ({steps.told(change.before, change.after)})"
        case PlanChange.Kind.MOVED:
            first, second = (date.fromisoformat(kept["day"]) for kept in (change.before, change.after))
            what = f", from {date_format(first, 'D, M j')} to {date_format(second, 'D, M j')}"
    return ChangeTold(change, f"{change.step.get_group_display()}: {verb}{what}")


@dataclass(frozen=True)
class Alternative:
    """Other words beside those a step has, with what would change."""

    text: StepText
    subject: list[Span]
    body: list[Span]
    is_current: bool


def alternatives_of(step: PlanStep) -> list[Alternative]:
    """The newest first."""
    return [_compared(text, step) for text in step.texts.select_related("call", "used_by").order_by("-pk")[:12]]


def _compared(text: StepText, step: PlanStep) -> Alternative:
    now = words_in(step, text.language)
    return Alternative(
        text=text,
        subject=spans(now["subject"], text.subject),
        body=spans(now["body"], text.body),
        is_current=now == {"subject": text.subject, "body": text.body},
    )


def words_in(step: PlanStep, language: str, *, base: str = "en") -> dict[str, str]:
    """Subject and body in a language; empty where it has none."""
    if language == base:
        return {"subject": step.subject, "body": step.body}
    words = step.translations.get(language, {})
    return {"subject": words.get("subject", ""), "body": words.get("body", "")}


def writing_of(step: PlanStep, *, pictures: bool = False) -> ModelCall | None:
    """The call that is being answered for the words of a step, or for its picture, or waits to be."""
    return _calls_for(step, pictures).filter(status__in=ModelCall.WORKING).first()


def last_refusal(step: PlanStep, *, pictures: bool = False) -> ModelCall | None:
    """The latest call for its words, or for its picture, where it brought nothing."""
    last = _calls_for(step, pictures).exclude(status__in=ModelCall.WORKING).order_by("-pk").first()
    return None if last is None or last.status == ModelCall.Status.ANSWERED else last


def _calls_for(step: PlanStep, pictures: bool) -> QuerySet[ModelCall]:
    about = Q(task__in=ModelCall.PICTURING)
    return step.calls.filter(about if pictures else ~about)


def brief_in_force(step: PlanStep) -> ImageBrief | None:
    """The latest."""
    return step.briefs.select_related("by").order_by("-pk").first()


def drawn_for(step: PlanStep) -> QuerySet[DrawnPicture]:
    """The latest pictures made for a step, without their bytes: as many as are looked at side by side."""
    rows = DrawnPicture.objects.filter(brief__step=step).select_related("brief", "media").defer("content")
    return rows.order_by("-pk")[: 2 * MOST_PICTURES]


def comments_of(step: PlanStep) -> QuerySet[StepComment]:
    return step.comments.select_related("by", "resolved_by").order_by("at", "pk")


def open_comments(plan: Plan) -> dict[int, int]:
    """How many comments of each step nobody has settled."""
    rows = StepComment.objects.filter(step__plan=plan, resolved_at=None).values_list("step_id", flat=True)
    return dict(Counter(rows))
