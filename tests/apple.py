"""Apple as tests have it: a root and its intermediate, who issue pass certificates, and push over HTTP/2."""

import datetime as dt
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError

PASS_TYPE, TEAM = "pass.example.shop", "TEAM123456"
BEGINS, ENDS = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2040, 1, 1, tzinfo=dt.UTC)


@dataclass
class Issued:
    """A certificate with its key, as files and as PEM."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def key_locked_by(self, password: str) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))


def issue(subject: dict[x509.ObjectIdentifier, str], *, by: Issued | None = None, is_ca: bool = False) -> Issued:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject.items()])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(by.certificate.subject if by else name)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(BEGINS).not_valid_after(ENDS)
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    issuer_key = by.key if by else key
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())  # type: ignore[arg-type]
    builder = builder.add_extension(authority, critical=False)
    if not is_ca:
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        builder = builder.add_extension(names, critical=False)
    return Issued(builder.sign(issuer_key, SHA256()), key)


@dataclass
class Authority:
    """Apple's root, its intermediate, and the certificate of the shop's pass type."""

    root: Issued
    intermediate: Issued
    shop: Issued

    def variables(self, **changed: str) -> dict[str, str]:
        """What an operator sets."""
        return {
            "APPLE_PASS_TYPE_ID": PASS_TYPE,
            "APPLE_TEAM_ID": TEAM,
            "APPLE_PASS_CERTIFICATE": self.shop.pem.decode(),
            "APPLE_PASS_KEY": self.shop.key_pem.decode(),
            "APPLE_WWDR_CERTIFICATE": self.intermediate.pem.decode(),
        } | changed


def authority() -> Authority:
    root = issue({NameOID.COMMON_NAME: "Test Root CA"}, is_ca=True)
    wwdr = {NameOID.COMMON_NAME: "Test Worldwide Developer Relations", NameOID.ORGANIZATIONAL_UNIT_NAME: "G4"}
    intermediate = issue(wwdr, by=root, is_ca=True)
    owner = {
        NameOID.USER_ID: PASS_TYPE,
        NameOID.COMMON_NAME: f"Pass Type ID: {PASS_TYPE}",
        NameOID.ORGANIZATIONAL_UNIT_NAME: TEAM,
    }
    return Authority(root, intermediate, issue(owner, by=intermediate))


@dataclass
class PushService:
    """What it was told is in `told`; the rest says how it misbehaves."""

    port: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, list[tuple[int, str, dict[str, str]]]] = field(default_factory=dict)
    goes_away_after: list[int] = field(default_factory=list)  # for each connection: after so many answers
    connections: int = 0
    callers: set[str] = field(default_factory=set)
    is_silent: bool = False
    lock: Lock = field(default_factory=Lock)

    @property
    def tokens(self) -> list[str]:
        return [call["path"].removeprefix("/3/device/") for call in self.told]

    def reply(self, call: dict[str, Any]) -> tuple[int, str, dict[str, str]]:
        with self.lock:
            self.told.append(call)
            waiting = self.answers.get(call["path"].removeprefix("/3/device/"), [])
            return waiting.pop(0) if waiting else (200, "", {})


@contextmanager
def open_push_service(apple: Authority, folder: Path) -> Iterator[PushService]:
    """On a free port, for whoever shows a certificate of ours."""
    service = PushService()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own = issue({NameOID.COMMON_NAME: "localhost"}, by=apple.root)
    (folder / "server.pem").write_bytes(own.pem + own.key_pem)
    (folder / "trusted.pem").write_bytes(apple.root.pem + apple.intermediate.pem)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(folder / "trusted.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    with socket.create_server(("127.0.0.1", 0)) as door:
        service.port = door.getsockname()[1]
        thread = Thread(target=_receive, args=(door, context, service), daemon=True)
        thread.start()
        try:
            yield service
        finally:
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            door.close()
            thread.join(10)


def _receive(door: socket.socket, context: ssl.SSLContext, service: PushService) -> None:
    while True:
        try:
            raw, _address = door.accept()
        except OSError:
            return
        Thread(target=_serve, args=(raw, context, service), daemon=True).start()


def _serve(raw: socket.socket, context: ssl.SSLContext, service: PushService) -> None:
    try:
        with context.wrap_socket(raw, server_side=True) as line:
            subject = dict(part[0] for part in line.getpeercert()["subject"])  # type: ignore[index,misc]
            with service.lock:
                number, service.connections = service.connections, service.connections + 1
                service.callers.add(subject.get("userId", ""))
            _talk(line, service, number)
    except (OSError, ProtocolError):
        pass


def _talk(line: ssl.SSLSocket, service: PushService, number: int) -> None:
    talk = H2Connection(config=H2Configuration(client_side=False))
    talk.initiate_connection()
    line.sendall(talk.data_to_send())
    last = service.goes_away_after[number] if number < len(service.goes_away_after) else None
    calls: dict[int, dict[str, Any]] = {}
    answered = 0
    while heard := line.recv(65_536):
        for event in talk.receive_data(heard):
            match event:
                case RequestReceived():
                    headers = {name.decode(): value.decode() for name, value in event.headers or []}
                    calls[event.stream_id or 0] = {"path": headers[":path"], "headers": headers, "body": b""}
                case DataReceived():
                    calls[event.stream_id or 0]["body"] += event.data or b""
                    talk.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
                case StreamEnded():
                    if service.is_silent:
                        continue
                    if last is not None and answered >= last:
                        talk.close_connection(last_stream_id=(event.stream_id or 0) - 2)
                        line.sendall(talk.data_to_send())
                        return
                    _answer(talk, event.stream_id or 0, service.reply(calls.pop(event.stream_id or 0)))
                    answered += 1
                case ConnectionTerminated():
                    return
        line.sendall(talk.data_to_send())


def _answer(talk: H2Connection, stream: int, reply: tuple[int, str, dict[str, str]]) -> None:
    status, reason, headers = reply
    body = json.dumps({"reason": reason}).encode() if reason else b""
    talk.send_headers(stream, [(":status", str(status)), *headers.items()], end_stream=not body)
    if body:
        talk.send_data(stream, body, end_stream=True)
