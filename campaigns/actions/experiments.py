"""Several wordings of one step: kept while the plan is under review, drawn when it is approved, decided later."""

from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.db import transaction
from django.db.models import Func
from django.db.models.functions import Coalesce

from campaigns.models import Campaign, Experiment, Plan, PlanStep, Send, Variant
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


_SETTINGS = ("measure", "decides", "hours", "test_percent", "own_weight")
# What is kept of a wording, by the field it is in.
_WORDS = {
    "weight": "weight",
    "subject": "subject",
    "body": "body",
    "template": "template_id",
    "translations": "translations",
}
TOO_LATE = "The campaign ends before those who wait could get the winner. Decide earlier."


def tried_beside(step: PlanStep) -> dict[str, Any] | None:
    """The test of a step as `StepState` keeps it, or None without one."""
    experiment = Experiment.objects.filter(step=step).first()
    if experiment is None:
        return None
    variants = [
        {name: getattr(variant, field) for name, field in _WORDS.items()} for variant in experiment.variants.all()
    ]
    return {name: getattr(experiment, name) for name in _SETTINGS} | {"variants": variants}


def try_beside(step: PlanStep, wanted: dict[str, Any] | None, *, now: datetime) -> None:
    """Write the test of a step whose plan is under review and held; None drops it. Raises CannotTry."""
    if wanted is None:
        Experiment.objects.filter(step=step).delete()
        return
    if not 1 <= len(wanted["variants"]) < len(LETTERS):
        raise CannotTry(f"Write at least one other wording, and {len(LETTERS) - 1} at most.")
    if _is_too_late(step, step.plan.campaign, wanted["decides"], wanted["hours"]):
        raise CannotTry(TOO_LATE)
    settings = {name: wanted[name] for name in _SETTINGS}
    experiment, _ = Experiment.objects.update_or_create(step=step, defaults={**settings, "created_at": now})
    experiment.variants.all().delete()
    for letter, words in zip(LETTERS[1:], wanted["variants"], strict=False):
        said = {field: words[name] for name, field in _WORDS.items()}
        variant = Variant(experiment=experiment, letter=letter, **said)
        _refuse_faults(step, variant)
        variant.save(force_insert=True)


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
        due_at=_NextAtThatHour(Coalesce("held_from", "due_at"), now=now, ends=campaign.ends_at),
    )  # fmt: skip
    note_change(experiment.step, winner=("", letter), messages=(0, moved))
    announce(f"campaign:{campaign.public_id}")
    nudge("campaigns.send_due")
    return moved


def _is_too_late(step: PlanStep, campaign: Campaign, decides: str, hours: int) -> bool:
    """Who waits gets the winner up to a day after the decision, and nothing leaves after the campaign's last day."""
    latest = campaign.ends_on - timedelta(days=1)
    return decides != Experiment.Decides.NEVER and step.day + timedelta(days=ceil(hours / 24)) > latest


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
