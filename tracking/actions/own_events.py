"""This product's own events beside those that systems send: told as the events of a system of their own.

They are copies, made of the log of what the product did by what each event class declares (see DomainEvent.told).
Who an event is about is known above: the caller brings it along as a query.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from config.shared.trail import note_change
from tracking.actions.partitions import oldest_kept
from tracking.actions.partners import name_still_free
from tracking.actions.read_model import PASSIVE, hold_the_follower
from tracking.actions.values import begin_anew
from tracking.events import DomainEvent, told_events
from tracking.models import (
    CountedProperty,
    HourCount,
    Partner,
    PartnerSystem,
    PersonActivity,
    SeenMessage,
    TrackedEvent,
    ValueCount,
)

NAME = "Regulars"

# The message id is the event's key, so it says which row of our log it was, and whether it was told before.
_TELL = """
    INSERT INTO tracking_receivedevent (
        id, received_at, system_id, dialect, kind, name, message_id, user_id, anonymous_id, occurred_at, properties,
        context, errors, sdk, correlation_id
    )
    SELECT gen_random_uuid(), %(now)s, %(system)s, 'regulars', told.kind, event.name, event.key, about.user_id, '',
           event.occurred_at,
           (SELECT coalesce(jsonb_object_agg(each.key, each.value), '{{}}') FROM jsonb_each(event.properties) each
            WHERE told.properties ? each.key),
           '{{}}', '[]', '', ''
    FROM ({about}) about (event_id, user_id)
    JOIN tracking_event event ON event.id = about.event_id
    JOIN jsonb_to_recordset(%(told)s) AS told (name text, kind text, properties jsonb, untold_with text)
        ON told.name = event.name
    WHERE coalesce(event.properties ->> told.untold_with, '') = ''
      AND (%(oldest)s::timestamptz IS NULL OR event.occurred_at >= %(oldest)s)
      AND NOT EXISTS (
          SELECT FROM tracking_receivedevent known
          WHERE known.dialect = 'regulars' AND known.system_id = %(system)s AND known.message_id = event.key
      )
    ORDER BY event.transaction_id, event.id
"""


def add_own_system(*, partner: Partner) -> PartnerSystem:
    """The one system of our own events. Raises NameTaken where the partner has one of that name."""
    with _name_free_at(partner):
        return PartnerSystem.objects.create(partner=partner, name=NAME, kind=PartnerSystem.Kind.REGULARS)


@transaction.atomic
def move_own_system(system: PartnerSystem, *, to: Partner) -> bool:
    """Let it stand with another partner; what was told under the old one is to be forgotten. Raises NameTaken.

    False when it stands there already.
    """
    with _name_free_at(to):
        if not PartnerSystem.objects.filter(pk=system.pk).exclude(partner=to).update(partner=to):
            return False
        note_change(system, partner=(system.partner, to))
    return True


@transaction.atomic
def switch_own_system(system: PartnerSystem, *, is_active: bool) -> bool:
    """False when it was so already. What was told stays."""
    other = PartnerSystem.objects.filter(pk=system.pk, is_active=not is_active)
    if not other.update(is_active=is_active):
        return False
    note_change(system, is_active=(not is_active, is_active))
    return True


def _name_free_at(partner: Partner) -> AbstractContextManager[None]:
    return name_still_free(f"{partner.name} has a system called {NAME} already. Give that one another name first.")


def tell(system: PartnerSystem, *, about: str, asked: Mapping[str, Any], now: datetime) -> int:
    """Enter events that are to be told, each once; how many that made.

    `about` is a query of (number of an event, user id of whom it is about) with the parameters `asked`. What happened
    before the months that are kept is left out.
    """
    told = [_told_of(event) for event in told_events()]
    parameters = {
        **asked,
        "now": now,
        "system": system.pk,
        "told": json.dumps(told),
        "oldest": oldest_kept(now=now, keep_months=settings.TRACKING_RETENTION_MONTHS),
    }
    with connection.cursor() as cursor:
        cursor.execute(_TELL.format(about=about), parameters)
        return cursor.rowcount


def _told_of(event: type[DomainEvent]) -> dict[str, Any]:
    return {
        "name": event.name,
        "kind": PASSIVE if event.is_passive else "track",
        "properties": event.told,
        "untold_with": event.untold_with,
    }


@transaction.atomic
def forget(system: PartnerSystem) -> None:
    """Take everything that was told back, on both sides. Only for the own system, whose events can be told again."""
    if not system.is_own:
        raise ValueError(f"What {system} sent is not ours to forget.")
    hold_the_follower()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracking_receivedevent WHERE dialect = 'regulars' AND system_id = %s", [system.pk])
        for model in (TrackedEvent, SeenMessage, HourCount, PersonActivity):
            cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE system_id = %s", [system.pk])
    counted = list(CountedProperty.objects.filter(system=system).values_list("pk", flat=True))
    ValueCount.objects.filter(property_id__in=counted).delete()
    begin_anew(settings.TIME_ZONE, system_id=system.pk)
