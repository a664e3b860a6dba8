from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F

from campaigns.models import CampaignPolicy, Send
from campaigns.queries.policy import policy
from config.shared.errors import DomainError
from config.shared.nudge import nudge


class BadPolicy(DomainError):
    code = "bad_policy"


def ship_policy() -> None:
    CampaignPolicy.objects.get_or_create(pk=1)


@transaction.atomic
def change_policy(
    *,
    needs_second_person: bool,
    second_person_above: Decimal | None,
    plan_tokens: int,
    plan_cost: Decimal | None,
    plan_pictures: int,
    send_from: int,
    send_until: int,
    messages_per_day: int,
    max_retries: int,
    retry_minutes: int,
    sms_price: Decimal | None,
    holdout_percent: int,
    result_days: int,
    gross_margin_percent: Decimal | None,
    now: datetime,
    hard_bounces: int,
    soft_bounces: int,
    complaints: int,
) -> CampaignPolicy:
    """How campaigns run from now on; sends that wait follow the new numbers at once. Raises BadPolicy."""
    if send_from >= send_until:
        raise BadPolicy("The hours must end after they begin.")
    row = policy()
    if row.holdout_percent != holdout_percent:
        row.holdout_since = now
    row.needs_second_person, row.messages_per_day = needs_second_person, messages_per_day
    row.second_person_above = second_person_above
    row.plan_tokens, row.plan_cost, row.plan_pictures = plan_tokens, plan_cost, plan_pictures
    row.send_from, row.send_until = send_from, send_until
    row.max_retries, row.retry_minutes = max_retries, retry_minutes
    row.sms_price = sms_price
    row.result_days, row.gross_margin_percent = result_days, gross_margin_percent
    row.holdout_percent, row.hard_bounces = holdout_percent, hard_bounces
    row.soft_bounces, row.complaints = soft_bounces, complaints
    row.save(
        update_fields=[
            *("needs_second_person", "messages_per_day", "send_from", "send_until"),
            *("second_person_above", "plan_tokens", "plan_cost", "plan_pictures"),
            *("max_retries", "retry_minutes", "sms_price"),
            *("holdout_since", "result_days", "gross_margin_percent"),
            *("holdout_percent", "hard_bounces", "soft_bounces", "complaints"),
        ]
    )
    _judge_again()
    return row


def _judge_again() -> None:
    """What the old numbers put off is due as it was: the gate decides anew, by the new ones."""
    held = Send.objects.filter(status=Send.Status.PENDING, held_from__isnull=False)
    if held.update(due_at=F("held_from"), held_from=None):
        nudge("campaigns.send_due")
