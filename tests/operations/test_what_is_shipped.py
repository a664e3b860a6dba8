"""The container files speak of the same variables as the product."""

import os
import re
from pathlib import Path

import pytest

from config import embedded
from config.environment import Environment
from config.processes import CannotStart
from tests.copies import ROOT

ONLY_ON_A_LAPTOP = {"mailbox_port", "demo_shop"}
KNOWN = {name.upper() for name in Environment.model_fields}


def test_every_variable_can_be_set_in_a_container_and_none_is_invented() -> None:
    compose = (ROOT / "compose.yaml").read_text()
    app = compose[compose.index("environment:") : compose.index("services:")]
    passed_on = set(re.findall(r"^ {4}([A-Z_]+):", app, re.MULTILINE))
    asked_for = set(re.findall(r"\$\{([A-Z_]+)", compose))
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    fixed = set(re.findall(r"^\s+([A-Z_]+)=", stages[-1], re.MULTILINE)) & KNOWN
    assert passed_on | asked_for <= KNOWN
    assert KNOWN - passed_on - asked_for - fixed == {name.upper() for name in ONLY_ON_A_LAPTOP}


def test_requirements_are_pinned_with_hashes_and_name_no_index() -> None:
    for path in ROOT.glob("requirements*.txt"):
        text = path.read_text()
        pins = re.findall(r"^([\w.-]+(?:\[[\w,-]+\])?)(==\S+)?", text, re.MULTILINE)
        assert all(version for _, version in pins), path
        assert text.count("# via") == len(pins), path
        assert "://" not in text
        assert "--hash=sha256:" in text


def test_a_socket_path_always_fits_the_kernel(tmp_path: Path) -> None:
    shallow, deep = tmp_path / "var", tmp_path.joinpath(*["deep" * 10] * 4)
    for var_dir in (shallow, deep):
        assert len(os.fsencode(embedded.socket_dir(var_dir) / ".s.PGSQL.5432")) < 104
    assert embedded.socket_dir(deep) == embedded.socket_dir(deep)
    assert embedded.socket_dir(deep) != embedded.socket_dir(deep / "er")


def test_a_socket_folder_that_others_can_enter_is_refused(open_folder: Path) -> None:
    (open_folder / "sockets").mkdir()
    (open_folder / "sockets").chmod(0o777)
    with pytest.raises(CannotStart, match="only its owner"):
        embedded.Postgres(open_folder).start()
