"""The description of the API is true: whatever it allows is answered as it says, and nothing is answered 500."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tracking.ingest.door import Sender
from tests.tracking.ingest.servers import running

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_every_request_the_description_allows_is_answered_as_it_says(sender: Sender, tmp_path: Path):
    with running(tmp_path) as servers:
        servers.know(sender.key)
        command = [str(Path(sys.executable).parent / "schemathesis"), "run", f"{servers.base}/api/schema/?format=json"]
        options = ["--checks", CHECKS, "--max-examples", "40", "--seed", "1", "--no-color", "--header"]
        finished = subprocess.run(
            [*command, *options, f"X-Write-Key: {sender.pair}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
    assert finished.returncode == 0, finished.stdout[-6_000:] + finished.stderr[-2_000:]
    assert sender.stored(), "events went in by it"
