"""Many messages at once by SMTP: each its own outcome, whatever becomes of its neighbours and of the connection."""

import datetime as dt
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from integrations.channels.base import DeliveryFailed, Message, OutcomeUnknown, Told, Unreachable, channel, send_many
from integrations.channels.letter import Letter
from integrations.channels.smtp import Errand, Talk
from tests.post_office import PostOffice

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=[False, True], ids=["one by one", "said ahead"])
def office(post_office: PostOffice, request: pytest.FixtureRequest) -> PostOffice:
    post_office.pipelines = request.param
    return post_office


def messages(count: int) -> list[Message]:
    return [
        Message(id=f"{n}@shop.example", to=f"member{n}@example.com", subject=f"Hello {n}", text="Come by.")
        for n in range(count)
    ]


def sent(*groups: list[Message], within: timedelta = MINUTE) -> list[Told]:
    """What became of each, over the same connections."""
    with channel("email") as outlet:
        return [told for group in groups for told in send_many(outlet, group, within=within)]


def test_each_message_arrives_once_and_has_its_own_id_back(office: PostOffice, settings: Any) -> None:
    settings.EMAIL_CONNECTIONS = 3
    first, rest = messages(40)[:1], messages(40)[1:]
    assert sent(first, rest[:9], rest[9:]) == [f"<{each.id}>" for each in messages(40)]
    assert Counter(office.taken_ids) == Counter(f"<{each.id}>" for each in messages(40))
    assert {letter["To"].partition("@")[0].removeprefix("member") for letter in office.letters()} == {
        letter["Subject"].removeprefix("Hello ") for letter in office.letters()
    }
    assert 1 < office.connections <= 3


def test_what_is_refused_of_one_touches_no_neighbour(office: PostOffice) -> None:
    office.at_rcpt = {"member3@example.com": "550 No such mailbox", "member4@example.com": "451 Try again later"}
    office.at_data = {"member7@example.com": "554 Spam", "member9@example.com": "452 Full"}
    told = sent(messages(1), messages(20)[1:])
    permanent = {n: each.permanent for n, each in enumerate(told) if isinstance(each, DeliveryFailed)}
    assert permanent == {3: True, 4: False, 7: True, 9: False}
    assert str(told[3]) == "The mail server answered 550 No such mailbox"
    assert [each for n, each in enumerate(told) if n not in permanent] == [
        f"<{n}@shop.example>" for n in range(20) if n not in permanent
    ]
    assert len(office.taken) == 16


@pytest.mark.parametrize("how", ["hangs_up_after", "hangs_up_before"])
def test_only_whose_text_was_out_when_the_line_went_dead_is_in_doubt(office: PostOffice, how: str) -> None:
    lost = {2, 11}
    getattr(office, how).update(f"member{n}@example.com" for n in lost)
    told = sent(messages(1), messages(20)[1:])
    assert {n for n, each in enumerate(told) if isinstance(each, OutcomeUnknown)} == lost
    assert all(isinstance(each, str) for n, each in enumerate(told) if n not in lost)
    assert set(Counter(office.taken_ids).values()) == {1}


def test_who_asks_for_quiet_hears_no_more_than_what_was_begun(office: PostOffice, settings: Any) -> None:
    settings.EMAIL_CONNECTIONS = 1
    office.at_rcpt = {"member2@example.com": "452 4.3.1 Insufficient system storage"}
    told = sent(messages(20))
    assert isinstance(told[2], DeliveryFailed)
    assert told[2].retry_after == MINUTE
    assert told[3:] == [None] * 17
    assert len(office.taken) == 2


def test_a_server_that_takes_so_many_on_one_connection_is_connected_to_again(office: PostOffice) -> None:
    office.closes_after_each = True
    told = sent(*([each] for each in messages(5)))
    assert told == [f"<{n}@shop.example>" for n in range(5)]
    assert set(Counter(office.taken_ids).values()) == {1}


def test_when_the_time_is_over_no_other_is_begun(office: PostOffice) -> None:
    told = sent(messages(3), within=timedelta(0))
    assert told == ["<0@shop.example>", None, None]
    assert office.recipients == ["member0@example.com"]


def test_a_server_that_lets_in_no_more_is_spoken_to_by_those_it_let_in(office: PostOffice, settings: Any) -> None:
    with channel("email") as outlet:
        assert send_many(outlet, messages(1), within=MINUTE) == ["<0@shop.example>"]
        settings.EMAIL_PORT, outlet._door.port = 9, 9  # type: ignore[attr-defined]
        assert send_many(outlet, messages(6)[1:], within=MINUTE) == [f"<{n}@shop.example>" for n in range(1, 6)]
    assert office.connections == 1


def test_a_server_that_is_not_there_is_knocked_at_once_and_no_letter_is_to_blame(settings: Any) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 9
    first, *others = sent(messages(3))
    assert isinstance(first, Unreachable)
    assert others == [None, None]


# --- Encryption and login ---------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of 127.0.0.1, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - MINUTE).not_valid_after(now + 10 * MINUTE)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(params=["tls from the start", "starttls"])
def guarded(
    certificate: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[PostOffice]:
    """A post office that is spoken to in secret, by who has the password."""
    office, context = PostOffice(pipelines=True), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    is_implicit = request.param != "starttls"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    controller = Controller(
        office, hostname="127.0.0.1", port=port, ssl_context=context if is_implicit else None,
        tls_context=None if is_implicit else context, auth_required=True, auth_require_tls=not is_implicit,
        authenticator=lambda server, session, envelope, mechanism, login: AuthResult(
            success=login.password == b"secret"
        ),
    )  # fmt: skip
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_USE_SSL, settings.EMAIL_USE_TLS = is_implicit, not is_implicit
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD, settings.EMAIL_TIMEOUT = "shop", "secret", 2
    yield office
    controller.stop(no_assert=True)


def test_encryption_and_login_are_kept_up_over_every_connection(guarded: PostOffice) -> None:
    long = [Message(id=f"{n}@s.example", to=f"m{n}@example.com", subject="Hi", text="é" * 60_000) for n in range(30)]
    assert sent(long[:1], long[1:10], long[10:]) == [f"<{each.id}>" for each in long]
    assert set(Counter(guarded.taken_ids).values()) == {1}
    assert all(letter.get_content().strip() == "é" * 60_000 for letter in guarded.letters())


# --- The talk itself, with a server that answers whatever it likes ----------------------------------------------------


@given(
    answers=st.lists(st.sampled_from([250, 250, 250, 354, 354, 421, 451, 550, 503]), min_size=1, max_size=60),
    pipelines=st.booleans(), piece=st.integers(1, 40),
)  # fmt: skip
def test_whatever_a_server_answers_nothing_is_called_sent_that_was_not_taken_nor_lost_that_was(
    answers: list[int], pipelines: bool, piece: int
) -> None:
    talk, server = Talk(pipelines=pipelines), _Server(answers)
    errands = [Errand(n, f"{n}@s", Letter("a@s", f"{n}@m", f"Subject: {n}\r\n\r\nx".encode())) for n in range(4)]
    waiting, settled = list(errands), list[tuple[Errand, str | Exception]]()
    while not talk.is_broken and not server.is_gone and (waiting or talk.is_busy):
        while waiting and talk.is_free:
            talk.take(waiting.pop(0))
        heard = server.answer(bytes(talk.to_write))
        talk.to_write.clear()
        for start in range(0, len(heard), piece):
            talk.hear(heard[start : start + piece])
    back = talk.end("the end")
    settled += talk.settled
    assert Counter(errand.place for errand, _ in settled).most_common(1)[0:1] in ([], [(settled[0][0].place, 1)])
    given_back = [*waiting, *([back] if back else [])]
    assert {errand.place for errand, _ in settled} | {errand.place for errand in given_back} == {0, 1, 2, 3}
    for errand, outcome in settled:
        was_taken = errand.letter.recipient in server.taken
        assert not (isinstance(outcome, str) and not was_taken)
        assert not (isinstance(outcome, DeliveryFailed) and was_taken)
    assert not {errand.letter.recipient for errand in given_back} & set(server.taken)


class _Server:
    """Answers by the list, and hangs up at its end. What it has answered 250 at the end of its text, it has taken."""

    def __init__(self, answers: list[int]) -> None:
        self._answers, self._in_text, self._rest = iter(answers), False, b""
        self._recipient: str | None = None
        self.taken: list[str] = []
        self.is_gone = False

    def answer(self, said: bytes) -> bytes:
        replies, self._rest = b"", self._rest + said
        while not self.is_gone:
            end = b"\r\n.\r\n" if self._in_text else b"\r\n"
            line, found, rest = self._rest.partition(end)
            if not found:
                break
            code = next(self._answers, None)
            if code is None:
                self.is_gone = True
                break
            self._rest = rest
            self._take_in(line, code)
            replies += b"%d-more\r\n%d 2.0.0 so it is\r\n" % (code, code)
            self.is_gone = code == 421
        return replies

    def _take_in(self, line: bytes, code: int) -> None:
        if self._in_text:
            self._in_text = False
            if 200 <= code < 300:
                assert self._recipient, "a text for nobody was ended"
                self.taken.append(self._recipient)
        elif line.startswith(b"MAIL"):
            self._recipient = None
        elif line.startswith(b"RCPT") and 200 <= code < 300:
            self._recipient = line.decode().partition("<")[2].rstrip(">")
        elif line == b"DATA":
            self._in_text = code == 354
