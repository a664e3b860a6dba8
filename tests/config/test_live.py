"""Live pages: whoever looks ends at the last state, however quickly the changes came."""

import asyncio
import time

import pytest
import redis.asyncio
from django.conf import settings
from django.db import transaction

from config.shared import live


async def _events_of_two_quick_changes() -> list[float]:
    """When the page was told, in seconds from the second of two changes a tenth of a second apart."""
    told: list[float] = []
    stream = live._events("topic", "changed")
    await anext(stream)  # At once, whatever it is like now.
    publisher = redis.asyncio.from_url(settings.REDIS_URL)

    async def look() -> None:
        async for chunk in stream:
            if chunk.startswith(b"event"):
                told.append(time.monotonic())

    looking = asyncio.create_task(look())
    await publisher.publish("live:topic", "changed")
    await asyncio.sleep(0.1)
    await publisher.publish("live:topic", "changed")
    second = time.monotonic()
    while not told or told[-1] < second:
        await asyncio.sleep(0.01)
        assert time.monotonic() < second + 5, "the page was never told of the second change"
    looking.cancel()
    await publisher.aclose()
    return [at - second for at in told]


def test_the_last_of_several_quick_changes_is_told():
    assert asyncio.run(_events_of_two_quick_changes())[-1] >= 0


@pytest.mark.django_db(transaction=True)
def test_a_change_is_announced_only_when_it_is_committed():
    async def heard() -> object:
        client = redis.asyncio.from_url(settings.REDIS_URL)
        subscription = client.pubsub()
        await subscription.subscribe("live:topic")
        await subscription.get_message(timeout=5)
        await asyncio.to_thread(_announce_and_take_back)
        await asyncio.to_thread(_announce)
        first = await subscription.get_message(ignore_subscribe_messages=True, timeout=5)
        second = await subscription.get_message(ignore_subscribe_messages=True, timeout=0.3)
        await client.aclose()
        return first, second

    first, second = asyncio.run(heard())
    assert first is not None
    assert second is None


def _announce() -> None:
    with transaction.atomic():
        live.announce("topic")


def _announce_and_take_back() -> None:
    with transaction.atomic():
        live.announce("topic")
        transaction.set_rollback(True)
