"""Email by any SMTP server that EMAIL_URL names, over a few connections side by side."""

import select
import smtplib
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from math import ceil, inf
from time import monotonic
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.core.mail import get_connection

from integrations.channels import letter
from integrations.channels.base import DeliveryFailed, Message, Told, Unreachable
from integrations.channels.smtp import Errand, Talk

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_LOST = (smtplib.SMTPException, OSError)
_AT_A_TIME = 65_536


class EmailChannel:
    """Connections stay open for as long as the context is. There is one for one message, and one more with each call
    that has use for it, up to settings.EMAIL_CONNECTIONS. A lost one is opened again when there is no other.
    """

    provider = "smtp"
    remembers_for = timedelta(0)

    def __init__(self) -> None:
        self._door: Any = get_connection(fail_silently=False)
        self._lines: list[_Line] = []
        self.at_once: int = settings.EMAIL_CONNECTIONS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._lines:
            self._lines.pop().say_goodbye()

    def send(self, message: Message) -> str:
        [outcome] = self.send_many([message], within=timedelta(0))
        assert outcome is not None, "the first is begun whatever the time"
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def send_many(self, messages: Sequence[Message], *, within: timedelta) -> list[Told]:
        self._open_another(len(messages))
        return _Round(self, messages, monotonic() + within.total_seconds()).outcomes()

    @property
    def lines(self) -> "list[_Line]":
        return self._lines

    def open_line(self) -> None:
        """Encryption and login are Django's and smtplib's affair. Raises SMTPException or OSError."""
        self._door.open()
        server, self._door.connection = self._door.connection, None
        server.ehlo_or_helo_if_needed()
        self._lines.append(_Line(server, timeout=self._door.timeout))

    def _open_another(self, wanted: int) -> None:
        """A server that lets in no more is spoken to by those it has let in."""
        if not 0 < len(self._lines) < min(self.at_once, wanted):
            return
        try:
            self.open_line()
        except _LOST:
            self.at_once = len(self._lines)


class _Line:
    """One connection, from when the server has let us in."""

    def __init__(self, server: smtplib.SMTP, *, timeout: float | None) -> None:
        assert server.sock
        self.talk = Talk(pipelines=server.has_extn("pipelining"))
        self._server, self._socket, self._timeout = server, server.sock, timeout
        self._socket.setblocking(False)
        self._moved_at = monotonic()

    def fileno(self) -> int:
        return self._socket.fileno()

    def take(self, errand: Errand) -> None:
        if not self.talk.is_busy:
            self._moved_at = monotonic()
        self.talk.take(errand)

    def write(self) -> None:
        """As much as goes at once. Raises OSError."""
        with suppress(*_NOT_NOW):
            while self.talk.to_write:
                del self.talk.to_write[: self._socket.send(self.talk.to_write)]
                self._moved_at = monotonic()

    def read(self) -> None:
        """What there is. Raises OSError."""
        with suppress(*_NOT_NOW):
            while not self.talk.is_broken:
                if not (heard := self._socket.recv(_AT_A_TIME)):
                    raise ConnectionError("it hung up")
                self._moved_at = monotonic()
                self.talk.hear(heard)

    def seconds_left(self) -> float:
        """Until its silence has lasted too long."""
        return inf if self._timeout is None else self._moved_at + self._timeout - monotonic()

    def say_goodbye(self) -> None:
        """Without waiting for an answer: all that matters was answered, or nobody is there."""
        if not self.talk.is_busy:
            with suppress(OSError):
                self._socket.send(b"QUIT\r\n")
        self.hang_up()

    def hang_up(self) -> None:
        with suppress(OSError):
            self._server.close()


class _Round:
    """Some messages, and what becomes of them. Of those that wait, the next goes to whichever connection is free."""

    def __init__(self, channel: EmailChannel, messages: Sequence[Message], ends: float) -> None:
        self._channel, self._lines, self._ends = channel, channel.lines, ends
        self._has_begun = self._is_quiet = False
        self._told: list[Told] = [None] * len(messages)
        self._waiting: deque[Errand] = deque()
        for place, message in enumerate(messages):
            try:
                self._waiting.append(Errand(place, message.id, letter.written(message)))
            except DeliveryFailed as error:
                self._told[place] = error

    def outcomes(self) -> list[Told]:
        self._hand_out()
        while busy := [line for line in self._lines if line.talk.is_busy]:
            self._wait_for(busy)
            self._hand_out()
        return self._told

    def _hand_out(self) -> None:
        """To all that are free, and out with it. Who was lost over that leaves an errand for another."""
        while self._waiting and self._may_begin():
            if not self._lines and not self._is_let_in():
                continue
            for line in self._lines:
                if self._waiting and line.talk.is_free:
                    line.take(self._waiting.popleft())
                    self._has_begun = True
            self._write_all()
            if self._lines:
                return
        self._write_all()

    def _write_all(self) -> None:
        for line in [line for line in self._lines if line.talk.to_write]:
            self._try(line, line.write)

    def _may_begin(self) -> bool:
        return not self._is_quiet and (not self._has_begun or monotonic() < self._ends)

    def _is_let_in(self) -> bool:
        try:
            self._channel.open_line()
        except _LOST as error:
            # A refused login, too: no letter is to blame for our settings, and somebody may mend them in time.
            unreachable = Unreachable(f"The mail server does not let us in: {error}"[:500])
            self._told[self._waiting.popleft().place] = unreachable
            self._has_begun = self._is_quiet = True
            return False
        return True

    def _wait_for(self, busy: "list[_Line]") -> None:
        """Until one of them has something to say, has room for more, or has been silent for too long."""
        poller, by_number = select.poll(), {line.fileno(): line for line in busy}
        for line in busy:
            poller.register(line, select.POLLIN | (select.POLLOUT if line.talk.to_write else 0))
        patience = min(line.seconds_left() for line in busy)
        for number, _ in poller.poll(None if patience == inf else max(0, ceil(patience * 1000))):
            line = by_number[number]
            self._try(line, line.read)
        for line in self._lines[:]:
            if line.talk.is_busy and line.seconds_left() <= 0:
                self._lose(line, "timed out")

    def _try(self, line: "_Line", work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._lose(line, error)
            return
        self._note(line)
        if line.talk.is_broken:
            self._lose(line, "it was ended")

    def _lose(self, line: "_Line", why: object) -> None:
        self._lines.remove(line)
        line.hang_up()
        if errand := line.talk.end(why):
            self._waiting.appendleft(errand)
        self._note(line)
        self._has_begun = any(told is not None for told in self._told)

    def _note(self, line: "_Line") -> None:
        for errand, outcome in line.talk.settled:
            self._told[errand.place] = outcome
            self._is_quiet = self._is_quiet or getattr(outcome, "retry_after", None) is not None
        line.talk.settled.clear()
