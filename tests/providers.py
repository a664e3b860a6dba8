"""Real HTTP servers that keep to what providers document, misbehave when a test asks, and count what they took.

Twilio: POST /2010-04-01/Accounts/{sid}/Messages.json and its error codes. Web push: RFC 8030, with the encryption of
RFC 8291, undone with the browser's half of the keys, and the signature of RFC 8292, checked.
"""

import base64
import json
import os
import random
import re
import ssl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message as Headers
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from time import monotonic, time
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import http_ece
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from py_vapid import Vapid

from integrations.channels.base import PushDevice

E164 = re.compile(r"\+[1-9]\d{6,14}")
LARGEST_PUSH = 4_096


@dataclass(frozen=True)
class Call:
    path: str
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def told(status: int, body: Any, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **named})


@dataclass
class Provider:
    """`answers` says what whoever is named gets instead of being served: a telephone number, a subscription."""

    address: str = ""
    connections: int = 0
    calls: list[Call] = field(default_factory=list)
    heard_at: list[float] = field(default_factory=list)
    answers: dict[str, Reply] = field(default_factory=dict)
    hangs_up_before: set[str] = field(default_factory=set)
    hangs_up_after: set[str] = field(default_factory=set)
    silent_after: set[str] = field(default_factory=set)
    released: Event = field(default_factory=Event)

    def reply_to(self, call: Call) -> Reply | None:
        """None hangs up."""
        self.calls.append(call)
        self.heard_at.append(monotonic())
        if reply := self.refusal(call):
            return reply
        named = self.named(call)
        if named in self.answers:
            return self.answers[named]
        if named in self.hangs_up_before:
            return None
        reply = self.serve(call)
        if named in self.silent_after:
            self.released.wait(10)
        return None if named in self.hangs_up_after | self.silent_after else reply

    def refusal(self, call: Call) -> Reply | None:
        """What is wrong with the call itself."""
        return None

    def named(self, call: Call) -> str:
        raise NotImplementedError

    def serve(self, call: Call) -> Reply:
        raise NotImplementedError


P = TypeVar("P", bound=Provider)


@contextmanager
def opened(provider: P, *, certificate: Path | None = None) -> Iterator[P]:
    """The provider on a free port of 127.0.0.1; over https when it has a certificate."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # An answer in two writes would wait 40 ms for the other side's receipt.

        def setup(self) -> None:
            super().setup()
            provider.connections += 1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = provider.reply_to(Call(self.path, self.headers, body))
            if reply is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: Any) -> None:
            """Quiet: tests look at what was taken."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.address = f"http://127.0.0.1:{server.server_port}"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        provider.address = f"https://localhost:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        provider.released.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


# --- Twilio -------------------------------------------------------------------------------------------------------


@dataclass
class Twilio(Provider):
    account: str = "AC" + "0" * 32
    token: str = "secret"
    taken: list[dict[str, str]] = field(default_factory=list)
    fails: float = 0.0  # this share of calls is answered by a 5xx; every other one was taken all the same
    chance: random.Random = field(default_factory=lambda: random.Random(22))

    @property
    def recipients(self) -> list[str]:
        return [form["To"] for form in self.taken]

    def refusal(self, call: Call) -> Reply | None:
        if urlsplit(call.path).path != f"/2010-04-01/Accounts/{self.account}/Messages.json":
            return self.error(404, 20404, "The requested resource was not found")
        wanted = base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        if call.headers["Authorization"] != f"Basic {wanted}":
            return self.error(401, 20003, "Authenticate")
        form = _form(call)
        if not form.get("To"):
            return self.error(400, 21604, "A 'To' phone number is required.")
        if not (form.get("From") or form.get("MessagingServiceSid")):
            return self.error(400, 21603, "A 'From' phone number is required.")
        if not form.get("Body"):
            return self.error(400, 21602, "Message body is required.")
        if len(form["Body"]) > 1_600:
            return self.error(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if not E164.fullmatch(form["To"]):
            return self.error(400, 21211, f"Invalid 'To' Phone Number: {form['To']}")
        return None

    def named(self, call: Call) -> str:
        return _form(call)["To"]

    def serve(self, call: Call) -> Reply:
        form = _form(call)
        if self.chance.random() < self.fails:
            if self.chance.random() < 0.5:
                self.taken.append(form)
            return self.error(500, 20500, "An internal server error has occurred")
        self.taken.append(form)
        sid = f"SM{uuid.uuid4().hex}"
        return told(
            201,
            {
                "account_sid": self.account,
                "api_version": "2010-04-01",
                "body": form["Body"],
                "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
                "date_sent": None,
                "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000",
                "direction": "outbound-api",
                "error_code": None,
                "error_message": None,
                "from": form.get("From"),
                "messaging_service_sid": form.get("MessagingServiceSid"),
                "num_media": "0",
                "num_segments": "1",
                "price": None,
                "price_unit": None,
                "sid": sid,
                "status": "queued",
                "subresource_uris": {"media": f"/2010-04-01/Accounts/{self.account}/Messages/{sid}/Media.json"},
                "to": form["To"],
                "uri": f"/2010-04-01/Accounts/{self.account}/Messages/{sid}.json",
            },
        )

    @staticmethod
    def error(status: int, code: int, message: str, **headers: str) -> Reply:
        more = f"https://www.twilio.com/docs/errors/{code}"
        return told(status, {"code": code, "message": message, "more_info": more, "status": status}, **headers)


def _form(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode(), strict_parsing=bool(call.body)))


@contextmanager
def open_twilio(settings: Any, *, sender: str = "+15550006666") -> Iterator[Twilio]:
    """Twilio on this machine, and the product's own settings pointing at it."""
    with opened(Twilio()) as twilio:
        settings.SMS_URL = f"twilio://{twilio.account}:{twilio.token}@{sender}"
        settings.TWILIO_API_URL = twilio.address
        settings.CHANNELS = settings.CHANNELS | {"sms": "integrations.channels.twilio.TwilioChannel"}
        settings.OUTGOING_TIMEOUT = 2
        yield twilio


# --- A server that speaks our own small JSON ----------------------------------------------------------------------


@dataclass
class SmsServer(Provider):
    """Keeps the promise: a key that it has seen sends nothing again and gets the first answer again."""

    taken: dict[str, dict[str, str]] = field(default_factory=dict)

    def refusal(self, call: Call) -> Reply | None:
        known = base64.b64encode(b"shop:se/cret").decode()
        return None if call.headers["Authorization"] == f"Basic {known}" else Reply(401)

    def named(self, call: Call) -> str:
        return str(json.loads(call.body)["to"])

    def serve(self, call: Call) -> Reply:
        key = call.headers["Idempotency-Key"]
        self.taken.setdefault(key, json.loads(call.body))
        return told(201, {"id": f"sms-{list(self.taken).index(key)}"})


# --- Web push -----------------------------------------------------------------------------------------------------


@dataclass
class PushService(Provider):
    """A browser's push service with the browsers behind it: `shown` is what each could read."""

    shown: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    browsers: dict[str, tuple[ec.EllipticCurvePrivateKey, bytes]] = field(default_factory=dict)
    shop_key: str = ""

    def subscribe(self, name: str) -> PushDevice:
        key, secret = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
        self.browsers[name] = key, secret
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return PushDevice(endpoint=f"{self.address}/push/{name}", p256dh=_base64(point), auth=_base64(secret))

    def refusal(self, call: Call) -> Reply | None:
        if not (call.headers["TTL"] or "").isdigit():
            return Reply(400, b"TTL")
        if not re.fullmatch(r"[\w-]{1,32}", call.headers["Topic"] or "none"):
            return Reply(400, b"Topic")
        if (call.headers["Urgency"] or "normal") not in ("very-low", "low", "normal", "high"):
            return Reply(400, b"Urgency")
        if call.headers["Content-Encoding"] != "aes128gcm":
            return Reply(400, b"Content-Encoding")
        if len(call.body) > LARGEST_PUSH:
            return Reply(413)
        return None if self.is_signed(call.headers["Authorization"] or "") else Reply(403)

    def is_signed(self, credentials: str) -> bool:
        scheme, _, rest = credentials.partition(" ")
        said = dict(part.strip().split("=", 1) for part in rest.split(","))
        header, claims, signature = said["t"].split(".")
        told = json.loads(base64.urlsafe_b64decode(claims + "=="))
        return (
            scheme == "vapid"
            and said["k"] == self.shop_key
            and Vapid.from_raw_public(said["k"].encode()).verify_token(f"{header}.{claims}".encode(), signature)
            and told["aud"] == self.address
            and time() < told["exp"] <= time() + 86_400
            and told["sub"].startswith("mailto:")
        )

    def named(self, call: Call) -> str:
        return call.path.removeprefix("/push/")

    def serve(self, call: Call) -> Reply:
        name = self.named(call)
        if name not in self.browsers:
            return Reply(404)
        key, secret = self.browsers[name]
        text = http_ece.decrypt(call.body, private_key=key, auth_secret=secret, version="aes128gcm")
        self.shown.append((name, json.loads(text)))
        return Reply(201, headers={"Location": f"{self.address}/message/{uuid.uuid4().hex}"})


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def open_push_service(settings: Any, folder: Path) -> Iterator[PushService]:
    """A push service on this machine, which ALLOW_PRIVATE_ADDRESSES lets us speak to. `folder` is for its papers."""
    service = PushService(shop_key=str(settings.VAPID_PUBLIC_KEY))
    certificate = folder / "push-service.pem"
    certificate.write_bytes(_certificate("localhost"))
    with opened(service, certificate=certificate), pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        settings.CHANNELS = settings.CHANNELS | {"push": "integrations.channels.webpush.WebPushChannel"}
        settings.ALLOW_PRIVATE_ADDRESSES, settings.OUTGOING_TIMEOUT = True, 2
        yield service


def _certificate(host: str) -> bytes:
    """A key and a certificate that it has signed itself, as one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    paper = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + paper.public_bytes(Encoding.PEM)
