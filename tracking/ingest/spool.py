"""A local file that stands in for PostgreSQL while that is away: on the disk before a request is answered.

Each process writes a file of its own and holds its lock; a file whose process died is taken over by another. A record
is a length, a checksum and the rows of one group. What is cut short at the end was never answered, so it is dropped.
Rows have their ids already, so a record that is stored twice is stored once.
"""

import errno
import fcntl
import logging
import os
import struct
import zlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import orjson
from uuid_utils import UUID

from tracking.ingest.arrivals import Arrival

_HEAD = struct.Struct(">II")
logger = logging.getLogger(__name__)


class SpoolFull(Exception):
    pass


class Spool:
    """One process's own file. Not for two tasks at once: the committer is the only one who writes."""

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        self._file = SpoolFile.create(folder)

    @property
    def waiting_bytes(self) -> int:
        return self._file.waiting_bytes

    def append(self, rows: Sequence[Arrival]) -> None:
        """Durable on return. Raises SpoolFull; then nothing was written."""
        record = packed(rows)
        if size_of(self.folder) + len(record) > self.most_bytes:
            raise SpoolFull(f"{self.folder} holds {self.most_bytes:,} bytes already")
        try:
            self._file.append(record)
        except OSError as fault:
            raise SpoolFull(str(fault)) from fault

    def next_rows(self) -> list[Arrival]:
        return self._file.next_rows()

    def forget(self) -> None:
        """What `next_rows` gave last is stored elsewhere now."""
        self._file.forget()

    def orphans(self) -> "list[SpoolFile]":
        """Files whose processes are gone, now held by this one."""
        found = (SpoolFile.adopt(path) for path in sorted(self.folder.glob("*.spool")) if path != self._file.path)
        return [file for file in found if file is not None]


class SpoolFile:
    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor
        self._read_to = self._offered_to = 0
        self._end = os.fstat(descriptor).st_size

    @classmethod
    def create(cls, folder: Path) -> "SpoolFile":
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{os.getpid()}-{uuid4().hex}.spool"
        unseen = path.with_suffix(".new")  # Nobody may take it for an orphan before its lock is held.
        descriptor = os.open(unseen, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        unseen.rename(path)
        return cls(path, descriptor)

    @classmethod
    def adopt(cls, path: Path) -> "SpoolFile | None":
        """None when its process lives or another one was quicker."""
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    @property
    def waiting_bytes(self) -> int:
        return self._end - self._read_to

    def append(self, record: bytes) -> None:
        try:
            if os.pwrite(self._descriptor, record, self._end) < len(record):
                raise OSError(errno.ENOSPC, "The disk took a part of the record")
            os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self._end)
            raise
        self._end += len(record)

    def next_rows(self) -> list[Arrival]:
        """The oldest group not yet forgotten; empty when there is none, or none that is whole."""
        head = os.pread(self._descriptor, _HEAD.size, self._read_to)
        if len(head) == _HEAD.size:
            length, checksum = _HEAD.unpack(head)
            body = os.pread(self._descriptor, length, self._read_to + _HEAD.size)
            if len(body) == length and zlib.crc32(body) == checksum:
                self._offered_to = self._read_to + _HEAD.size + length
                return [_row(values) for values in orjson.loads(body)]
        if self.waiting_bytes:
            logger.warning("%s: %s bytes at its end were never answered and are dropped", self.path, self.waiting_bytes)
        self._offered_to = self._end
        return []

    def forget(self) -> None:
        self._read_to = self._offered_to
        if self._read_to >= self._end:
            os.ftruncate(self._descriptor, 0)
            self._read_to = self._offered_to = self._end = 0

    def release(self) -> None:
        """Let somebody else take it over."""
        os.close(self._descriptor)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def packed(rows: Sequence[Arrival]) -> bytes:
    body = orjson.dumps([[orjson.Fragment(v) if isinstance(v, bytes) else v for v in row] for row in rows], default=str)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def size_of(folder: Path) -> int:
    """Bytes in all spools of this machine."""
    return sum(path.stat().st_size for path in folder.glob("*.spool"))


def _row(values: list[object]) -> Arrival:
    row = Arrival(*values)  # type: ignore[arg-type]
    return row._replace(
        id=UUID(str(row.id)),
        received_at=datetime.fromisoformat(str(row.received_at)),
        occurred_at=datetime.fromisoformat(str(row.occurred_at)),
        properties=orjson.dumps(row.properties),
        context=orjson.dumps(row.context),
        errors=orjson.dumps(row.errors),
    )
