"""`python -m tests.benchmarks [NAME ...]`: each prints a table and, last, one line of JSON."""

import importlib
import os
import pkgutil
import sys

import django

NOT_BENCHMARKS = {
    "__main__",
    "bare",
    "copying",
    "load",
    "pgbench",
    "plain",
    "plain_ledger",
    "post_office",
    "result",
    "serving",
    "smtp_sink",
}


def main(names: list[str]) -> int:
    known = sorted({module.name for module in pkgutil.iter_modules([os.path.dirname(__file__)])} - NOT_BENCHMARKS)
    if unknown := set(names) - set(known):
        print(f"There is no benchmark {', '.join(sorted(unknown))}. There is: {', '.join(known)}.", file=sys.stderr)
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    for name in names or known:
        print(f"== {name}")
        print(_measured(name), flush=True)
    return 0


def _measured(name: str) -> str:
    """In a database of its own that is dropped afterwards, whatever happens."""
    from django.db import connection, connections

    at_first = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        result = importlib.import_module(f"tests.benchmarks.{name}").measure()
    finally:
        connections.close_all()
        connection.creation.destroy_test_db(at_first, verbosity=0)
    return result.as_json()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
