"""What came back before bounces were told apart is told apart by what providers had reported of it."""

import datetime as dt
from importlib import import_module

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from campaigns.models import Campaign, Send
from integrations.models import ProviderReport

BACKFILL = import_module("campaigns.migrations.0010_bounces_apart").BACKFILL


def bounced(send: Send, key: str, *, is_permanent: bool, now: dt.datetime, **named: str) -> None:
    """A report of before, already applied."""
    Send.objects.filter(pk=send.pk).update(status=Send.Status.BOUNCED, provider_id=f"theirs {send.pk}")
    ProviderReport.objects.create(
        sender="postmark", key=key, kind="bounced", channel=send.channel, address=send.recipient,
        is_permanent=is_permanent, occurred_at=now, received_at=now, applied_at=now, **named,
    )  # fmt: skip


def told_apart(*sends: Send) -> list[bool | None]:
    with connection.cursor() as cursor:
        cursor.execute(BACKFILL)
    kinds = dict(Send.objects.values_list("pk", "is_hard_bounce"))
    return [kinds[send.pk] for send in sends]


def test_a_bounce_is_known_by_our_own_id_or_by_the_providers(running: Campaign, now: dt.datetime) -> None:
    ours, theirs, soft, *others = running.sends.order_by("pk")
    bounced(ours, "1", is_permanent=True, now=now, message_id=ours.message_id, provider_id="a number we never heard")
    bounced(theirs, "2", is_permanent=True, now=now, provider_id=f"theirs {theirs.pk}")
    bounced(soft, "3", is_permanent=False, now=now, message_id=soft.message_id)
    assert told_apart(ours, theirs, soft, *others) == [True, True, False, *[None] * len(others)]


def test_our_own_id_counts_before_the_providers_and_nonsense_for_none(running: Campaign, now: dt.datetime) -> None:
    named, numbered, *_ = running.sends.order_by("pk")
    bounced(numbered, "1", is_permanent=False, now=now, message_id="----@shop.example")
    bounced(named, "2", is_permanent=True, now=now, message_id=named.message_id, provider_id=f"theirs {numbered.pk}")
    assert told_apart(named, numbered) == [True, None]


def test_the_index_of_a_large_table_is_built_beside_the_traffic_and_apart_from_the_backfill(db: None) -> None:
    graph = MigrationExecutor(connection).loader.disk_migrations
    builds = [
        (migration.name, migration.atomic, type(step).__name__)
        for (app, _name), migration in graph.items()
        for step in migration.operations
        if app == "campaigns" and getattr(getattr(step, "index", None), "name", "") == "send_of_campaign_newest"
    ]
    assert builds == [("0013_who_got_it_index", False, "AddIndexConcurrently")]
