"""Start, watch and stop a whole copy of Regulars.

    python -m config.run                             the product: servers, migrations, web, worker, beat, mailbox
    python -m config.run only web                    one of its processes, in the foreground: for containers and systemd
    python -m config.run with-services -- COMMAND    a command with a database and a Redis of its own
    python -m config.run healthy                     exit status 0 when the web server answers

`with-services` keeps its servers in VAR_DIR/test, apart from a copy that runs. They may forget on a power cut, in
exchange for speed; `--durable` gives servers that do not, in VAR_DIR/bench. A DATABASE_URL or REDIS_URL in the process
environment is used instead; one in .env is not, because tests write.
"""

import argparse
import os
import signal
import subprocess
import sys
from typing import NoReturn

from config import embedded, environment
from config.processes import CannotStart, dies_with_parent, stop_all
from config.supervisor import Supervisor, answers, sole_use


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m config.run", description="Run a whole copy of Regulars.")
    commands = parser.add_subparsers(dest="subcommand")
    commands.add_parser("up", help="start the product (the default)")
    only = commands.add_parser("only", help="start one process of the product")
    only.add_argument("program", choices=["web", "worker", "beat", "mailbox"])
    commands.add_parser("healthy", help="ask the web server whether it lives")
    services = commands.add_parser("with-services", help="run a command with PostgreSQL and Redis")
    services.add_argument("--durable", action="store_true", help="servers that keep their promises, as in production")
    services.add_argument("command", nargs="+", metavar="COMMAND")
    chosen = parser.parse_args(arguments)
    try:
        match chosen.subcommand:
            case "with-services":
                return with_services(chosen.command, durable=chosen.durable)
            case "only":
                become(chosen.program)
            case "healthy":
                return 0 if answers(environment.read()) else 1
            case _:
                return Supervisor(environment.read()).run()
    except (CannotStart, OSError) as refusal:
        print(refusal, file=sys.stderr)  # noqa: T201
        return 1


def become(name: str) -> NoReturn:
    """Replace this process by one of the product's programs."""
    command = list(Supervisor(environment.read()).program(name).command)
    os.chdir(environment.ROOT)
    os.execv(command[0], command)  # noqa: S606  # no shell wanted


def with_services(command: list[str], *, durable: bool) -> int:
    """Run `command` and return its exit status. Its input, output and terminal are left alone."""
    var_dir = environment.read().var.resolve() / ("bench" if durable else "test")
    addresses = {"VAR_DIR": str(var_dir)}
    servers: list[embedded.Postgres | embedded.Valkey] = []
    if not os.environ.get("DATABASE_URL"):
        servers.append(embedded.Postgres(var_dir, durable=durable))
        addresses["DATABASE_URL"] = embedded.database_url(var_dir)
    if not os.environ.get("REDIS_URL"):
        servers.append(embedded.Valkey(var_dir))
        addresses["REDIS_URL"] = embedded.redis_url(var_dir)
        addresses["CELERY_BROKER_URL"] = embedded.broker_url(var_dir)
    with sole_use(var_dir):
        try:
            for server in servers:
                server.start()
            return _run(command, os.environ | addresses)
        finally:
            stop_all(servers)


def _run(command: list[str], env: dict[str, str]) -> int:
    """In the terminal's own process group, so that Ctrl-C reaches the command; a SIGTERM is passed on to it."""
    signal.signal(signal.SIGINT, lambda *_: None)
    dies = dies_with_parent(signal.SIGTERM)
    with subprocess.Popen(command, env=env, preexec_fn=dies) as process:  # noqa: PLW1509  # no thread runs here
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: process.send_signal(number))
        status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
