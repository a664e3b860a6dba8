"""What systems sent, put into the log as the ingest would."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import orjson

from tracking.actions import partners
from tracking.ingest.arrivals import Published, arrivals
from tracking.ingest.neutral import Incoming, Source
from tracking.models import EventStructure, PartnerSystem, ReceivedEvent
from tracking.rules.structures import Structure


def a_system(partner: str = "Acme", name: str = "Website", kind: str = PartnerSystem.Kind.WEBSITE) -> PartnerSystem:
    from tracking.models import Partner

    owner = Partner.objects.filter(name=partner).first() or partners.add_partner(name=partner)
    return partners.add_system(partner=owner, name=name, kind=kind)


def said(name: str, person: str = "ada", **more: Any) -> Incoming:
    return Incoming(**({"kind": "track", "name": name, "user_id": person} | more))


def receive(
    system: PartnerSystem, *events: Incoming, at: dt.datetime, structures: Sequence[EventStructure] = ()
) -> list[ReceivedEvent]:
    """In a transaction of their own where the test has none, checked against `structures`."""
    source = Source(system.pk, str(system.public_id), system.name, system.partner_id, system.partner.name)
    rows = arrivals(
        events,
        source=source,
        structures={(row.system_id, row.event_name): Published(row.pk, Structure(row.schema)) for row in structures},
        dialect="native",
        sent_at=None,
        received_at=at,
        correlation_id="test",
        agent="",
    )
    json = ("properties", "context", "errors")
    values = [
        row._asdict() | {"id": str(row.id)} | {name: orjson.loads(getattr(row, name)) for name in json} for row in rows
    ]
    return ReceivedEvent.objects.bulk_create(ReceivedEvent(**value) for value in values)
