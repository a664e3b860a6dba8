"""What the description allows is answered as it says, for a member and for a till, and nothing is answered 500."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import timezone

from loyalty.actions import till_keys
from loyalty.api.shoppers import access_token
from loyalty.models import Device, TillKey
from tests.loyalty.counter import Counted, assert_the_ledger_is_right
from tests.tracking.ingest.servers import running

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
PATHS = "^/api/(loyalty|campaigns)/v1/"


@pytest.fixture
def counter(db: None) -> Counted:
    return Counted(timezone.now())


@pytest.fixture(params=["a member", "a till"])
def token(request: pytest.FixtureRequest, counter: Counted) -> str:
    now, store = timezone.now(), counter.store()
    counter.reward()
    if request.param == "a till":
        scopes = TillKey.Scope.values
        return till_keys.make_till_key(store=store, name="Counter 1", scopes=scopes, by=None, now=now).shown
    member = counter.member(points=10_000)
    return access_token(Device.objects.create(member=member, name="Phone", created_at=now, seen_at=now), now=now)


@pytest.mark.timeout(600)
def test_every_request_the_description_allows_is_answered_as_it_says(token: str, tmp_path: Path):
    with running(tmp_path) as servers:
        command = [str(Path(sys.executable).parent / "schemathesis"), "run", f"{servers.base}/api/schema/?format=json"]
        options = ["--checks", CHECKS, "--max-examples", "15", "--seed", "1", "--no-color"]
        chosen = ["--include-path-regex", PATHS, "--exclude-path", "/api/loyalty/v1/sign-out"]
        finished = subprocess.run(
            [*command, *options, *chosen, "--header", f"Authorization: Bearer {token}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=550,
        )
    assert finished.returncode == 0, finished.stdout[-6_000:] + finished.stderr[-2_000:]
    assert_the_ledger_is_right()
