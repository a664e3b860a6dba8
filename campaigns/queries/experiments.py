"""How the wordings of a step compare: those the lot gave each of them, whatever reached them. One query for a step."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.db import connection
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from campaigns.models import Action, Campaign, Experiment, Plan, PlanStep, Send, Variant
from campaigns.models.experiments import LETTERS
from campaigns.queries.lift import BOUGHT, SUMS, Window, outcome_of
from campaigns.queries.lots import LOT, drawn
from campaigns.queries.policy import policy
from campaigns.rules.effects import BUYERS, CLICKS, LESS, MORE, NOTHING, ORDERS, REVENUE, Effect, Outcome, adjusted
from campaigns.rules.effects import effect_of as _effect_of
from loyalty.models import Member

# How many of a test's messages may still wait when its hours begin: somebody always does, and all others go on.
MAY_LAG = 0.1


@dataclass(frozen=True)
class Arm:
    """One wording: what its members did, and how that differs from A; A itself has no difference."""

    letter: str
    subject: str
    outcome: Outcome
    effects: tuple[Effect, ...]

    def effect(self, measure: str) -> Effect | None:
        return next((effect for effect in self.effects if effect.measure == measure), None)


@dataclass(frozen=True)
class Tried:
    """An experiment and what became of it so far. No window: nothing of it was due yet.

    `best` is the wording that is certainly the best by the experiment's measure, or empty.
    """

    experiment: Experiment
    window: Window | None
    arms: tuple[Arm, ...]
    waiting: int
    best: str
    is_final: bool


def undecided(step: PlanStep) -> bool:
    """Whether it is still open which words of the step are the better ones, and somebody waits to be told."""
    return Experiment.objects.filter(step=step, winner="").exclude(decides=Experiment.Decides.NEVER).exists()


def met_by(experiment: Experiment) -> PlanStep | None:
    """The next step for the same group by the same channel, where it may be due before all who wait have the winner."""
    step = experiment.step
    if experiment.decides == Experiment.Decides.NEVER:
        return None
    latest = step.day + timedelta(days=ceil(experiment.hours / 24))
    others = step.plan.steps.filter(group=step.group, channel=step.channel, removed_at=None)
    return others.filter(day__gt=step.day, day__lte=latest).order_by("day", "position").first()


def to_decide() -> QuerySet[Experiment]:
    """Those that somebody waits for: of running campaigns, with no winner yet."""
    running = Q(step__plan__status=Plan.Status.APPROVED, step__plan__campaign__status=Campaign.Status.RUNNING)
    rows = Experiment.objects.filter(running, winner="").exclude(decides=Experiment.Decides.NEVER)
    return rows.select_related("step__plan__campaign").prefetch_related("variants").order_by("pk")


def subject_of_send() -> Coalesce:
    """For sends: the subject of the words their member gets."""
    own = Variant.objects.filter(experiment__step=OuterRef("action__step"), letter=OuterRef("variant")).exclude(
        subject=""
    )
    return Coalesce(Subquery(own.values("subject")[:1]), F("action__step__subject"))


def tried_of(experiment: Experiment, *, now: datetime) -> Tried:
    """Needs its step loaded. Figures stand once the hours are over; of one that never decides, after some days."""
    window = window_of(experiment, now=now)
    outcomes = _outcomes(experiment, window, now) if window and window.opens < now else {}
    waiting = Send.objects.filter(action__step=experiment.step_id, waits_for_winner=True)
    elapsed = window.elapsed(now) if window else 0.0
    arms = _arms(experiment, outcomes, 1.0 if elapsed == 1 else elapsed)
    return Tried(
        experiment=experiment,
        window=window,
        arms=arms,
        waiting=waiting.filter(status=Send.Status.PENDING).count(),
        best=_best(arms, experiment.measure),
        is_final=elapsed == 1,
    )


def window_of(experiment: Experiment, *, now: datetime) -> Window | None:
    """From the first message of the test that left, or was due, until as long as was said after most had left.

    While more than MAY_LAG of them wait, for an hour or because of a pause, that time has not begun.
    """
    campaign, lots = experiment.step.plan.campaign, drawn(experiment)
    asked = {"step": experiment.step_id, "draw": lots["draw"], "last": lots["ends"][-1], "most": 1 - MAY_LAG}
    with connection.cursor() as cursor:
        cursor.execute(_DEPARTURES, asked | {"open": list(Send.OPEN)})
        tried, still_here, first, most, due = cursor.fetchone()
    if campaign.started_at is None or (first or due) is None:
        return None
    opens = max(first or due, campaign.started_at)
    begins = max(opens, now) if still_here > MAY_LAG * tried else max(opens, most or opens)
    if experiment.decides == Experiment.Decides.NEVER:
        return Window(opens, begins + timedelta(days=policy().result_days))
    return Window(opens, begins + timedelta(hours=experiment.hours))


def _arms(experiment: Experiment, outcomes: dict[str, Outcome], elapsed: float) -> tuple[Arm, ...]:
    """A first. Of one measure, what several wordings show against A is adjusted for their number."""
    own, variants = experiment.step.subject, list(experiment.variants.all())
    first = outcomes.get(LETTERS[0], NOTHING)
    found: dict[str, list[Effect]] = {variant.letter: [] for variant in variants}
    if outcomes:
        for measure in (CLICKS, BUYERS, ORDERS, REVENUE):
            one = [
                _effect(measure, outcomes.get(each.letter, NOTHING), first, experiment, elapsed) for each in variants
            ]
            for variant, effect in zip(variants, adjusted(one), strict=True):
                found[variant.letter].append(effect)
    others = (
        Arm(each.letter, each.subject or own, outcomes.get(each.letter, NOTHING), tuple(found[each.letter]))
        for each in variants
    )
    return (Arm(LETTERS[0], own, first, ()), *others)


def _effect(measure: str, mine: Outcome, first: Outcome, experiment: Experiment, elapsed: float) -> Effect:
    """Who may be decided early is looked at again and again, so that interval holds to the end."""
    watches = experiment.decides == Experiment.Decides.CERTAIN
    return _effect_of(measure, mine, first, elapsed=elapsed, always=watches)


def _best(arms: Sequence[Arm], measure: str) -> str:
    """The letter that is certainly better than A; A where it is certainly better than every other; else nothing."""
    against = [(arm, effect) for arm in arms[1:] if (effect := arm.effect(measure))]
    better = [(effect.mean, arm.letter) for arm, effect in against if effect.seems == MORE]
    if better:
        return max(better)[1]
    return arms[0].letter if against and all(effect.seems == LESS for _, effect in against) else ""


def _outcomes(experiment: Experiment, window: Window, now: datetime) -> dict[str, Outcome]:
    lots = drawn(experiment)
    with connection.cursor() as cursor:
        cursor.execute(
            _OUTCOMES,
            {
                "step": experiment.step_id, "draw": lots["draw"], "last": lots["ends"][-1], "opens": window.opens,
                "closes": min(window.closes, now),
            },
        )  # fmt: skip
        return {letter: outcome_of(*counts, clicks=clicks) for letter, clicks, *counts in cursor.fetchall()}


_ACTION, _SEND, _MEMBER = (model._meta.db_table for model in (Action, Send, Member))
# Of the messages the lot put to the test. Where none of them can leave any more, or there are none, it goes by when the
# step was due: else whoever waits would wait for ever.
_DEPARTURES = f"""
    SELECT count(*) FILTER (WHERE is_tried), count(*) FILTER (WHERE is_tried AND status = ANY(%(open)s)),
           min(sent_at) FILTER (WHERE is_tried),
           percentile_disc(%(most)s) WITHIN GROUP (ORDER BY sent_at) FILTER (WHERE is_tried),
           coalesce(min(was_due) FILTER (WHERE is_tried), min(was_due))
    FROM (
        SELECT send.status, send.sent_at, coalesce(send.held_from, send.due_at) AS was_due,
               {LOT.format(draw="%(draw)s")} < %(last)s AS is_tried
        FROM {_ACTION} action
        JOIN {_SEND} send ON send.action_id = action.id
        JOIN {_MEMBER} member ON member.id = action.member_id
        WHERE action.step_id = %(step)s
    ) sent
"""
# Whoever waited and then got the winner's words took no part: the lot tells them apart.
_OUTCOMES = f"""
    SELECT send.variant,
           count(*) FILTER (WHERE send.clicked_at >= %(opens)s AND send.clicked_at < %(closes)s), {SUMS}
    FROM {_ACTION} action
    JOIN {_SEND} send ON send.action_id = action.id
    JOIN {_MEMBER} member ON member.id = action.member_id
    CROSS JOIN LATERAL ({BOUGHT.format(member="action.member_id", opens="%(opens)s", closes="%(closes)s")}) bought
    WHERE action.step_id = %(step)s AND send.variant <> '' AND {LOT.format(draw="%(draw)s")} < %(last)s
    GROUP BY send.variant
"""

__all__ = ["Arm", "Tried", "subject_of_send", "to_decide", "tried_of", "undecided", "window_of"]


def said_by(step: PlanStep, variant: Variant) -> PlanStep:
    """The step as `variant` says it, in memory alone. One with words of its own has its own translations."""
    said = copy(step)
    said.subject, said.body = variant.subject or step.subject, variant.body or step.body
    if variant.template_id:
        said.template = variant.template
    if variant.subject or variant.body:
        said.translations = variant.translations
    return said
