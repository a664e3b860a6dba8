"""The picture of the architecture is checked, not only drawn."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from config.environment import ROOT

PACKAGES = ("config", "tracking", "integrations", "loyalty", "campaigns", "analytics")


def lint(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "demo"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_imports_point_down(copy):
    kept = lint(copy)
    assert kept.returncode == 0, kept.stdout
    assert " 0 broken." in kept.stdout


@pytest.mark.parametrize(
    ("module", "code", "broken"),
    [
        ("loyalty/utils.py", "", "loyalty.utils"),
        ("campaigns/services/__init__.py", "", "campaigns.services"),
        ("config/helpers.py", "", "config.helpers"),
        ("tracking/rules.py", "from loyalty import models", "tracking.rules -> loyalty.models"),
        ("loyalty/rules/orders.py", "import django.db", "loyalty.rules.orders -> django"),
        ("integrations/llm/shop.py", "from loyalty import models", "integrations.llm.shop -> loyalty.models"),
        ("loyalty/queries/late.py", "from loyalty.actions import points", "loyalty.queries.late -> loyalty.actions"),
        ("analytics/queries/writes.py", "from loyalty.actions import shop", "analytics.queries.writes -> loyalty"),
    ],
)
def test_what_the_picture_does_not_show_is_refused(module, code, broken, copy):
    path = copy / module
    path.parent.mkdir(exist_ok=True)
    path.write_text(code + "\n")
    try:
        refused = lint(copy)
    finally:
        shutil.rmtree(path.parent) if path.name == "__init__.py" else path.unlink()
    assert refused.returncode == 1
    assert broken in refused.stdout


def test_every_change_of_a_model_has_its_migration(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
