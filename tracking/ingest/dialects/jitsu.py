"""Jitsu's SDK: Segment's events on paths of its own, whose answer it insists on reading as JSON."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tracking.ingest.dialects import segment
from tracking.ingest.neutral import Answer, Call, Dialect, Ingest, Route, Translate, Translated


def with_its_answer(translate: Translate) -> Translate:
    def answered(call: Call) -> Translated:
        translated = translate(call)
        return replace(translated, answer=_answer(translated))

    return answered


def _answer(translated: Translated) -> Answer:
    errors = [
        f"Message ID: {event.message_id}: {event.faults[0].message}" for event in translated.events if event.faults
    ]
    received = len(translated.events)
    counted: dict[str, Any] = {"receivedEvents": received, "okEvents": received - len(errors), "errors": errors}
    return Answer({"ok": not errors, **counted} if errors else {"ok": True})


def _routes() -> Iterator[Route]:
    for kind in segment.KINDS:
        for path in (f"/api/s/{kind}", f"/api/s/s2s/{kind}"):
            yield Ingest("POST", path, with_its_answer(segment.one(kind)))
    yield Ingest("POST", "/api/s/s2s/batch", with_its_answer(segment.batch))


DIALECT = Dialect("jitsu", tuple(_routes()))
