"""What an operator's Prometheus reads, and who may not."""

import datetime as dt
import uuid

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.actions import touches
from campaigns.models import ReceivedTouch, Touch
from tests.tracking.received import a_system, receive, said

pytestmark = pytest.mark.django_db


def test_prometheus_reads_lag_events_and_the_spool(follow_events, now):
    receive(a_system("Acme", "Website"), said("Viewed"), said(""), at=now)
    follow_events()
    text = Client().get("/metrics").content.decode()
    assert 'regulars_events_total{outcome="valid",partner="Acme",system="Website"} 1.0' in text
    assert 'regulars_events_total{outcome="invalid",partner="Acme",system="Website"} 1.0' in text
    assert 'regulars_follower_lag_seconds{follower="tracking.read_model"} 0.0' in text
    assert "regulars_spool_bytes 0.0" in text


def test_prometheus_sees_openings_that_nobody_takes_up():
    heard = timezone.now() - dt.timedelta(minutes=5)
    touches.receive([ReceivedTouch(send=uuid.uuid4(), kind=Touch.Kind.OPEN, method="GET", at=heard)])
    text = Client().get("/metrics").content.decode()
    lag = next(line for line in text.splitlines() if line.startswith("regulars_touches_lag_seconds "))
    assert 300 <= float(lag.split()[1]) < 330


def test_from_elsewhere_there_are_no_metrics(settings):
    assert Client(REMOTE_ADDR="192.0.2.7").get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "prometheus"
    assert Client().get("/metrics").status_code == 404
    assert (
        Client(REMOTE_ADDR="192.0.2.7").get("/metrics", headers={"Authorization": "Bearer prometheus"}).status_code
        == 200
    )
