"""Several wordings of one step: written while the plan is under review, drawn when it is approved, decided later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import ceil
from typing import Any

from django.db import transaction
from django.db.models import Func
from django.db.models.functions import Coalesce
from django.utils import timezone

from campaigns.models import Campaign, Experiment, Plan, PlanStep, Send, Template, Variant
from campaigns.models.experiments import LETTERS
from campaigns.queries.experiments import said_by, to_decide, tried_of
from campaigns.queries.house import house
from campaigns.queries.lots import drawn
from campaigns.queries.plans import as_proposal
from campaigns.rules import guard, proposals
from campaigns.writing import press
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from config.shared.trail import note_change
from loyalty.models import User


class CannotTry(DomainError):
    code = "cannot_try"


class CannotChoose(DomainError):
    code = "cannot_choose"


TOO_LATE = "The campaign ends before those who wait could get the winner. Decide earlier."


@dataclass(frozen=True)
class Words:
    """One variant as somebody wrote it. What is empty is as in A; `translations` hold subject and body by language."""

    weight: int
    subject: str
    body: str
    template: Template | None
    translations: dict[str, Any]


@transaction.atomic
def save_experiment(
    *,
    step: PlanStep,
    measure: str,
    decides: str,
    hours: int,
    test_percent: int,
    own_weight: int,
    variants: Sequence[Words],
    by: User,
    now: datetime,
) -> Experiment:
    """Try `variants` beside the step's own words. Raises CannotTry.

    Under review only: from the approval on it is drawn who gets which words.
    """
    plan = _under_review(step)
    if not 1 <= len(variants) < len(LETTERS):
        raise CannotTry(f"Write at least one other wording, and {len(LETTERS) - 1} at most.")
    if _is_too_late(step, plan.campaign, decides, hours):
        raise CannotTry(TOO_LATE)
    experiment, _ = Experiment.objects.update_or_create(
        step=step,
        defaults={
            "measure": measure, "decides": decides, "hours": hours, "test_percent": test_percent,
            "own_weight": own_weight, "created_at": now,
        },
    )  # fmt: skip
    experiment.authors.add(by)
    before = experiment.variants.count()
    experiment.variants.all().delete()
    for letter, words in zip(LETTERS[1:], variants, strict=False):
        variant = Variant(
            experiment=experiment, letter=letter, weight=words.weight, subject=words.subject, body=words.body,
            template=words.template, translations=words.translations,
        )  # fmt: skip
        _refuse_faults(step, variant)
        variant.save(force_insert=True)
    PlanStep.objects.filter(pk=step.pk).update(edited_by=by, edited_at=now)
    note_change(step, variants=(before, len(variants)))
    return experiment


@transaction.atomic
def drop_experiment(*, step: PlanStep, by: User, now: datetime) -> None:
    """Everybody gets the step's own words. Raises CannotTry once the plan is approved."""
    _under_review(step)
    experiment = Experiment.objects.filter(step=step).first()
    if experiment:
        note_change(step, variants=(experiment.variants.count(), 0))
        experiment.delete()
        PlanStep.objects.filter(pk=step.pk).update(edited_by=by, edited_at=now)


def press_variants(step: PlanStep, *, now: datetime, refusal: type[DomainError]) -> None:
    """Letters for every wording of an approved step: they say what they say now. Raises `refusal`.

    Since its wordings were written, the step may have moved to a later day, its own words may have become those of a
    variant, and the shop may have moved to a state with other laws.
    """
    refuse_too_late(step, campaign=step.plan.campaign, refusal=refusal)
    for variant in Variant.objects.filter(experiment__step=step):
        try:
            _refuse_faults(step, variant)
            press.press(step, variant=variant.letter, now=now)
        except CannotTry as fault:
            raise refusal(f"{step}: {fault}") from fault
        except press.CannotPress as fault:
            raise refusal(f"{step}, {variant.letter}: no letter can be made of it. {fault}") from fault


def refuse_too_late(step: PlanStep, *, campaign: Campaign, refusal: type[DomainError]) -> None:
    """The step may have moved to a later day since its wordings were written. Raises `refusal`."""
    experiment = Experiment.objects.filter(step=step).first()
    if experiment and _is_too_late(step, campaign, experiment.decides, experiment.hours):
        raise refusal(f"{step}: {TOO_LATE}")


def settle_empty(plan: Plan, *, now: datetime) -> None:
    """Nothing is learned where the lot gave a wording to nobody: then whoever would wait gets A at once."""
    for experiment in Experiment.objects.filter(step__plan=plan).exclude(decides=Experiment.Decides.NEVER):
        sends = Send.objects.filter(action__step=experiment.step_id, waits_for_winner=False)
        if set(drawn(experiment)["letters"]) - set(sends.values_list("variant", flat=True).distinct()):
            _settle(experiment, LETTERS[0], campaign=plan.campaign, is_certain=False, by=None, now=now)


def reopen(plan: Plan) -> None:
    """The approval was taken back: what it settled is open again."""
    Experiment.objects.filter(step__plan=plan).update(winner="", is_certain=False, decided_by=None, decided_at=None)


@transaction.atomic
def choose(*, experiment: Experiment, letter: str, by: User, now: datetime) -> int:
    """A person decides: those who wait get `letter`; how many. Raises CannotChoose."""
    campaign = Campaign.objects.select_for_update().get(plans__steps__experiment=experiment)
    if campaign.status not in (Campaign.Status.RUNNING, Campaign.Status.PAUSED):
        raise CannotChoose(f"{campaign.name} is {campaign.get_status_display().lower()}: nobody waits for a winner.")
    if experiment.decides == Experiment.Decides.NEVER:
        raise CannotChoose("Everybody takes part in this test: nobody waits for a winner.")
    if letter not in (LETTERS[0], *experiment.variants.values_list("letter", flat=True)):
        raise CannotChoose(f"This step has no wording {letter}.")
    moved = _settle(experiment, letter, campaign=campaign, is_certain=False, by=by, now=now)
    if moved is None:
        raise CannotChoose("A winner has been chosen meanwhile.")
    return moved


def decide_due(*, now: datetime) -> int:
    """Decide what is certain, or whose hours are over; how many. Without a clear winner the rest get A."""
    return sum(_decide(experiment, now) for experiment in to_decide())


@transaction.atomic
def _decide(experiment: Experiment, now: datetime) -> bool:
    campaign = Campaign.objects.select_for_update().get(plans__steps__experiment=experiment)
    tried = tried_of(experiment, now=now)
    if tried.window is None or campaign.status != Campaign.Status.RUNNING:
        return False
    is_early = experiment.decides == Experiment.Decides.CERTAIN and bool(tried.best)
    if not (is_early or tried.is_final):
        return False
    is_certain = bool(tried.best)
    winner = tried.best or LETTERS[0]
    return _settle(experiment, winner, campaign=campaign, is_certain=is_certain, by=None, now=now) is not None


def _settle(
    experiment: Experiment, letter: str, *, campaign: Campaign, is_certain: bool, by: User | None, now: datetime
) -> int | None:
    """How many get the winner now; None when somebody was quicker. Each at the hour that was planned for them."""
    undecided = Experiment.objects.filter(pk=experiment.pk, winner="")
    if not undecided.update(winner=letter, is_certain=is_certain, decided_by=by, decided_at=now):
        return None
    rest = Send.objects.filter(action__step=experiment.step_id, waits_for_winner=True, status=Send.Status.PENDING)
    moved = rest.update(
        variant=letter, waits_for_winner=False, held_from=None,
        due_at=_NextAtThatHour(Coalesce("held_from", "due_at"), now=now, ends=_end_of(campaign)),
    )  # fmt: skip
    note_change(experiment.step, winner=("", letter), messages=(0, moved))
    announce(f"campaign:{campaign.public_id}")
    nudge("campaigns.send_due")
    return moved


def _is_too_late(step: PlanStep, campaign: Campaign, decides: str, hours: int) -> bool:
    """Who waits gets the winner up to a day after the decision, and nothing leaves after the campaign's last day."""
    latest = campaign.ends_on - timedelta(days=1)
    return decides != Experiment.Decides.NEVER and step.day + timedelta(days=ceil(hours / 24)) > latest


def _end_of(campaign: Campaign) -> datetime:
    return timezone.make_aware(datetime.combine(campaign.ends_on + timedelta(days=1), time()))


class _NextAtThatHour(Func):
    """A moment, or the same hour of the first day on which it has not passed; at once where that is after the end."""

    template = (
        "(SELECT CASE WHEN next.at < '%(ends)s'::timestamptz THEN next.at ELSE '%(now)s'::timestamptz END FROM ("
        "SELECT %(expressions)s + make_interval(days => greatest(0, ceil(extract(epoch FROM '%(now)s'::timestamptz - "
        "%(expressions)s) / 86400))::int)) AS next (at))"
    )

    def __init__(self, moment: Coalesce, *, now: datetime, ends: datetime) -> None:
        due_at = Send._meta.get_field("due_at")
        super().__init__(moment, now=now.isoformat(), ends=ends.isoformat(), output_field=due_at)


def _under_review(step: PlanStep) -> Plan:
    """The plan, held; the campaign first, as everybody takes them."""
    Campaign.objects.select_for_update().get(plans=step.plan_id)
    plan = Plan.objects.select_for_update(of=("self",)).select_related("campaign").get(pk=step.plan_id)
    if plan.status != Plan.Status.READY:
        raise CannotTry(f"This plan is not under review: {plan.get_status_display().lower()}.")
    return plan


def _refuse_faults(step: PlanStep, variant: Variant) -> None:
    said = said_by(step, variant)
    if (said.subject, said.body, said.template_id) == (step.subject, step.body, step.template_id):
        raise CannotTry(f"{variant.letter} says the same as A. Change its words, or leave it out.")
    written, shop = {"": {"subject": said.subject, "body": said.body}, **said.translations}, house()
    for language, words in written.items():
        faults = proposals.faults_in_text(as_proposal(said).model_copy(update=words))
        faults += guard.of_law(_as_read(said, language or press.BASE_LANGUAGE, **words), shop)
        if faults:
            raise CannotTry(f"{variant.letter}{f', in {language}' if language else ''}: {' '.join(faults[:2])}")


def _as_read(step: PlanStep, language: str, *, subject: str, body: str) -> guard.Words:
    return guard.Words(subject, body, step.channel, language, step.offer_said)
