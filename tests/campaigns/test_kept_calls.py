"""Answers kept before calls were: what is known of them stays."""

import datetime as dt
from importlib import import_module

from django.db import connection

from campaigns.models import ModelCall, Plan

OUTCOMES = import_module("campaigns.migrations.0017_model_calls").OUTCOMES


def test_an_answer_of_old_says_by_its_faults_how_it_ended(plan: Plan, now: dt.datetime) -> None:
    plan.calls.all().delete()
    later = now + dt.timedelta(minutes=3)
    for attempt, faults in ((1, ["Step 1: no."]), (2, [])):
        ModelCall.objects.create(
            plan=plan, attempt=attempt, status="ANSWERED", model_name="gpt", raw="{}", faults=faults, asked_at=now,
            ended_at=later,
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(OUTCOMES)
    calls = list(plan.calls.all())
    assert [(call.status, call.raw, call.asked_at) for call in calls] == [
        ("FAULTY", "{}", later), ("ANSWERED", "{}", later),
    ]  # fmt: skip
    assert len({call.public_id for call in calls}) == 2
