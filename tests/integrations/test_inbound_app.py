"""The quick way in front of Django, which the web server runs: over real connections, seen once it is committed."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal
from django.db import connection
from django.utils import timezone

from config.pages import Pages
from integrations.inbound import calls
from integrations.inbound.app import Hooks
from integrations.inbound.senders.ses import sns
from integrations.models import InboundCall, ProviderReport
from tests.integrations import callers
from tests.integrations.callers import CALLERS, CERTIFICATE, Signed

pytestmark = pytest.mark.django_db(transaction=True)
BY_NAME = {caller.name: caller for caller in CALLERS}


class Door:
    """The application in a loop of its own."""

    def __init__(self, portal: Any) -> None:
        transport = httpx2.ASGITransport(app=Hooks(Pages()))
        self._portal = portal
        self._client = httpx2.AsyncClient(transport=transport, base_url="http://testserver")

    def post(self, name: str, *signed: Signed) -> list[httpx2.Response]:
        """All at the same moment."""

        async def all_at_once() -> list[httpx2.Response]:
            return await asyncio.gather(
                *(
                    self._client.post(
                        f"/hooks/{name}/", content=each.body, headers=each.headers, params=each.query or None
                    )
                    for each in signed
                )
            )

        return self._portal.call(all_at_once)


@pytest.fixture
def door(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    settings.PUBLIC_URL = "https://shop.example"
    settings.INBOUND_SECRETS = {caller.variable: list(caller.secrets) for caller in CALLERS}
    monkeypatch.setitem(sns.CERTIFICATES, CERTIFICATE, callers.rsa_key().public_key())
    with start_blocking_portal() as portal:
        yield Door(portal)


def statuses(answers: list[httpx2.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
def test_a_good_call_is_kept_whichever_way_it_goes_and_a_forged_one_refused_by_the_page(caller, door):
    now = timezone.now()
    assert statuses(door.post(caller.name, caller.good(now))) == [200]
    assert InboundCall.objects.get().sender == caller.name
    assert statuses(door.post(caller.name, caller.sign(caller.example, now, caller.stranger))) == [401]
    assert InboundCall.objects.count() == 1


def test_many_calls_at_once_are_each_kept_and_read_once(door):
    caller = BY_NAME["generic"]
    signed = [caller.good(timezone.now()) for _ in range(200)]
    assert statuses(door.post("generic", *signed, *signed)) == [200] * 400
    while calls.read_calls(now=timezone.now()):
        pass
    assert InboundCall.objects.filter(status=InboundCall.Status.READ).count() == 200
    assert ProviderReport.objects.count() == 200


def test_fifty_replays_at_the_same_moment_are_one_call(door):
    signed = BY_NAME["mailgun"].good(timezone.now())
    assert statuses(door.post("mailgun", *[signed] * 50)) == [200] * 50
    assert InboundCall.objects.count() == 1


def test_whoever_waits_for_words_gets_them(door):
    content = callers.payloads("twilio")["talk"]["call"] | {"Body": "STOP"}
    [answer] = door.post("twilio", callers.twilio(content, timezone.now(), "token-one"))
    assert "unsubscribed" in answer.text
    assert ProviderReport.objects.get().kind == ProviderReport.Kind.UNSUBSCRIBED


def test_what_is_too_large_unknown_or_not_set_up_is_refused_by_the_page(door, settings):
    headers = BY_NAME["postmark"].good(timezone.now()).headers
    assert statuses(door.post("postmark", Signed(b"x" * (2**20 + 1), headers))) == [413]
    assert statuses(door.post("postmark", Signed(b"x" * 2**20, headers))) == [200]
    assert statuses(door.post("pigeon", Signed(b"{}", {}))) == [404]
    settings.INBOUND_SECRETS = {}
    assert statuses(door.post("postmark", Signed(b"{}", headers))) == [403]


def test_a_database_that_refuses_a_group_costs_no_call(door):
    """Each is tried by itself, and only what is still refused is to be sent again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_groups() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN IF (SELECT count(*) FROM fresh) > 1 THEN RAISE 'no groups'; END IF; RETURN NULL; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER refuse_groups AFTER INSERT ON integrations_inboundcall REFERENCING NEW TABLE AS fresh"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_groups()"
        )
    try:
        signed = [BY_NAME["generic"].good(timezone.now()) for _ in range(20)]
        assert statuses(door.post("generic", *signed)) == [200] * 20
        assert InboundCall.objects.count() == 20
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse_groups CASCADE")
