"""Nobody's address in a log line, nor in what is reported to Sentry."""

import gzip
import io
import logging
import os
import subprocess
import sys

import pytest
from pytest_httpserver import HTTPServer

from config.environment import ROOT
from config.logs import MaskPersonalData

PERSONAL = ("ada@example.com", "ada%40example.com", "+12125550123")


@pytest.fixture
def log() -> tuple[logging.Logger, io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(MaskPersonalData())
    logger = logging.Logger("shop")
    logger.addHandler(handler)
    return logger, written


def test_addresses_are_masked_in_messages_arguments_and_tracebacks(log):
    logger, written = log
    logger.info("Joined: ada@example.com, %s and /staff/members/?q=%s", "+12125550123", "ada%40example.com")
    try:
        raise ValueError("ada@example.com has joined already")
    except ValueError:
        logger.exception("Refused +12125550123", stack_info=True)
    assert "Refused +…" in written.getvalue()
    assert "ValueError: …@… has joined already" in written.getvalue()
    assert not [text for text in PERSONAL if text in written.getvalue()]


def test_times_ids_and_amounts_are_left_alone(log):
    logger, written = log
    told = "2026-03-29 15:30:00+00:00 order 12125550123 for $1,234.50 +3 @ 10:30"
    logger.info(told)
    assert written.getvalue().strip() == told


def test_an_error_reported_to_sentry_names_nobody(httpserver: HTTPServer):
    httpserver.expect_request("/api/1/envelope/").respond_with_data("{}")
    fails = (
        "import django; django.setup()\n"
        "import logging, sentry_sdk\n"
        "email = 'ada@example.com'\n"
        "logging.getLogger('shop').warning('about to ask for %s', email)\n"
        "try:\n    raise ValueError('no such member: +12125550123')\n"
        "except ValueError:\n    sentry_sdk.capture_exception()\n"
        "sentry_sdk.flush(10)\n"
    )
    env = os.environ | {
        "SENTRY_DSN": f"http://key@127.0.0.1:{httpserver.port}/1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    subprocess.run([sys.executable, "-c", fails], cwd=ROOT, env=env, check=True, timeout=60)
    reports = [request.get_data() for request, _ in httpserver.log]
    text = "".join((gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode() for body in reports)
    assert "ValueError" in text
    assert "about to ask for" in text
    assert not [found for found in PERSONAL if found in text]
