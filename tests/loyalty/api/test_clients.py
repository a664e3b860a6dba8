"""The description is true: clients that tools make of it sign in, hold a reward and give it back, by a real server."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from django.utils import timezone

from campaigns.actions.login_codes import send_codes
from loyalty.models import Redemption
from tests.copies import ROOT
from tests.loyalty.counter import Counted, assert_the_ledger_is_right, balance
from tests.post_office import letters_to
from tests.tracking.ingest.servers import Servers, running

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
SDKS = ROOT / "tests" / "sdks"
EMAIL = "ada@example.com"
TOLD = {
    "member": "Ada",
    "before": 150,
    "held": ["held", 6],
    "is_same": True,
    "released": "released",
    "after": 150,
    "legal_age": 21,
}


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    folder = tmp_path / "servers"
    folder.mkdir()
    with running(folder) as servers:
        yield servers


@pytest.fixture
def schema(servers: Servers, tmp_path: Path) -> Path:
    """As the running server describes itself."""
    file = tmp_path / "schema.json"
    file.write_text(httpx2.get(f"{servers.base}/api/schema/?format=json", timeout=60).text)
    return file


@pytest.fixture
def counter(db: None) -> Counted:
    return Counted(timezone.now())


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """The output of a program that ends well."""
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | variables
    ended = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=200)
    assert ended.returncode == 0, ended.stdout[-4_000:] + ended.stderr[-4_000:]
    return ended.stdout


def converse(*command: str | Path, cwd: Path, **variables: str) -> dict[str, object]:
    """Run a shopper's program: it asks for a code, reads it from us as from an email, and tells what it saw."""
    env = os.environ | variables
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout
        asked = program.stdout.readline()
        assert asked, program.communicate()
        send_codes(now=timezone.now())
        code = re.match(r"\d{6}", letters_to(EMAIL)[-1]["Subject"])
        assert code
        output, errors = program.communicate(f"{code[0]}\n", timeout=60)
    assert program.returncode == 0, errors
    return json.loads(output)


def node() -> str:
    return shutil.which("node") or str(Path(sys.executable).parent / "node")


def assert_the_shopper_did_it(counter: Counted) -> None:
    assert [row.status for row in Redemption.objects.all()] == ["released"]
    assert_the_ledger_is_right()


@pytest.mark.timeout(400)
def test_a_typescript_client_made_of_the_description_works(
    servers: Servers, schema: Path, counter: Counted, tmp_path: Path
):
    member = counter.member("Ada", email=EMAIL, points=150)
    counter.reward(cost=100)
    folder = tmp_path / "shopper"
    folder.mkdir()
    (folder / "node_modules").symlink_to(SDKS / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(SDKS / "shopper.ts", folder)
    tools = SDKS / "node_modules"
    run(node(), tools / "openapi-typescript" / "bin" / "cli.js", schema, "-o", "schema.d.ts", cwd=folder)
    options = "--strict --skipLibCheck --target es2022 --module nodenext --lib es2023,dom".split()
    run(node(), tools / "typescript" / "bin" / "tsc", *options, "--types", "node", "shopper.ts", cwd=folder)
    assert converse(node(), "shopper.js", cwd=folder, BASE=servers.base, EMAIL=EMAIL) == TOLD
    assert balance(member) == 150
    assert_the_shopper_did_it(counter)


@pytest.mark.timeout(400)
def test_a_python_client_made_of_the_description_works(
    servers: Servers, schema: Path, counter: Counted, tmp_path: Path
):
    member = counter.member("Ada", email=EMAIL, points=150)
    counter.reward(cost=100)
    made = tmp_path / "regulars"
    told = run(
        "openapi-python-client", "generate", "--path", schema, "--meta", "none", "--output-path", made, cwd=tmp_path
    )
    assert "Warning" not in told, "a part of the description could not be used"
    program = SDKS / "shopper.py"
    seen = converse(sys.executable, program, cwd=tmp_path, PYTHONPATH=str(tmp_path), BASE=servers.base, EMAIL=EMAIL)
    assert seen == TOLD
    assert balance(member) == 150
    assert_the_shopper_did_it(counter)
