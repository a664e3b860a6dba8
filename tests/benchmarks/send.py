"""A campaign to 100,000 members leaves by SMTP, each message written for its member: 3 kB of HTML, ten words, one loop.

Ours: one worker process as the product runs it, everything on: the gate at the claim and at the hand-off, every move
kept, every event told. Afterwards the sink has as many messages as there are members, and every send is SENT.
Limit: one 6 kB message that was prebuilt, by asyncio over ten connections that say ahead what they may; nobody is
asked anything and nothing is remembered. Told beside it: postfix's smtp-source, where it is installed.
Peer: django-post_office's `send_queued` of as large messages that were written when they were queued, to a twentieth of
the members. All of them throw at the same sink, on the same cores: postfix's smtp-sink where it is installed (it comes
with Debian's postfix), or else smtp_sink.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from getpass import getuser
from pathlib import Path
from socket import create_connection, create_server
from statistics import median
from threading import Thread
from typing import IO

import uvloop
from django.db import connection
from django.utils import timezone

from campaigns.actions.permits import ship_permits
from campaigns.actions.policy import ship_policy
from campaigns.models import Campaign, Letter, Link, PlanStep, Playbook, Send
from loyalty.actions.business import ship_business
from loyalty.models import Order, OrderLine, Product, Store, User
from tests.benchmarks.result import Result, rates
from tests.benchmarks.serving import process, processor_seconds
from tests.campaigns.crowd import campaign_for

MEMBERS, PEERS, BARE, RUNS, CONNECTIONS = 100_000, 5_000, 50_000, 3, 10
WORK = """
import django, time
django.setup()
from campaigns.tasks import send_due
from config.collector import leave_imports_alone
leave_imports_alone()
while True:
    send_due()
    time.sleep(0.05)
"""
SUBJECT = "{{ member.first_name }}, {{ member.points }} points wait for you"
TEXT = """Hello {{ member.first_name }},

You have {{ member.points }} points at {{ business.name }}. More {{ member.favourite }} has come in at {{ store.name }}:
{% for pick in picks %}- {{ pick.name }}, {{ pick.price }}
{% endfor %}
Show this at the till: {{ url.offer }}
{{ business.website }}, {{ business.address }}
Unsubscribe: {{ url.unsubscribe }}
"""
_CELL = "font-family:Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;color:#1f2937;padding:8px 24px;"
HTML = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Your points</title></head>
<body style="margin:0;padding:0;background-color:#f4f5f7;">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px;margin:0 auto;">
<tr><td style="{_CELL}">Hello {{{{ member.first_name }}}},</td></tr>
<tr><td style="{_CELL}">You have <strong>{{{{ member.points }}}} points</strong> at {{{{ business.name }}}}.</td></tr>
<tr><td style="{_CELL}">More {{{{ member.favourite }}}} has come in at {{{{ store.name }}}}:</td></tr>
{{% for pick in picks %}}<tr><td style="{_CELL}">{{{{ pick.name }}}}: {{{{ pick.price }}}}</td></tr>
{{% endfor %}}<tr><td style="{_CELL}"><a href="{{{{ links[0] }}}}">Come by and see</a></td></tr>
<tr><td style="{_CELL}"><a href="{{{{ url.offer }}}}">Your offer</a></td></tr>
{f'<tr><td style="{_CELL}">All week long the doors are open from nine to nine.</td></tr>' * 5}
<tr><td style="{_CELL}">{{{{ business.website }}}}, {{{{ business.address }}}}.
<a href="{{{{ url.preferences }}}}">Choose what you get</a>, <a href="{{{{ url.unsubscribe }}}}">Unsubscribe</a>,
<a href="{{{{ url.view }}}}">View in the browser</a></td></tr>
</table></body></html>
"""
_EMPTIED = """
    UPDATE campaigns_send SET status = 'PENDING', attempts = 0, provider = '', provider_id = '', handed_off_at = NULL,
        sent_at = NULL, claimed_until = NULL;
    TRUNCATE campaigns_sendmove;
    DELETE FROM tracking_event WHERE name = 'message.sent';
"""


def measure() -> Result:
    campaign = _arranged()
    per_second: dict[str, list[float]] = {"ours": [], "prebuilt, pipelined": [], "django-post_office": []}
    if shutil.which("smtp-source"):
        per_second["prebuilt, smtp-source"] = []
    memory, processor = list[list[int]](), list[float]()
    for _ in range(RUNS):
        with _sink() as sink:
            per_second["prebuilt, pipelined"].append(_bare(sink))
            rate, megabytes, microseconds = _ours(campaign, sink)
            per_second["ours"].append(rate)
            memory.append(megabytes)
            processor.append(microseconds)
            per_second["django-post_office"].append(_theirs(sink))
            if "prebuilt, smtp-source" in per_second:
                per_second["prebuilt, smtp-source"].append(_by_postfix(sink))
    print("\nMemory of the worker at the start, half way and at the end of each run:")
    for megabytes in memory:
        print("  " + ", ".join(f"{each} MB" for each in megabytes))
    print(f"Processor time of the worker for a message: {', '.join(f'{each:.0f} us' for each in processor)}")
    ours, theirs = median(per_second["ours"]), median(per_second["django-post_office"])
    return rates(
        "send",
        ours="ours",
        limit="prebuilt, pipelined",
        per_second=per_second,
        unit="messages/s",
        of_post_office=round(ours / theirs, 1),
        members=MEMBERS,
        sink="postfix" if shutil.which("smtp-sink") else "our own",
        memory_mb=memory,
        cpu_us=[round(each) for each in processor],
    )


def _arranged() -> Campaign:
    for ship in (ship_business, ship_policy, ship_permits):
        ship()
    _sell_something()
    Playbook.objects.create(
        name="Hello", group="champions", aim="-", tone="-", channels=["email"], subject="s", body="b"
    )
    marketer, manager = (User.objects.create_user(f"{name}@shop.example") for name in ("marketer", "manager"))
    campaign = campaign_for(MEMBERS, owner=marketer, approver=manager)
    step = PlanStep.objects.get()
    step.letters.all().delete()
    link = Link.objects.create(url="https://shop.example/new", digest="0" * 64)
    Letter.objects.create(
        step=step, language="en", subject=SUBJECT, text=TEXT, html=HTML, links=[link.pk], pressed_at=timezone.now()
    )
    return campaign


def _sell_something() -> None:
    """For the loop: what sells best."""
    store, now = Store.objects.create(code="harbor", name="Harbor Street"), timezone.now()
    for place in range(3):
        product = Product.objects.create(sku=f"S{place}", name=f"A red of the year 202{place}", price="19.99")
        order = Order.objects.create(number=f"O{place}", store=store, ordered_at=now - timedelta(days=1), total="19.99")
        OrderLine.objects.create(order=order, product=product, key="1", quantity=1, amount="19.99")


# --- Ours ---------------------------------------------------------------------------------------------------------


def _ours(campaign: Campaign, sink: "Sink") -> tuple[float, list[int], float]:
    """Messages per second from the first to the last, the worker's megabytes on the way, and its microseconds of
    processor for each: the steadier figure on a machine that does other work.
    """
    with connection.cursor() as cursor:
        cursor.execute(_EMPTIED)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    before = sink.taken()
    os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{sink.port}"
    with process([sys.executable, "-c", WORK]) as worker:
        _wait(lambda: sink.taken() > before)
        first, began, megabytes = sink.taken(), time.perf_counter(), [_resident(worker.pid)]
        worked = processor_seconds(worker.pid)
        _wait(lambda: sink.taken() >= before + MEMBERS // 2)
        megabytes.append(_resident(worker.pid))
        _wait(lambda: sink.taken() >= before + MEMBERS)
        seconds = time.perf_counter() - began
        megabytes.append(_resident(worker.pid))
        worked = processor_seconds(worker.pid) - worked
        _wait(lambda: not campaign.sends.filter(status__in=Send.OPEN).exists())
    assert sink.taken() == before + MEMBERS
    assert campaign.sends.filter(status=Send.Status.SENT).count() == MEMBERS
    measured = before + MEMBERS - first
    return measured / seconds, megabytes, worked / measured * 1_000_000


def _resident(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


# --- Limits and the peer ------------------------------------------------------------------------------------------


class _Prebuilt(asyncio.Protocol):
    """One connection: the text of a message and the naming of the next go out together."""

    NAMES = b"MAIL FROM:<shop@example.com>\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n"
    MESSAGE = b"Subject: Hello\r\n\r\n" + (b"x" * 74 + b"\r\n") * 79 + b".\r\n"

    def __init__(self, many: int) -> None:
        self._left, self._heard, self._is_known = many, b"", False
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(b"EHLO bench\r\n")  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if not self._is_known:
            self._is_known = b"\r\n250 " in self._heard
            if self._is_known:
                self._answer(self.NAMES)
        elif b"354" in self._heard:
            self._left -= 1
            self._answer(self.MESSAGE + self.NAMES if self._left else self.MESSAGE)
        elif not self._left and b"250" in self._heard:
            self._transport.close()
            self.done.set_result(None)

    def _answer(self, what: bytes) -> None:
        self._heard = b""
        self._transport.write(what)  # type: ignore[attr-defined]


def _bare(sink: "Sink") -> float:
    async def all_of_them() -> None:
        loop = asyncio.get_running_loop()
        opened = [
            await loop.create_connection(lambda: _Prebuilt(BARE // CONNECTIONS), "127.0.0.1", sink.port)
            for _ in range(CONNECTIONS)
        ]
        await asyncio.gather(*(protocol.done for _, protocol in opened))

    before, began = sink.taken(), time.perf_counter()
    uvloop.run(all_of_them())
    seconds = time.perf_counter() - began
    _wait(lambda: sink.taken() == before + BARE)
    return BARE / seconds


def _by_postfix(sink: "Sink") -> float:
    began = time.perf_counter()
    command = ["smtp-source", "-d", "-s", str(CONNECTIONS), "-l", "6000", "-m", str(BARE), f"127.0.0.1:{sink.port}"]
    subprocess.run(command, check=True)
    return BARE / (time.perf_counter() - began)


def _theirs(sink: "Sink") -> float:
    before = sink.taken()
    database = connection.settings_dict
    env = {name: database[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    command = [sys.executable, "-m", "tests.benchmarks.post_office", str(sink.port), str(PEERS)]
    env = os.environ | {f"PEER_{name}": str(value) for name, value in env.items()}
    told = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    _wait(lambda: sink.taken() == before + PEERS)
    return PEERS / float(told.split()[-1])


class Sink:
    """What takes all mail and counts it."""

    port: int

    def taken(self) -> int:
        raise NotImplementedError


class _OwnSink(Sink):
    """smtp_sink, which is asked."""

    def __init__(self, port: int, running: "subprocess.Popen[bytes]") -> None:
        self.port = port
        assert running.stdout
        running.stdout.readline()
        self._connection = create_connection(("127.0.0.1", port))
        self._file = self._connection.makefile("rb")
        self._file.readline()

    def taken(self) -> int:
        self._connection.sendall(b"NOOP\r\n")
        return int(self._file.readline().split()[1])


class _PostfixSink(Sink):
    """postfix's smtp-sink, which says how many it has whenever that changes."""

    def __init__(self, port: int, running: "subprocess.Popen[bytes]") -> None:
        self.port, self._said = port, b""
        assert running.stdout
        self._ear = Thread(target=self._listen, args=[running.stdout], daemon=True)
        self._ear.start()
        _wait(self._is_there)

    def taken(self) -> int:
        *_, last = [b"0", *re.findall(rb"mesg=(\d+)\r", self._said)]
        return int(last)

    def _listen(self, stdout: IO[bytes]) -> None:
        while said := stdout.read1(65_536):  # type: ignore[attr-defined]
            self._said = (self._said + said)[-200:]

    def _is_there(self) -> bool:
        with suppress(OSError):
            create_connection(("127.0.0.1", self.port)).close()
            return True
        return False


@contextmanager
def _sink() -> Iterator[Sink]:
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command, kind = [sys.executable, "-m", "tests.benchmarks.smtp_sink", str(port)], _OwnSink
    if shutil.which("smtp-sink"):
        command, kind = ["smtp-sink", "-c", "-u", getuser(), f"127.0.0.1:{port}", "100"], _PostfixSink
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        try:
            yield kind(port, running)
        finally:
            running.terminate()


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 600
    while not is_so():
        assert time.monotonic() < deadline, "it took more than ten minutes"
        time.sleep(0.02)
