"""A local file that stands in for PostgreSQL while that is away: on the disk before a request is answered.

Each process writes files of its own, one after another, and holds their locks; a file whose process died is taken over
by another. A record is a length, a checksum and the rows of one group. What is cut short at the end was never answered,
so it is dropped. Rows have their ids already, so a record that is stored twice is stored once.
"""

import errno
import fcntl
import logging
import os
import struct
import zlib
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import orjson
from uuid_utils import UUID, uuid7

from tracking.ingest.arrivals import Arrival

LARGE_FILE = 16 * 2**20  # Bytes; then the next one is begun, and emptied ones are deleted.
_HEAD = struct.Struct(">II")
logger = logging.getLogger(__name__)


class SpoolFull(Exception):
    pass


class Spool:
    """One process's own files, the newest for writing. Not for two tasks at once: the committer is the only one."""

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        self._files = deque([SpoolFile.create(folder)])

    @property
    def waiting_bytes(self) -> int:
        return sum(file.waiting_bytes for file in self._files)

    def append(self, rows: Sequence[Arrival]) -> None:
        """Durable on return. Raises SpoolFull; then nothing was written."""
        record = packed(rows)
        if size_of(self.folder) + len(record) > self.most_bytes:
            raise SpoolFull(f"{self.folder} holds {self.most_bytes:,} bytes already")
        try:
            if self._files[-1].size > LARGE_FILE:
                self._files.append(SpoolFile.create(self.folder))
            self._files[-1].append(record)
        except OSError as fault:
            raise SpoolFull(str(fault)) from fault

    def next_rows(self, most: int = 1) -> list[Arrival]:
        """The oldest whole groups until they have `most` rows, one group at least; empty when there is none."""
        return self._files[0].next_rows(most)

    def forget(self) -> None:
        """What `next_rows` gave last is stored elsewhere now."""
        self._files[0].forget()
        while len(self._files) > 1 and not self._files[0].waiting_bytes:
            self._files.popleft().remove()

    def release(self) -> None:
        """Let another process take over what is left."""
        for file in self._files:
            file.release()

    def orphans(self) -> "list[SpoolFile]":
        """Files whose processes are gone, now held by this one; in the order in which they were begun."""
        own = {file.path for file in self._files}
        found = (SpoolFile.adopt(path) for path in sorted(self.folder.glob("*.spool")) if path not in own)
        return [file for file in found if file is not None]


class SpoolFile:
    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor
        self._read_to = self._offered_to = 0
        self._damaged: list[bytes] = []
        self._end = os.fstat(descriptor).st_size

    @classmethod
    def create(cls, folder: Path) -> "SpoolFile":
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{os.getpid()}-{uuid7().hex}.spool"
        unseen = path.with_suffix(".new")  # Nobody may take it for an orphan before its lock is held.
        descriptor = os.open(unseen, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        unseen.rename(path)
        _sync_names(folder)
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
    def size(self) -> int:
        return self._end

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

    def next_rows(self, most: int = 1) -> list[Arrival]:
        """The oldest whole groups until they have `most` rows, one group at least; empty when there is none."""
        rows: list[Arrival] = []
        self._offered_to, self._damaged = self._read_to, []
        while len(rows) < most and self._offered_to < self._end and self._offered_to - self._read_to < LARGE_FILE:
            rows += self._next_group()
        return rows

    def forget(self) -> None:
        if self._damaged:
            logger.error("%s: %s records are damaged and were set aside", self.path, len(self._damaged))
            with self.path.with_suffix(".damaged").open("ab") as aside:
                aside.writelines(self._damaged)
        self._read_to, self._damaged = self._offered_to, []
        if self._read_to >= self._end:
            os.ftruncate(self._descriptor, 0)
            self._read_to = self._offered_to = self._end = 0

    def _next_group(self) -> list[Arrival]:
        """What stands at the place that is offered next, which moves behind it."""
        head = os.pread(self._descriptor, _HEAD.size, self._offered_to)
        length, checksum = _HEAD.unpack(head) if len(head) == _HEAD.size else (self._end, 0)
        body = os.pread(self._descriptor, length, self._offered_to + _HEAD.size)
        if len(body) < length:
            left = self._end - self._offered_to
            logger.warning("%s: %s bytes at its end were never answered and are dropped", self.path, left)
            self._offered_to = self._end
            return []
        self._offered_to += _HEAD.size + length
        if zlib.crc32(body) != checksum:
            self._damaged.append(head + body)
            return []
        return [_row(values) for values in orjson.loads(body)]

    def release(self) -> None:
        """Let somebody else take it over."""
        os.close(self._descriptor)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def _sync_names(folder: Path) -> None:
    """A file outlives the machine only if its name does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def packed(rows: Sequence[Arrival]) -> bytes:
    body = orjson.dumps([[orjson.Fragment(v) if isinstance(v, bytes) else v for v in row] for row in rows], default=str)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def size_of(folder: Path) -> int:
    """Bytes in all spools of this machine, hardly more than wait in them."""
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
