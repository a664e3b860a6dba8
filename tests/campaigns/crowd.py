"""A campaign for as many people as a real one, arranged in a second: the crowd by SQL, all that follows by actions."""

import datetime as dt

from django.db import connection
from django.utils import timezone

from campaigns.actions.campaigns import create_campaign, start_campaign
from campaigns.actions.review import approve_plan
from campaigns.actions.sends import send_step_now
from campaigns.models import Campaign, Candidate, Plan, PlanStep, Playbook
from loyalty.actions.segments import create_segment
from loyalty.models import Consent, Member, PointsAccount, User
from tests.campaigns.world import rule

_MEMBER, _ACCOUNT, _CONSENT, _CANDIDATE = (
    model._meta.db_table for model in (Member, PointsAccount, Consent, Candidate)
)
LAST_DAYS = dt.timedelta(days=13)


def campaign_for(count: int, *, channel: str = "email", owner: User, approver: User) -> Campaign:
    """Running, with one message to each of `count` members, all of them due now, at any hour of the day."""
    rule(send_from=0, send_until=24, messages_per_day=50)
    take_in_members(count)
    now = timezone.now()
    today = timezone.localdate(now)
    campaign = create_campaign(
        name="Everybody", goal="Say hello", starts_on=today, ends_on=today + LAST_DAYS, budget=None,
        segments=[create_segment(name="Everybody", description="", rule={"all": []}, by=None, now=now)],
        audience_limit=count, owner=owner, now=now,
    )  # fmt: skip
    step = _ready_step(campaign, channel, today, now)
    assert approve_plan(plan=step.plan, by=approver, now=now) == count
    start_campaign(campaign=campaign, by=approver, now=now)
    campaign.refresh_from_db()
    if campaign.sends.filter(due_at__gt=now).exists():
        send_step_now(step=step, by=approver, now=now)
    return campaign


def take_in_members(count: int) -> None:
    """Of age, with an email address, a telephone number, and a consent for either."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_MEMBER} (public_id, name, email, phone, birth_date, joined_at) "
            "SELECT gen_random_uuid(), 'Member ' || n, 'member.' || n || '@example.com', '+1212' || 2000000 + n, "
            "'1980-05-17', now() FROM generate_series(1, %s) n",
            [count],
        )
        cursor.execute(f"INSERT INTO {_ACCOUNT} (member_id, balance) SELECT id, 0 FROM {_MEMBER}")
        cursor.execute(
            f"INSERT INTO {_CONSENT} (member_id, channel, topic, is_granted, wording, source, changed_at) "
            f"SELECT id, channel, 'marketing', true, 'Yes, write to me.', 'till', now() - interval '1 day' "
            f"FROM {_MEMBER}, unnest(ARRAY['email', 'sms']) channel"
        )
        cursor.execute(f"ANALYZE {_MEMBER}, {_ACCOUNT}, {_CONSENT}")


def _ready_step(campaign: Campaign, channel: str, day: dt.date, now: dt.datetime) -> PlanStep:
    """A plan under review, of one step for everybody."""
    playbook = Playbook.objects.filter(is_active=True).order_by("pk")[0]
    playbook.channels = [channel]
    playbook.save(update_fields=["channels"])
    plan = Plan.objects.create(
        campaign=campaign, status=Plan.Status.READY, requested_by=campaign.owner, requested_at=now
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {_CANDIDATE} (plan_id, member_id, rank, priority, "group") '
            f"SELECT %s, id, row_number() OVER (ORDER BY id), 0, %s FROM {_MEMBER}",
            [plan.pk, playbook.group],
        )
    return PlanStep.objects.create(
        plan=plan, day=day, position=0, group=playbook.group, playbook=playbook, channel=channel,
        send_at=dt.time(8), subject="Hello {{ member.first_name }}", body="Come by.", reason="Everybody likes a hello.",
        evidence={"reached": 0, "most_it_can_cost": "0"},
    )  # fmt: skip
