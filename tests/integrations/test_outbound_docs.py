"""docs/events_out.md says what the product does: its list of events, its schedule, and code that verifies a call."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from integrations.outbound import reference
from integrations.outbound.kinds import kinds
from integrations.outbound.notices import example, told
from integrations.outbound.noting import WAITS

PAGE = Path(settings.BASE_DIR) / "docs" / "events_out.md"


def test_the_list_of_events_is_the_one_of_the_classes() -> None:
    text = PAGE.read_text()
    assert text == reference.written_into(text), "run: python manage.py describe_events docs/events_out.md"


def test_the_schedule_is_the_one_that_is_kept() -> None:
    words = [_in_words(int(wait.total_seconds())) for wait in WAITS]
    assert f"at once, {', '.join(words)}" in PAGE.read_text()


def _in_words(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 3_600 else f"{seconds // 3_600} h"


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_code_shown_for_verifying_believes_a_call_and_no_forgery(language: str, tmp_path: Path) -> None:
    """As it stands in the page, in a process of its own."""
    shown = re.search(rf"```{language}\n(# by hand|// by hand)(.*?)```", PAGE.read_text(), re.DOTALL)
    assert shown
    now = datetime.now(UTC)
    secret = kinds()["webhook"].new_secret()
    call = kinds()["webhook"]({"url": "https://shop.example/"}, [secret]).call(
        [example("order.paid", id="01JQH5E2T0000000000000000", at=now)], now=now
    )
    told_to = {"secret": secret, "headers": dict(call.headers), "body": call.body.decode()}
    forged = told_to | {"body": call.body.decode().replace("64.50", "0.50")}
    stale = told_to | {"headers": {**call.headers, "webhook-timestamp": "1"}}
    run = _python if language == "python" else _node
    assert [run(shown[2], each, tmp_path) for each in (told_to, forged, stale)] == ["True", "False", "False"]


def _python(code: str, told_to: dict, folder: Path) -> str:
    ending = "\nimport json, sys\ntold = json.loads(sys.argv[1])\n"
    ending += "print(verified(told['secret'], told['headers'], told['body'].encode()))"
    return _run(["python3", "-c", code + ending, json.dumps(told_to)])


def _node(code: str, told_to: dict, folder: Path) -> str:
    if shutil.which("node") is None:
        pytest.skip("Node is not here")
    file = folder / "verify.mjs"
    ending = "\nconst told = JSON.parse(process.argv[2])\n"
    ending += "console.log(verified(told.secret, told.headers, told.body) ? 'True' : 'False')"
    file.write_text(code + ending)
    return _run(["node", str(file), json.dumps(told_to)])


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def test_every_event_that_is_told_has_a_sentence_or_a_name_that_says_it() -> None:
    assert len(told()) > 20
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", name) for name in told())
