import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.copies import Copy, wait_for


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="regulars-operations-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_copy(open_folder: Path) -> Iterator[Callable[..., Copy]]:
    copies: list[Copy] = []

    def make(name: str | Path = "var") -> Copy:
        copies.append(Copy(open_folder / name))
        return copies[-1]

    yield make
    for copy in copies:
        if copy.process and copy.process.poll() is None:
            copy.process.kill()
            copy.process.communicate()
        wait_for(lambda copy=copy: not copy.processes())


@pytest.fixture
def copy(new_copy: Callable[..., Copy]) -> Copy:
    return new_copy()
