"""Senders that are killed in the middle of their work. What left is counted at the mail server, never in our tables."""

import datetime as dt
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from campaigns.actions.campaigns import start_campaign
from campaigns.actions.review import approve_plan
from campaigns.models import Campaign, Plan, Send
from campaigns.sending import dispatch
from loyalty.models import User
from tests.campaigns.world import Shop, send_all, states
from tests.post_office import PostOffice

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
RECIPIENTS, KILLS = 300, 8
Status = Send.Status
StartWorker = Callable[[dt.datetime], "subprocess.Popen[bytes]"]

# A worker as Celery runs one, on the test's own database and mail server.
WORKER = """
    import os, sys
    from datetime import datetime
    from django.conf import settings
    import django
    settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(os.environ["TEST_MAIL_PORT"])
    django.setup()
    from campaigns.actions.sends import send_due
    while send_due(now=datetime.fromisoformat(sys.argv[1])):
        pass
"""


@pytest.fixture
def crowded(
    shop: Shop,
    make_campaign: Callable[..., Campaign],
    make_plan: Callable[[Campaign], Plan],
    always_open: None,
    manager: User,
    now: dt.datetime,
) -> Campaign:
    """A running campaign for a few hundred members."""
    members = [shop.join(f"Member {number}") for number in range(RECIPIENTS)]
    shop.sell(*((member, 1 + number % 200, f"{5 + number}.00") for number, member in enumerate(members)))
    shop.score()
    plan = make_plan(make_campaign(budget=None))
    assert plan.status == Plan.Status.READY, plan.error
    assert approve_plan(plan=plan, by=manager, now=now) >= RECIPIENTS
    start_campaign(campaign=plan.campaign, by=manager, now=now)
    return plan.campaign


@pytest.fixture
def start_worker(post_office: PostOffice, tmp_path: Path) -> Iterator[StartWorker]:
    script = tmp_path / "worker.py"
    script.write_text(textwrap.dedent(WORKER))
    env = os.environ | {"TEST_DATABASE": connection.settings_dict["NAME"], "TEST_MAIL_PORT": str(post_office.port)}
    env |= {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(settings.BASE_DIR)}
    workers: list[subprocess.Popen[bytes]] = []

    def start(at: dt.datetime) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(script), at.isoformat()]
        workers.append(subprocess.Popen(command, cwd=settings.BASE_DIR, env=env, start_new_session=True))
        return workers[-1]

    yield start
    for worker in workers:
        kill(worker)


def kill(worker: "subprocess.Popen[bytes]") -> None:
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def test_killing_the_sender_again_and_again_repeats_nothing_and_loses_nothing(
    crowded: Campaign, start_worker: StartWorker, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    seed = int(os.environ.get("FAULT_SEED", time.time()))
    chance = random.Random(seed)
    moment, total = at_the_end, crowded.sends.count()
    for _ in range(KILLS):
        before = len(post_office.taken)
        worker = start_worker(moment)
        enough = before + chance.randint(1, total // (KILLS + 2))
        while len(post_office.taken) < enough and worker.poll() is None:
            time.sleep(chance.random() / 100)
        kill(worker)
        moment += dispatch.LEASE + dt.timedelta(minutes=1)
    send_all(moment)
    send_all(moment + dt.timedelta(days=1))

    became = states(crowded)
    assert [count for count in Counter(post_office.taken_ids).values() if count > 1] == [], f"seed {seed}"
    assert set(became) <= {Status.SENT, Status.UNKNOWN}, f"seed {seed}: {became}"
    assert became.total() == total
    assert became[Status.UNKNOWN] <= KILLS
    assert became[Status.SENT] <= len(post_office.taken) <= total
    doubts = crowded.sends.filter(status=Status.UNKNOWN)
    assert all("may or may not have left" in send.failure for send in doubts)
    assert len(post_office.taken) + became[Status.UNKNOWN] >= total


def test_four_senders_killed_in_turn_repeat_nothing_and_lose_nothing(
    crowded: Campaign, start_worker: StartWorker, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    moment, total, kills = at_the_end, crowded.sends.count(), 0
    for _ in range(2):
        enough = len(post_office.taken) + total // 4
        workers = [start_worker(moment) for _ in range(4)]
        while len(post_office.taken) < enough and any(worker.poll() is None for worker in workers):
            time.sleep(0.005)
        for worker in workers:
            kill(worker)
            kills += 1
        moment += dispatch.LEASE + dt.timedelta(minutes=1)
    send_all(moment)
    became = states(crowded)
    assert max(Counter(post_office.taken_ids).values()) == 1
    assert became.total() == total == became[Status.SENT] + became[Status.UNKNOWN]
    assert became[Status.UNKNOWN] <= kills
