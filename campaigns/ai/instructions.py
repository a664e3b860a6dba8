"""What a language model is told to do: files under prompts/, each with its version in its name.

A file that was used is never changed: words that differ are a new version, so that a call can be read with what it was
told years later. A test holds us to that.
"""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

PROMPTS = Path(__file__).parent / "prompts"
_VERSION = re.compile(r"\.v([0-9]+)$")


@dataclass(frozen=True)
class Prompt:
    """`name` is that of the file without .md, such as plan_week.v2."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()


@cache
def prompt(task: str) -> Prompt:
    """The newest version for a task."""
    newest = max(PROMPTS.glob(f"{task}.v*.md"), key=_version)
    return Prompt(newest.stem, newest.read_text())


def every_prompt() -> list[Prompt]:
    return [Prompt(path.stem, path.read_text()) for path in sorted(PROMPTS.glob("*.md"))]


def _version(path: Path) -> int:
    found = _VERSION.search(path.stem)
    assert found, f"{path.name} has no version in its name"
    return int(found[1])
