"""Who is held out of a campaign, and who gets which words of a step: drawn for all members in one statement."""

import json
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from campaigns.models import Candidate, Experiment, Plan, PlanStep
from campaigns.queries.lots import LOT, drawn
from campaigns.rules.assignment import LOTS
from loyalty.models import Member

HELD_OUT = "Held out, to compare with"
_CANDIDATE, _MEMBER = (model._meta.db_table for model in (Candidate, Member))


def hold_out(plan: Plan) -> int:
    """Mark the candidates that get nothing of the plan's campaign; how many. They stay candidates, to be compared."""
    campaign = plan.campaign
    if not campaign.holdout_percent:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_CANDIDATE} candidate SET is_held_out = true FROM {_MEMBER} member "
            f"WHERE candidate.plan_id = %s AND member.id = candidate.member_id AND {LOT.format(draw='%s')} < %s",
            [plan.pk, str(campaign.public_id), campaign.holdout_percent * LOTS // 100],
        )
        return cursor.rowcount


@dataclass(frozen=True)
class Tried:
    """SQL over `step` and `member` and what `joins` adds to them, with its parameters.

    Nothing at all is added where no step tries several wordings.
    """

    joins: str = ""
    variant: str = "''"
    waits: str = "false"
    parameters: tuple[Any, ...] = ()

    def put_off(self, due_at: str) -> str:
        """Who waits for the winner is due at the same hour of the first day after the decision."""
        if not self.joins:
            return due_at
        decision = f"min({due_at}) OVER (PARTITION BY step.id) + make_interval(hours => tried.hours)"
        days = f"greatest(0, ceil(extract(epoch FROM {decision} - ({due_at})) / 86400))::int"
        return f"({due_at}) + make_interval(days => CASE WHEN {self.waits} THEN {days} ELSE 0 END)"

    def held_from(self, due_at: str) -> str:
        return f"CASE WHEN {self.waits} THEN {due_at} END" if self.joins else "NULL"


def tried(steps: QuerySet[PlanStep]) -> Tried:
    """For `steps`: who of their members gets which words, and who waits."""
    experiments = Experiment.objects.filter(step__in=steps).prefetch_related("variants")
    rows = [drawn(experiment) for experiment in experiments]
    if not rows:
        return Tried()
    lot = LOT.format(draw="tried.draw")
    return Tried(
        joins=(
            " LEFT JOIN jsonb_to_recordset(%s::jsonb) AS tried (step bigint, draw text, hours int, letters text[], "
            "ends int[]) ON tried.step = step.id"
        ),
        variant=f"coalesce(tried.letters[width_bucket({lot}, tried.ends) + 1], '')",
        waits=f"coalesce({lot} >= tried.ends[cardinality(tried.ends)], false)",
        parameters=(json.dumps(rows),),
    )
