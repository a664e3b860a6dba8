"""Our side of an SMTP connection (RFC 5321), without its socket: it gives bytes to write and is told what was heard.

Where the server takes commands ahead (PIPELINING, RFC 2920), a letter's text and the commands that name the next one go
out together, and a letter costs one round trip. Each letter is a transaction of its own: what is refused of one touches
no other.
"""

from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from integrations.channels.base import DeliveryFailed, OutcomeUnknown
from integrations.channels.letter import Letter

PAUSE = timedelta(minutes=1)
_CLOSING, _GO_AHEAD = 421, 354
_LONGEST_REPLY = 64_000


@dataclass(frozen=True, eq=False)
class Errand:
    """One letter to hand over: the how-manieth of those we were asked for, and its id."""

    place: int
    id: str
    letter: Letter


class Talk:
    """At most two errands are under way: one whose text is out and not answered, and the next, which is only named.

    `settled` is what became of those that are done; whoever reads it empties it. `is_broken` says that nothing can be
    said on this connection any more.
    """

    def __init__(self, *, pipelines: bool) -> None:
        self.to_write = bytearray()
        self.settled: list[tuple[Errand, str | Exception]] = []
        self.is_broken = False
        self._pipelines = pipelines
        self._has_served = False
        self._named: Errand | None = None
        self._told: Errand | None = None
        self._refusal: DeliveryFailed | None = None
        self._must_reset = False
        self._awaited: deque[str] = deque()
        self._held: deque[tuple[str, bytes]] = deque()
        self._reply: list[bytes] = []
        self._rest = b""

    @property
    def is_busy(self) -> bool:
        return self._named is not None or self._told is not None

    @property
    def is_free(self) -> bool:
        """May take another errand."""
        return self._named is None and (self._pipelines or self._told is None) and not self.is_broken

    def take(self, errand: Errand) -> None:
        """Name sender and recipient, and ask for the word to begin."""
        self._named, self._refusal = errand, None
        if self._must_reset:
            self._held.append(("RSET", b"RSET\r\n"))
            self._must_reset = False
        named = errand.letter
        self._held += [
            ("MAIL", f"MAIL FROM:<{named.sender}>\r\n".encode("ascii")),
            ("RCPT", f"RCPT TO:<{named.recipient}>\r\n".encode("ascii")),
            ("DATA", b"DATA\r\n"),
        ]
        self._say()

    def hear(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._reply.append(line[4:].strip())
            if line[3:4] == b"-":
                continue
            text = b"\n".join(self._reply).decode(errors="replace")
            self._reply.clear()
            if not self.is_broken:
                self._answered(int(line[:3]) if line[:3].isdigit() else -1, text)
        if len(self._rest) + sum(map(len, self._reply)) > _LONGEST_REPLY:
            self.is_broken = True

    def end(self, why: object) -> Errand | None:
        """The connection is gone. Whose text was out may have arrived.

        Who was only named surely has not left. Gives the errand back if it was this connection that the server had
        enough of: it costs no try then.
        """
        told, named, self._told, self._named = self._told, self._named, None, None
        if told:
            silence = f"The mail server fell silent while it took the message: {why}"
            self.settled.append((told, OutcomeUnknown(silence)))
        if named and not (told or self._has_served):
            self.settled.append((named, no_answer(why)))
            return None
        return named

    def _say(self) -> None:
        """All that waits to be said; only the next of it to a server that wants to answer first."""
        while self._held and (self._pipelines or not self._awaited):
            verb, command = self._held.popleft()
            self._awaited.append(verb)
            self.to_write += command

    def _answered(self, code: int, text: str) -> None:
        verb = self._awaited.popleft() if self._awaited else "nothing"
        self.is_broken = code == _CLOSING
        match verb:
            case "RSET" | "MAIL" | "RCPT" if 200 <= code < 300:
                pass
            case "MAIL" if self.is_broken and self._has_served:
                pass  # So many letters on one connection, and no more: another is all that is asked for.
            case "MAIL":
                # Our address, our login, our quota: no recipient is to blame, however final it sounds.
                self._refused(refusal(code, text, blames_recipient=False))
            case "RCPT":
                self._refused(refusal(code, text))
            case "DATA":
                self._begin_or_not(code, text)
            case "text":
                self._settle_text(code, text)
            case _:
                self.is_broken = True
        self._say()

    def _refused(self, why: DeliveryFailed) -> None:
        """What was said ahead is answered too, with refusals of its own: the first tells why."""
        self._refusal = self._refusal or why
        if self.is_broken or not self._pipelines:
            self._held.clear()
            self._end_named()

    def _begin_or_not(self, code: int, text: str) -> None:
        if code != _GO_AHEAD or self._refusal:
            # To begin a message to nobody: what is hung up on before its end goes nowhere.
            self.is_broken = self.is_broken or code == _GO_AHEAD
            self._refusal = self._refusal or refusal(code, text)
            self._end_named()
            return
        assert self._named
        self._told, self._named = self._named, None
        self._awaited.append("text")
        self.to_write += stuffed(self._told.letter.content)

    def _end_named(self) -> None:
        assert self._named
        assert self._refusal
        self.settled.append((self._named, self._refusal))
        self._named, self._must_reset, self._has_served = None, True, True

    def _settle_text(self, code: int, text: str) -> None:
        assert self._told
        outcome: str | Exception = f"<{self._told.id}>"
        if code >= 400:
            outcome = refusal(code, text)
        elif not 200 <= code < 300:
            outcome = OutcomeUnknown(f"The mail server took the message and answered {code}.")
            self.is_broken = True
        self.settled.append((self._told, outcome))
        self._told, self._has_served = None, True


def refusal(code: int, text: str, *, blames_recipient: bool = True) -> DeliveryFailed:
    """What a server says of itself (421, 4.3.x) holds for every message; what it says of its policy (5.7.x: blocked,
    relaying denied) blames no recipient (RFC 5321, 4.2.3; RFC 3463)."""
    is_busy = code == _CLOSING or text.startswith("4.3.")
    return DeliveryFailed(
        f"The mail server answered {code} {text}"[:500],
        permanent=blames_recipient and code >= 500 and not text.startswith("5.7."),
        retry_after=PAUSE if is_busy else None,
    )


def no_answer(why: object) -> DeliveryFailed:
    """It hung up on this letter, perhaps because of it."""
    return DeliveryFailed(f"The mail server does not answer as it should: {why}", permanent=False)


def stuffed(content: bytes) -> bytes:
    """As a text is written: a dot before lines that begin with one, and one alone at its end (RFC 5321, 4.5.2)."""
    dotted = content.replace(b"\r\n.", b"\r\n..")
    return dotted + (b".\r\n" if dotted.endswith(b"\r\n") else b"\r\n.\r\n")
