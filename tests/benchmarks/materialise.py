"""A plan for a million members becomes actions and sends.

Ours: `materialise` of an approved plan's step, the gate asked of everybody: address, consent, age, suppression, rules.
Limit: the same rows by a bare INSERT .. SELECT into the same table, with its keys and indexes; nobody is asked
anything, and no action is made. Told beside it: into a table with a primary key and nothing else.
Beside it: the same step by each member's own clock, and at each member's best hour: 20 stores in four zones, and two
members of three with an hour of their own.
Peer: what most projects do, `bulk_create` of Send objects by the thousand, on a hundredth of them.
The memory of this process is told before and after: nothing of it may grow with the members.
"""

import datetime as dt
import resource

from django.db import connection, transaction

from campaigns.actions.permits import ship_permits
from campaigns.actions.policy import ship_policy
from campaigns.models import Action, Campaign, Plan, PlanStep, Playbook, Send
from campaigns.sending.recipients import materialise
from loyalty.actions.business import ship_business
from loyalty.models import Member, Segment, User
from tests.benchmarks.result import Result, rates, seconds

MEMBERS, RUNS, PEERS, STORES = 1_000_000, 3, 10_000, 20
Timing = PlanStep.Timing
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
_FILL = f"""
    INSERT INTO loyalty_store (code, name, state, time_zone)
    SELECT n, 'Store ' || n, '',
           (ARRAY['America/New_York', 'America/Chicago', 'America/Denver', 'America/Phoenix'])[n % 4 + 1]
    FROM generate_series(1, {STORES}) n;
    INSERT INTO loyalty_member (public_id, name, email, birth_date, joined_at, home_store_id)
    SELECT gen_random_uuid(), 'Member ' || n, 'member' || n || '@example.com', '1980-05-17', now(), store.id
    FROM generate_series(1, {MEMBERS}) n
    JOIN loyalty_store store ON store.code = (n % {STORES} + 1)::text;
    INSERT INTO campaigns_memberhour (member_id, hour, seen, counted_at)
    SELECT id, id % 24, 3, now() FROM loyalty_member WHERE id % 3 <> 0;
    INSERT INTO loyalty_consent (member_id, channel, topic, is_granted, wording, source, changed_at)
    SELECT id, 'email', 'marketing', true, 'Yes', 'till', now() FROM loyalty_member;
"""
_BARE = """
    CREATE TABLE bare_send AS SELECT * FROM campaigns_send WITH NO DATA;
    ALTER TABLE bare_send ADD PRIMARY KEY (id);
"""
_TO_BARE = "INSERT INTO bare_send SELECT * FROM campaigns_send"
_TO_SENDS = "INSERT INTO campaigns_send SELECT * FROM bare_send"


def measure() -> Result:
    plan = _planned()
    per_second: dict[str, list[float]] = {
        "materialise": [], "by own clocks": [], "at best hours": [], "bare INSERT .. SELECT": [], "into no indexes": [],
        "bulk_create": [],
    }  # fmt: skip
    memory = [_memory()]
    for _ in range(RUNS):
        per_second["materialise"].append(_materialised(plan, Timing.BUSINESS))
        per_second["by own clocks"].append(_materialised(plan, Timing.LOCAL))
        per_second["at best hours"].append(_materialised(plan, Timing.BEST))
        per_second["into no indexes"].append(_inserted("TRUNCATE bare_send", _TO_BARE))
        per_second["bare INSERT .. SELECT"].append(_inserted("TRUNCATE campaigns_send CASCADE", _TO_SENDS))
        per_second["bulk_create"].append(_bulk_created(plan))
        memory.append(_memory())
    print(f"\nMemory of the process before, and after each run: {', '.join(f'{mb} MB' for mb in memory)}")
    return rates(
        "materialise",
        ours="materialise",
        limit="bare INSERT .. SELECT",
        per_second=per_second,
        unit="recipients/s",
        members=MEMBERS,
        memory_mb=memory,
    )


def _planned() -> Plan:
    ship_business()
    ship_policy()
    ship_permits()
    with connection.cursor() as cursor:
        cursor.execute(_FILL)
    owner = User.objects.create_user("owner@shop.example")
    campaign = Campaign.objects.create(
        name="Spring", goal="Sell", starts_on=NOON.date(), ends_on=NOON.date() + dt.timedelta(days=6),
        audience_limit=MEMBERS, owner=owner, created_at=NOON,
    )  # fmt: skip
    campaign.segments.set(Segment.objects.all()[:1])
    plan = Plan.objects.create(campaign=campaign, requested_by=owner, requested_at=NOON, status=Plan.Status.APPROVED)
    PlanStep.objects.create(
        plan=plan, day=NOON.date(), position=1, group="champions", playbook=_a_playbook(), channel="email",
        send_at=dt.time(17), subject="Hello", body="Hello", reason="They buy.",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO campaigns_candidate (plan_id, member_id, rank, priority, "group") '
            "SELECT %s, id, row_number() OVER (ORDER BY id), 100, 'champions' FROM loyalty_member",
            [plan.pk],
        )
        cursor.execute(_BARE)
        cursor.execute("VACUUM ANALYZE")
    return plan


def _a_playbook() -> Playbook:
    return Playbook.objects.create(
        name="Thank them", group="champions", aim="-", tone="-", channels=["email"], subject="s", body="b"
    )


def _materialised(plan: Plan, timing: str) -> float:
    plan.steps.update(timing=timing)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE campaigns_send, campaigns_sendmove, campaigns_touch, campaigns_action")
        cursor.execute("CHECKPOINT")

    def ours() -> None:
        with transaction.atomic():
            assert materialise(plan, "email", now=NOON) == MEMBERS

    return MEMBERS / seconds(ours)


def _inserted(emptied: str, insert: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute(emptied)
        cursor.execute("CHECKPOINT")
        return MEMBERS / seconds(lambda: cursor.execute(insert))


def _bulk_created(plan: Plan) -> float:
    step = plan.steps.get()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE campaigns_send, campaigns_sendmove, campaigns_touch, campaigns_action")

    def theirs() -> None:
        with transaction.atomic():
            members = Member.objects.order_by("pk")[:PEERS]
            actions = Action.objects.bulk_create([Action(step=step, member=each) for each in members], batch_size=1_000)
            Send.objects.bulk_create(
                [
                    Send(
                        campaign=plan.campaign, action=action, member=action.member, channel="email",
                        recipient=action.member.email or "", due_at=NOON,
                    )
                    for action in actions
                ],
                batch_size=1_000,
            )  # fmt: skip

    return PEERS / seconds(theirs)


def _memory() -> int:
    """The most this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
