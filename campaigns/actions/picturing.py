"""A picture for a step: its brief, written in the background or by a person; pictures made from it; one chosen."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta

from django.db import transaction

from campaigns.actions import asking, calls, media
from campaigns.actions.review import change_step, refuse_stale, under_review
from campaigns.ai import briefs as ai
from campaigns.models import DrawnPicture, ImageBrief, ModelCall, PlanChange, PlanStep
from campaigns.queries.house import house
from campaigns.queries.workspace import brief_in_force
from campaigns.rules import briefs, pictures
from campaigns.rules.briefs import Brief
from config.shared.clock import Clock
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.trail import note_change
from integrations.llm.base import ModelUnavailable, language_model
from integrations.llm.pictures import image_model
from loyalty.models import User

# What nobody chose goes after so long; what was chosen is in the library.
KEPT_FOR = timedelta(days=30)
Task = ModelCall.Task


class BadBrief(DomainError):
    code = "bad_brief"


class CannotPicture(DomainError):
    code = "cannot_picture"


@transaction.atomic
def request_brief(*, step: PlanStep, note: str, by: User, now: datetime) -> ModelCall:
    """Queue an image brief for a step of a plan under review. Raises CannotAsk, and CannotEdit."""
    return calls.queue(step=step, task=Task.WRITE_BRIEF, wish={"note": note.strip()[:300]}, by=by, now=now)


@transaction.atomic
def save_brief(*, step: PlanStep, brief: Brief, by: User, now: datetime) -> ImageBrief:
    """What a person wants to be seen; those before are kept. Raises BadBrief, and CannotEdit."""
    plan = under_review(step.plan_id)
    faults = briefs.faults_of_shape(brief) + briefs.of_law(brief, house(), offer=step.offer_said)
    if faults:
        raise BadBrief(" ".join(faults[:3]))
    before = brief_in_force(step)
    if before and ai.brief_of(before) == brief:
        return before
    row = ImageBrief.objects.create(
        step=step, **asdict(brief), written_by=by.get_short_name() or str(by), by=by, made_at=now
    )
    note_change(step, brief=(before.scene if before else "", row.scene))
    announce(f"campaign:{plan.campaign.public_id}")
    return row


@transaction.atomic
def request_pictures(*, step: PlanStep, count: int, by: User, now: datetime) -> ModelCall:
    """Queue pictures of the brief in force. Raises CannotPicture, CannotAsk, and CannotEdit."""
    if image_model() is None:
        raise CannotPicture("No image model is connected (see Integrations): give the brief to a designer.")
    if not 1 <= count <= briefs.MOST_PICTURES:
        raise CannotPicture(f"Ask for one to {briefs.MOST_PICTURES} pictures.")
    row = brief_in_force(step)
    if row is None:
        raise CannotPicture("Write a brief first: what is to be seen, and in what style.")
    # The law, or the shop's trade, may have changed since it was written.
    if faults := briefs.of_law(ai.brief_of(row), house(), offer=step.offer_said):
        raise CannotPicture(" ".join(faults[:3]))
    wish = {"brief": row.pk, "count": count}
    return calls.queue(step=step, task=Task.MAKE_PICTURES, wish=wish, by=by, now=now)


def picture_step(call_id: int, *, now: datetime) -> bool:
    """Answer a queued call for a brief or for pictures. False when somebody else has it, or it is for words."""
    return calls.answer(call_id, tasks=ModelCall.PICTURING, work=_picture, now=now)


def _picture(call: ModelCall, clock: Clock) -> None:
    (_write_brief if call.task == Task.WRITE_BRIEF else _make_pictures)(call, clock)


def _write_brief(call: ModelCall, clock: Clock) -> None:
    step = call.step
    assert step is not None
    known = brief_in_force(step)
    found = calls.sound_answer(
        call,
        language_model(),
        lambda faults: ai.question(step, call.wish["note"], known, faults=faults),
        lambda raw: ai.read(raw, step),
        longest=ai.LONGEST_ANSWER,
        clock=clock,
    )
    if found and found[1].brief:
        _keep_brief(found[0], found[1].brief, clock())


@transaction.atomic
def _keep_brief(call: ModelCall, brief: Brief, now: datetime) -> None:
    calls.refuse_unwanted(call)
    assert call.step is not None
    ImageBrief.objects.create(
        step=call.step, call=call, **asdict(brief), written_by=call.model_name, by=call.asked_by, made_at=now
    )


def _make_pictures(call: ModelCall, clock: Clock) -> None:
    brief, model = ImageBrief.objects.get(pk=call.wish["brief"]), image_model()
    if model is None:
        raise ModelUnavailable("No image model is set any more.")
    purpose = calls.purpose_of(call)
    words, told = ai.drawing(ai.brief_of(brief))
    call, came = asking.draw(purpose, model, words, told, count=call.wish["count"], clock=clock)
    made, faults = list[pictures.Fitted](), list[str]()
    for content in came:
        try:
            made.append(pictures.fitted(content))
        except pictures.NotForMail as fault:
            faults.append(f"What the image model made cannot be used. {fault}")
    if not made:
        asking.find_fault(call, faults[:1] or ["The image model made no picture."], has_shape=False)
        return
    _keep_pictures(call, brief, made, clock())


@transaction.atomic
def _keep_pictures(call: ModelCall, brief: ImageBrief, made: list[pictures.Fitted], now: datetime) -> None:
    calls.refuse_unwanted(call)
    DrawnPicture.objects.bulk_create(
        DrawnPicture(
            brief=brief, call=call, content=one.content, content_type=one.content_type, width=one.width,
            height=one.height, made_at=now,
        )
        for one in made
    )  # fmt: skip


def choose_picture(*, picture: DrawnPicture, alt: str, by: User, now: datetime, seen: int | None = None) -> PlanStep:
    """Take one into the library and, where the plan is under review, into the message.

    Raises CannotPicture without `alt`, CannotEdit, and what `media.keep` does.
    """
    brief = picture.brief
    alt = " ".join(alt.split())
    if not alt:
        raise CannotPicture("Say what the picture shows, for who cannot see it.")
    checked = replace(ai.brief_of(brief), alt=alt)
    step = PlanStep.objects.select_related("offer").get(pk=brief.step_id)
    if faults := briefs.faults_of_shape(checked) + briefs.of_law(checked, house(), offer=step.offer_said):
        raise CannotPicture(" ".join(faults[:3]))
    with transaction.atomic():
        under_review(step.plan_id)  # before anything is kept
        refuse_stale(step, seen)
    kept = media.keep(content=bytes(picture.content), name=f"{step} {picture.pk}", alt=alt, by=by, now=now)
    with transaction.atomic():
        if kept.alt != alt:  # it was in the library under other words, and these were just chosen
            kept = media.describe(media=kept, name=kept.name, alt=alt)
        wanted = {"picture": kept.pk}
        changed = change_step(step=step, wanted=wanted, kind=PlanChange.Kind.PICTURED, by=by, now=now, seen=seen)
        DrawnPicture.objects.filter(pk=picture.pk).update(media=kept, chosen_by=by, chosen_at=now)
    return changed


def drop_picture(*, step: PlanStep, by: User, now: datetime, seen: int | None = None) -> PlanStep:
    """The message shows none; the library keeps it. Raises CannotEdit."""
    return change_step(step=step, wanted={"picture": None}, kind=PlanChange.Kind.PICTURED, by=by, now=now, seen=seen)


def forget_drawn(*, now: datetime) -> int:
    """Pictures that nobody chose: how many."""
    return DrawnPicture.objects.filter(made_at__lt=now - KEPT_FOR, media=None).delete()[0]
