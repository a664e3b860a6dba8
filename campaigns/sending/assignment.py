"""Who is held out of a campaign: drawn for its whole audience in one statement, before anybody is written to."""

from django.db import connection

from campaigns.models import Candidate, Plan
from campaigns.rules.assignment import LOTS
from loyalty.models import Member

HELD_OUT = "Held out, to compare with"
_CANDIDATE, _MEMBER = (model._meta.db_table for model in (Candidate, Member))
# `rules.assignment.lot`: the draw's public id is the one parameter.
LOT = f"(('x' || left(md5(%s || member.public_id::text), 8))::bit(32)::bigint %% {LOTS})"


def hold_out(plan: Plan) -> int:
    """Mark the candidates that get nothing of the plan's campaign; how many. They stay candidates, to be compared."""
    campaign = plan.campaign
    if not campaign.holdout_percent:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_CANDIDATE} candidate SET is_held_out = true FROM {_MEMBER} member "
            f"WHERE candidate.plan_id = %s AND member.id = candidate.member_id AND {LOT} < %s",
            [plan.pk, str(campaign.public_id), campaign.holdout_percent * LOTS // 100],
        )
        return cursor.rowcount
