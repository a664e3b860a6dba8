"""Who gets what: an approved plan becomes actions and sends, however many they are, in two statements."""

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from campaigns.models import Action, Candidate, Plan, PlanStep, Send
from campaigns.sending import assignment, due, gate
from loyalty.models import Member

_STEP, _CANDIDATE, _ACTION, _SEND, _MEMBER = (
    model._meta.db_table for model in (PlanStep, Candidate, Action, Send, Member)
)


def materialise(plan: Plan, channel: str, *, now: datetime) -> int:
    """An action and a send for everybody in the plan who may be written to by `channel` now; how many sends."""
    candidates = Member.objects.filter(pk__in=plan.candidates.order_by().values("member"))
    steps = plan.steps.filter(channel=channel, removed_at=None)
    admitted, parameters = _sql(gate.admitted(candidates, channel=channel, now=now))
    timed, tried = due.timed(steps, candidates, channel, now=now), assignment.tried(steps)
    with connection.cursor() as cursor:
        cursor.execute(_ACTIONS.format(admitted=admitted), [plan.pk, channel, *parameters])
        cursor.execute(
            _SENDS.format(
                joins=timed.joins + tried.joins,
                due_at=tried.put_off(timed.due_at),
                held_from=tried.held_from(timed.due_at),
                variant=tried.variant,
                waits=tried.waits,
            ),
            [plan.campaign_id, *timed.parameters, *tried.parameters, plan.pk, channel],
        )
        return cursor.rowcount


_ACTIONS = f"""
    INSERT INTO {_ACTION} (step_id, member_id)
    SELECT step.id, candidate.member_id
    FROM {_STEP} step
    JOIN {_CANDIDATE} candidate ON candidate.plan_id = step.plan_id AND candidate."group" = step."group"
    WHERE step.plan_id = %s AND step.channel = %s AND step.removed_at IS NULL
      AND NOT candidate.is_held_out AND candidate.member_id IN ({{admitted}})
    ORDER BY step.day, step.position, candidate.rank
    ON CONFLICT DO NOTHING
"""
_SENDS = f"""
    INSERT INTO {_SEND}
        (public_id, campaign_id, action_id, member_id, channel, recipient, status, due_at, held_from, attempts,
         provider_id, failure, variant, waits_for_winner)
    SELECT gen_random_uuid(), %s, action.id, action.member_id, step.channel,
           CASE step.channel WHEN 'email' THEN member.email WHEN 'sms' THEN member.phone ELSE '' END,
           'PENDING', {{due_at}}, {{held_from}}, 0, '', '', {{variant}}, {{waits}}
    FROM {_ACTION} action
    JOIN {_STEP} step ON step.id = action.step_id
    JOIN {_MEMBER} member ON member.id = action.member_id
    {{joins}}
    WHERE step.plan_id = %s AND step.channel = %s
    ORDER BY action.id
    ON CONFLICT (action_id, channel) DO NOTHING
"""


def audience_of(step: PlanStep, *, now: datetime) -> QuerySet[Member]:
    """Who gets this step: those it was made for, or while nobody approved it, those it would be made for now."""
    made_for = Member.objects.filter(actions__step=step)
    if made_for.exists():
        return made_for
    candidates = step.plan.candidates.filter(group=step.group, is_held_out=False).order_by()
    members = Member.objects.filter(pk__in=candidates.values("member"))
    return gate.admitted(members, channel=step.channel, now=now)


def _sql(members: QuerySet[Member]) -> tuple[str, tuple[Any, ...]]:
    return members.values("pk").query.sql_with_params()
