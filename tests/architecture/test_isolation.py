"""No partner ever sees another's: every address of tracking, by every method, with another partner's key and login.

The addresses come from the URL configuration and from the dialects, so a new one is asked too. A question that names
something of another partner is answered exactly like one that names nothing.
"""

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlencode

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from loyalty.actions import members, own_events, people, tokens
from loyalty.models import OwnEvents, User
from tests.tracking.ingest.door import Door, Sender
from tests.tracking.received import receive, said
from tracking.actions import counted, identity, partners, replays, structures
from tracking.ingest.app import Routes
from tracking.ingest.neutral import Courtesy, Fault, Incoming
from tracking.models import Partner, PartnerSystem, ReceivedEvent, Replay, SystemKey, TrackedEvent

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
READ_OR_WRITTEN = ("GET", "POST", "PATCH")  # By these an address is asked with and without words of the other's.
PREFIXES = ("staff/tracking/", "staff/stream/tracking/", "api/events/", "api/tracking/")
MARK = "zq7secret"  # Stands in every name and value of the partner whose rows nobody else may see.
NOWHERE = {
    "uuid": "0d0d0d0d-0d0d-4d0d-8d0d-0d0d0d0d0d0d",
    "int": "987654321",
    "str": "nowhere",
    "slug": "nowhere",
    "path": "nowhere",
}


@dataclass(frozen=True)
class Address:
    """A pattern with what stands in it: as in `/staff/tracking/partners/{uuid}/`, asked with one kind of id."""

    pattern: str
    kinds: tuple[str, ...]

    def with_ids(self, ids: dict[str, str]) -> str:
        url = self.pattern
        for kind in self.kinds:
            url = url.replace("{}", ids.get(kind, NOWHERE[kind]), 1)
        return url


@dataclass(frozen=True)
class Owner:
    """The partner whose rows are looked for, and the ids of each kind of thing that is theirs."""

    system: PartnerSystem
    ids: list[dict[str, str]]


def addresses() -> list[Address]:
    return [
        Address(f"/{pattern}", kinds)
        for pattern, kinds in _below(get_resolver().url_patterns, "", ())
        if pattern.startswith(PREFIXES)
    ]


def _below(entries: list[Any], path: str, kinds: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for entry in entries:
        route = str(entry.pattern)
        own = tuple(re.findall(r"<(str|int|uuid|slug|path):", route))
        here, known = path + re.sub(r"<\w+:\w+>", "{}", route), (*kinds, *own)
        if isinstance(entry, URLResolver):
            yield from _below(entry.url_patterns, here, known)
        elif isinstance(entry, URLPattern):
            yield here, known


@pytest.fixture
def owner(transactional_db: None, admin: User, follow: Any) -> Owner:
    sender = Sender(f"{MARK} partner", f"{MARK} system")
    system, now = sender.system, timezone.now()
    faults = (Fault("wrong_type", f"/{MARK}", f"{MARK} message"),)
    receive(
        system,
        said(f"{MARK} event", f"{MARK}-user", properties={MARK: MARK}),
        said(f"{MARK} event", f"{MARK}-user", properties={MARK: MARK}, faults=faults),
        said(f"{MARK} event", f"{MARK}-old"),
        Incoming("identify", "identify", user_id=f"{MARK}-user", anonymous_id=f"{MARK}-visitor"),
        at=now - dt.timedelta(hours=1),
    )
    own = _own_events(system.partner, now)
    follow()
    follow()  # What one follower tells, another one reads next.
    published, draft = (_version(system, admin, required) for required in ([], [MARK]))
    replay = replays.start(system=system, event_name=f"{MARK} event", by=admin, now=now)
    property_ = counted.declare(system=system, event_name=f"{MARK} event", path=MARK, by=admin, now=now)
    assert counted.fill(property_.pk, clock=lambda: now)
    merge = identity.merge(partner=system.partner, user_id=f"{MARK}-old", into=f"{MARK}-user", by=admin, now=now)
    guest = User.objects.create_user(f"{MARK}@owner.example", name=f"{MARK} guest")
    partners.give_access(user=guest, partner=system.partner)
    invitation = people.invite_for_partner(
        email=f"{MARK}@new.example", partner=system.partner, by=admin, now=now, may_be_seen=True
    )
    uuids = [
        system.public_id, system.partner.public_id, published.public_id, draft.public_id, replay.public_id,
        property_.public_id,
        ReceivedEvent.objects.filter(system_id=system.pk).latest("pk").pk, own.public_id,
    ]  # fmt: skip
    numbers = [
        *SystemKey.objects.filter(system=system).values_list("pk", flat=True), merge.pk, guest.pk, invitation.pk,
        system.pk, system.partner_id, Replay.objects.get().pk,
    ]  # fmt: skip
    texts = [f"{MARK}-user", f"{MARK}-visitor", f"{MARK} event", sender.key]
    return Owner(system, list(_ids(uuids, numbers, texts)))


def _own_events(partner: Partner, now: dt.datetime) -> PartnerSystem:
    """The shop's own stand with this partner, too."""
    members.join(external_id=f"{MARK}-member", source=MARK, now=now)
    named_by = OwnEvents.NamedBy.CUSTOMER_NUMBER
    return own_events.switch_on(partner=partner, named_by=named_by, may_be_seen=True, now=now).system


def _version(system: PartnerSystem, by: User, required: list[str]) -> Any:
    schema = {"description": MARK, "properties": {MARK: {"const": MARK}}, "required": required}
    draft = structures.draft(system=system, event_name=f"{MARK} event", schema=schema, by=by)
    if not required:
        structures.publish(draft, now=timezone.now())
    return draft


def _ids(uuids: list[Any], numbers: list[int], texts: list[str]) -> Iterator[dict[str, str]]:
    """Every id once; in an address with several the others go along."""
    for place in range(max(len(uuids), len(numbers), len(texts))):
        yield {
            "uuid": str(uuids[place % len(uuids)]),
            "int": str(numbers[place % len(numbers)]),
            "str": texts[place % len(texts)],
            "path": texts[place % len(texts)],
            "slug": ("publish", "retire", "discard")[place % 3],
        }


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Any:
    from tracking import bus
    from tracking.actions import advance, projections

    monkeypatch.setattr(projections, "HORIZON", "'18446744073709551615'::xid8")

    def catch_up() -> None:
        for follower in bus.followers():
            while advance(follower.name, now=timezone.now()):
                pass

    return catch_up


@pytest.fixture
def stranger(owner: Owner) -> Sender:
    """Another partner, with keys, events and somebody of its own."""
    sender = Sender("Bevco", "Till")
    guest = User.objects.create_user("bea@bevco.example", name="Bea Bevco")
    partners.give_access(user=guest, partner=sender.system.partner)
    receive(sender.system, said("Poured"), at=timezone.now())
    return sender


@pytest.fixture
def guest(stranger: Sender, client_of: Any) -> Client:
    return client_of(User.objects.get(email="bea@bevco.example"))


def queries_about(owner: Owner, ids: dict[str, str]) -> dict[str, str]:
    """Whatever a query may be called that names something of theirs."""
    names = ("partner_system", "system", "partner", "structure", "event", "replay", "funnel", "public_id")
    words = ("q", "name", "event_name", "path", "person", "user_id", "property", "cursor", "before")
    return dict.fromkeys(names, ids["uuid"]) | dict.fromkeys(words, ids["str"])


def ask(client: Client, verb: str, url: str, *, query: dict[str, str] | None = None, **headers: str) -> Any:
    """With everything it did undone, so that the next question meets the same rows."""
    body = query if verb in ("POST", "PUT", "PATCH", "DELETE") else None
    how = {"QUERY_STRING": urlencode(query or {})}
    if url.startswith("/api/"):
        data = {"data": body or {}, "content_type": "application/json"} if body is not None else {}
    else:
        data = {"data": body or {}} if verb == "POST" else {}
    with transaction.atomic():
        answer = getattr(client, verb.lower())(url, **data, headers=headers, **how)
        told = _told(answer)
        transaction.set_rollback(True)
    return answer.status_code, told


def _told(answer: Any) -> str:
    if answer.streaming:
        return b"".join(answer.streaming_content).decode(errors="replace")
    return answer.content.decode(errors="replace") + str(dict(answer.headers))


def assert_nothing_of_theirs(told: str, where: Any, said: list[str]) -> None:
    """What was said may be said back (in a search field, or as the way back after signing in), and nothing else."""
    told = unquote_plus(unquote_plus(told))
    for words in said:
        told = told.replace(unquote_plus(words), "")
    assert MARK not in told, where


def test_the_sweep_asks_every_address_there_is():
    asked = [address.pattern for address in addresses()]
    assert "/staff/tracking/partners/systems/{}/" in asked
    assert "/api/tracking/v1/structures/{}/publish/" in asked
    assert "/api/events/statistics" in asked
    assert len(asked) > 40


@pytest.mark.django_db(transaction=True)
def test_the_sweep_would_see_what_it_looks_for(owner: Owner, manager: User, client_of: Any):
    """Asked by somebody who may see it all, it finds the partner's rows nearly everywhere."""
    client, found = client_of(manager), set()
    for address in addresses():
        for ids in owner.ids if address.kinds else owner.ids[:1]:
            status, told = ask(client, "GET", url := address.with_ids(ids))
            if status == 200 and MARK in unquote_plus(told).replace(unquote_plus(url), ""):
                found.add(address.pattern)
    assert len(found) > 20, sorted(found)


@pytest.mark.fault
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_the_login_of_another_partner_is_told_nothing(owner: Owner, guest: Client):
    for address in addresses():
        for ids in owner.ids if address.kinds else owner.ids[:1]:
            url, query = address.with_ids(ids), queries_about(owner, ids)
            for verb in VERBS:
                for asked in ({}, query) if verb in READ_OR_WRITTEN else ({},):
                    status, told = ask(guest, verb, url, query=asked)
                    assert_nothing_of_theirs(told, (verb, url, asked), [url, *asked.values()])
                    assert status < 500, (verb, url, asked)
                    if {"uuid", "int"} & set(address.kinds):
                        assert status in (403, 404, 405), (verb, url, status)


@pytest.mark.fault
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_the_key_of_another_partner_is_told_nothing(owner: Owner, stranger: Sender):
    """Nor is a token that one of its people made."""
    bea = User.objects.get(email="bea@bevco.example")
    made = tokens.make_token(user=bea, name="Script", scope="change", days=None, now=timezone.now())
    keys = itertools.cycle(
        ({"X-Write-Key": stranger.key}, {"X-Write-Key": stranger.pair}, {"Authorization": f"Bearer {made.shown}"})
    )
    for address in addresses():
        takes_keys = address.pattern.startswith("/api/")
        for ids, key in zip(owner.ids if address.kinds and takes_keys else owner.ids[:1], keys, strict=False):
            url, query = address.with_ids(ids), queries_about(owner, ids)
            for verb in VERBS if takes_keys else READ_OR_WRITTEN:
                for asked in ({}, query) if verb in READ_OR_WRITTEN else ({},):
                    status, told = ask(Client(), verb, url, query=asked, **key)
                    assert_nothing_of_theirs(told, (verb, url, asked), [url, *asked.values()])
                    assert status < 500, (verb, url, asked)
                    assert status != 200 or takes_keys, "keys open no page"


@pytest.mark.fault
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_what_is_theirs_is_answered_like_what_is_not_there(owner: Owner, guest: Client, stranger: Sender):
    """The same status, and the same words but for the address itself."""
    for address in addresses():
        if not set(address.kinds) & {"uuid", "int"}:
            continue
        nothing = address.with_ids({"slug": "publish"})
        theirs = {address.with_ids(ids | {"str": NOWHERE["str"], "slug": "publish"}) for ids in owner.ids}
        for verb in VERBS:
            for client, headers in ((guest, {}), (Client(), {"X-Write-Key": stranger.pair})):
                status, told = ask(client, verb, nothing, **headers)
                for url in theirs:
                    found, words = ask(client, verb, url, **headers)
                    assert found == status, (verb, url, found, status)
                    if found in (403, 404):
                        assert _plain(words, url) == _plain(told, nothing), (verb, url)


def _plain(told: str, url: str) -> str:
    """Without the address, and without what differs from one answer to the next anyway."""
    told = re.sub(r"csrf\w*['\"=: ]+[\w-]+|[A-Za-z0-9]{64}|'(Set-Cookie|Expires|Date)': '[^']*'", "", told)
    return told.replace(url, "")


@pytest.mark.django_db(transaction=True)
def test_the_shops_other_pages_are_closed_to_a_partners_people(guest: Client):
    for pattern, kinds in _below(get_resolver().url_patterns, "", ()):
        if not pattern.startswith(("staff/", "admin/")) or pattern.startswith(PREFIXES):
            continue
        url = Address(f"/{pattern}", kinds).with_ids(NOWHERE)
        if set(url) & set("{(^\\") or url in OPEN:
            continue
        for verb in ("GET", "POST"):
            status, _ = ask(guest, verb, url)
            assert status in (302, 403, 404, 405, 410), (verb, url, status)
            assert status != 302 or url == "/staff/" or url.startswith("/admin/"), (verb, url)


# The picture and the colour of the sign-in page, and the ways in and out.
OPEN = {
    "/staff/brand/logo", "/staff/brand/accent.css", "/staff/gallery/", "/admin/login/", "/admin/logout/",
    "/staff/invitation/nowhere/", "/admin/jsi18n/",
}  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_no_way_in_takes_a_key_into_another_partners_log(owner: Owner, stranger: Sender, tmp_path: Any, settings: Any):
    """Every path of every dialect, by every method, naming the other's system and key wherever it can be named."""
    from django.db import connection

    from config.pages import Pages
    from tracking.ingest.app import IngestApp
    from tracking.ingest.commit import conninfo_of

    before = list(ReceivedEvent.objects.filter(system_id=owner.system.pk).order_by("pk").values())
    app = IngestApp(
        Pages(), conninfo=conninfo_of(connection.get_connection_params()), folder=tmp_path, spool_bytes=2**20,
        redis_url=settings.REDIS_URL,
    )  # fmt: skip
    public_id = str(owner.system.public_id)
    event = {
        "type": "track", "event": "Poured", "name": "Poured", "userId": "bea", "user_id": "bea", "system": public_id,
        "system_id": owner.system.pk, "partner_system": public_id, "api_key": stranger.key, "writeKey": stranger.key,
    }  # fmt: skip
    with Door(app) as door:
        for _, route in Routes():
            path = re.sub(r"{\w+}", public_id, route.pattern)
            for verb in VERBS:
                for body in (event, {"batch": [event], **event}, [event]):
                    how = {"headers": {"x-write-key": stranger.key}, "params": {"system": public_id}}
                    answer = door.send(verb, path, json=body, **how)
                    assert_nothing_of_theirs(answer.text, (verb, path), [public_id])
                    assert answer.status_code < 500 or isinstance(route, Courtesy), (verb, path)
    assert list(ReceivedEvent.objects.filter(system_id=owner.system.pk).order_by("pk").values()) == before
    assert ReceivedEvent.objects.filter(system_id=stranger.system.pk).count() > 10
    assert not TrackedEvent.objects.filter(name="Poured", system_id=owner.system.pk).exists()
