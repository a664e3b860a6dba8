"""Fifty members in the app at once, and four tills: how long each write takes, as the phone waits for it.

The web server as in production, a process for each core, over HTTP, with a worker that follows the log. Every member
holds a reward, shows its PIN at a till that is free or else gives it back, wishes for a product, wishes no more, scans
a code, changes their name and a consent, over and over, and looks at the screen for a second or so between an answer
and the next tap. Each till likewise enters an order of two lines, takes one of them back, and redeems what it is shown.
The limit is 100 ms at the 95th percentile for each kind of write: the value is that of the slowest. Beside it, what
comes of it when nobody ever pauses.
"""

import asyncio
import json
import random
import sys
import time
import uuid
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from django.conf import settings
from django.utils import timezone

from loyalty.actions import codes, shop, till_keys
from loyalty.api.shoppers import access_token
from loyalty.models import Device, Member, Product, Reward, TillKey
from loyalty.queries.points import differences
from loyalty.rules.codes import text_of
from tests.benchmarks.ledger_earn import take_in_members
from tests.benchmarks.ledger_redeem import give
from tests.benchmarks.result import Result
from tests.benchmarks.serving import FOLLOW, process, server

MEMBERS, TILLS, CORES = 50, 4, 2
PAUSE = (0.5, 1.5)  # Seconds between an answer and the next tap.
RUNS, SECONDS = 3, 30
LIMIT_MS = 100.0
API = "/api/loyalty/v1"


@dataclass
class Answers:
    """Milliseconds by what was asked for, and whatever was not answered as it should be."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: list[str] = field(default_factory=list)

    def percentile_95(self, kind: str = "") -> float:
        return quantiles(self.milliseconds[kind] if kind else self.all, n=20)[-1]

    @property
    def all(self) -> list[float]:
        return [each for of_kind in self.milliseconds.values() for each in of_kind]


@dataclass
class Phone:
    """One connection that is kept, and one write at a time."""

    credential: str
    answers: Answers
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def write(self, kind: str, method: str, path: str, body: Any = None) -> Any:
        content = json.dumps(body).encode() if body is not None else b""
        head = (
            f"{method} {API}/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.credential}\r\n"
            f"Idempotency-Key: {uuid.uuid4()}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        began = time.perf_counter()
        self.writer.write(head.encode() + content)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = answer.partition("content-length: ")[2].partition("\r\n")[0]
        told = await self.reader.readexactly(int(length or 0))
        self.answers.milliseconds[kind].append((time.perf_counter() - began) * 1000)
        if not answer.startswith("http/1.1 20"):
            self.answers.refused.append(f"{kind}: {answer[9:12]} {told.decode()[:200]}")
        return json.loads(told) if told else None


@dataclass(frozen=True)
class Shop:
    """What the phones and tills need to know. `shown` are held rewards whose PIN a member shows at a till."""

    reward: Reward
    product: Product
    mixer: Product
    phones: list[str]
    tills: list[str]
    members: list[str]
    code: str
    shown: deque[dict[str, Any]] = field(default_factory=deque)


def measure() -> Result:
    known = _furnish()
    workers = ("--workers", str(CORES))
    with server("config.asgi:application", *workers) as port, process([sys.executable, "-c", FOLLOW]):
        asyncio.run(_visit(port, known, seconds=3, pause=PAUSE))  # Warms up.
        paused = [asyncio.run(_visit(port, known, seconds=SECONDS, pause=PAUSE)) for _ in range(RUNS)]
        hurried = asyncio.run(_visit(port, known, seconds=SECONDS, pause=(0, 0)))
    refused = [text for each in (*paused, hurried) for text in each.refused]
    assert not refused, refused[:5]
    assert not list(differences())
    return _result(paused, hurried)


def _result(paused: list[Answers], hurried: Answers) -> Result:
    taken = {kind: [run.percentile_95(kind) for run in paused] for kind in sorted(paused[0].milliseconds)}
    medians = {kind: round(median(of_runs), 1) for kind, of_runs in taken.items()}
    print(f"\n{'':8}  median  p95 of each run, ms")
    for kind, of_runs in (*taken.items(), ("all", [run.percentile_95() for run in paused])):
        print(f"{kind:8}  {median(of_runs):6.1f}  " + "  ".join(f"{each:6.1f}" for each in of_runs))
    slowest = max(medians, key=lambda kind: medians[kind])
    return Result(
        name="shopper_writes",
        value=medians[slowest],
        unit="ms",
        limit=LIMIT_MS,
        ratio=round(medians[slowest] / LIMIT_MS, 2),
        runs=RUNS,
        detail={
            "members": MEMBERS,
            "tills": TILLS,
            "slowest": slowest,
            "p95": medians,
            "writes_per_second": round(median(len(run.all) for run in paused) / SECONDS, 1),
            "p50": round(median(median(run.all) for run in paused), 1),
            "without_pauses": {
                "writes_per_second": round(len(hurried.all) / SECONDS, 1),
                "p95": round(hurried.percentile_95(), 1),
            },
        },
    )


def _furnish() -> Shop:
    now = timezone.now()
    members = list(Member.objects.filter(pk__in=take_in_members(MEMBERS)))
    Member.objects.update(birth_date="1980-01-01")
    give([member.pk for member in members], 1_000_000)
    store = shop.save_store(store=None, code="S1", name="Main Street", state="", time_zone="UTC")
    product = Product.objects.create(sku="GIN", name="Gin", category="Spirits")
    mixer = Product.objects.create(sku="TONIC", name="Tonic", category="Mixers")
    reward = Reward.objects.create(name="Tasting", cost=10, created_at=now, changed_at=now)
    batch = codes.make(
        name="Sheet",
        product=product,
        use="members",
        per_member=10_000,
        size=1,
        points=5,
        expires_at=None,
        by=None,
        now=now,
    )
    phones = [Device.objects.create(member=member, name="Phone", created_at=now, seen_at=now) for member in members]
    tills = [
        till_keys.make_till_key(store=store, name=f"Till {n}", scopes=TillKey.Scope.values, by=None, now=now).shown
        for n in range(TILLS)
    ]
    return Shop(
        reward,
        product,
        mixer,
        [access_token(phone, now=now) for phone in phones],
        tills,
        [str(member.public_id) for member in members],
        text_of(batch.codes.get().pk, settings.SECRET_KEY),
    )


async def _visit(port: int, known: Shop, *, seconds: float, pause: tuple[float, float]) -> Answers:
    answers, until = Answers(), time.perf_counter() + seconds

    async def visit(credential: str, acts: Callable[[Phone, Shop], AsyncIterator[None]]) -> None:
        phone = Phone(credential, answers, *await asyncio.open_connection("127.0.0.1", port))
        await asyncio.sleep(random.uniform(0, pause[1]))  # Nobody came at the same instant.
        while time.perf_counter() < until:
            async for _ in acts(phone, known):
                await asyncio.sleep(random.uniform(*pause))
        phone.writer.close()

    await asyncio.gather(
        *(visit(credential, _shop) for credential in known.phones),
        *(visit(credential, _sell) for credential in known.tills),
    )
    return answers


async def _shop(phone: Phone, known: Shop) -> AsyncIterator[None]:
    held = await phone.write("hold", "POST", "me/redemptions", {"reward": str(known.reward.public_id)})
    yield
    if len(known.shown) < TILLS:
        known.shown.append(held)
    else:
        await phone.write("release", "POST", f"me/redemptions/{held['id']}/release")
        yield
    await phone.write("wish", "PUT", f"me/wishlist/{known.product.sku}")
    yield
    await phone.write("unwish", "DELETE", f"me/wishlist/{known.product.sku}")
    yield
    scan = {"code": known.code, "client_id": str(uuid.uuid4()), "scanned_at": timezone.now().isoformat()}
    await phone.write("scan", "POST", "me/scans", scan)
    yield
    await phone.write("rename", "PATCH", "me", {"name": f"Ada {random.randrange(10_000)}"})
    yield
    for is_granted in (True, False):
        consent = {"channel": "email", "topic": "marketing", "wording": "Offers", "is_granted": is_granted}
        await phone.write("consent", "PUT", "me/consents", consent)
        yield


async def _sell(till: Phone, known: Shop) -> AsyncIterator[None]:
    gin = {"sku": known.product.sku, "quantity": "1", "amount": "30.00"}
    tonic = {"sku": known.mixer.sku, "quantity": "2", "amount": "6.00"}
    number, member = str(uuid.uuid4()), random.choice(known.members)
    await till.write("order", "POST", "till/orders", {"number": number, "member": member, "lines": [gin, tonic]})
    yield
    await till.write("return", "POST", f"till/orders/{number}/returns", {"key": "1", "lines": [tonic]})
    yield
    if known.shown:
        held = known.shown.popleft()
        await till.write("redeem", "POST", f"till/redemptions/{held['id']}/redeem", {"pin": held["pin"]})
        yield
