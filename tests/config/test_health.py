"""What a load balancer and an operator are told."""

import json
import os
import subprocess
import sys

import pytest

from config.environment import ROOT

ASK = (
    "import django; django.setup()\n"
    "from django.test import Client\n"
    "answers = [Client(headers={'host': 'localhost'}).get(path) for path in ('/healthz', '/readyz')]\n"
    "print(answers[0].status_code, answers[1].status_code, answers[1].content.decode())\n"
)


def test_a_copy_that_works_says_so_and_how_far_followers_are(client, db):
    assert client.get("/healthz").content == b"ok\n"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "redis": "ok", "log": "ok"}
    assert "loyalty.points" in answer.json()["behind_seconds"]
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    ("variable", "nowhere", "dependency"),
    [
        ("DATABASE_URL", "postgres://nobody@%2Fnowhere/shop", "database"),
        ("REDIS_URL", "unix:///nowhere/redis.sock?db=0", "redis"),
    ],
)
def test_without_a_dependency_the_copy_lives_but_is_not_ready(variable, nowhere, dependency):
    env = os.environ | {variable: nowhere, "DJANGO_SETTINGS_MODULE": "config.settings"}
    asked = subprocess.run(
        [sys.executable, "-c", ASK], cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60
    )
    alive, ready, body = asked.stdout.split(maxsplit=2)
    assert (alive, ready) == ("200", "503")
    checks = json.loads(body)["checks"]
    assert checks.pop(dependency) in ("OperationalError", "ConnectionError")
    assert list(checks.values()) == ["ok"]
