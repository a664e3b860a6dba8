"""The description of the API is true: whatever it allows is answered as it says, and nothing is answered 500."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import timezone

from loyalty.actions import tokens
from loyalty.models import User
from tests.tracking.ingest.door import Sender
from tests.tracking.ingest.servers import running

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(params=["a system's secret", "an Admin's token"])
def credential(request: pytest.FixtureRequest, sender: Sender) -> str:
    """The one reads what is its own, the other makes and changes everything."""
    if request.param == "a system's secret":
        return f"X-Write-Key: {sender.pair}"
    owner = User.objects.create_superuser("ada@shop.example")
    made = tokens.make_token(user=owner, name="Script", scope="change", days=None, now=timezone.now())
    return f"Authorization: Bearer {made.shown}"


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_every_request_the_description_allows_is_answered_as_it_says(sender: Sender, credential: str, tmp_path: Path):
    with running(tmp_path) as servers:
        servers.know(sender.key)
        command = [str(Path(sys.executable).parent / "schemathesis"), "run", f"{servers.base}/api/schema/?format=json"]
        examples = "40" if "X-Write-Key" in credential else "15"  # a token gets further, and takes longer
        options = ["--checks", CHECKS, "--max-examples", examples, "--seed", "1", "--no-color", "--header"]
        finished = subprocess.run(
            [*command, *options, credential],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
    assert finished.returncode == 0, finished.stdout[-6_000:] + finished.stderr[-2_000:]
    assert bool(sender.stored()) == ("X-Write-Key" in credential), "events go in by a key, and by no token"
