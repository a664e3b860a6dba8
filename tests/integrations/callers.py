"""What each provider would send: a call with its proof, made by whoever holds the secret."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from twilio.request_validator import RequestValidator

from integrations.inbound.base import Call
from integrations.inbound.senders import senders

PAYLOADS = Path(__file__).parent / "payloads"
TOPIC = "arn:aws:sns:us-east-1:123456789012:regulars"
CERTIFICATE = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"


@dataclass(frozen=True)
class Signed:
    """One HTTP request."""

    body: bytes
    headers: dict[str, str]
    query: str = ""

    def as_call(self, name: str, received_at: datetime) -> Call:
        return Call(body=self.body, received_at=received_at, headers=self.headers, url=url_of(name, self.query))


def url_of(name: str, query: str = "") -> str:
    return f"{settings.PUBLIC_URL}/hooks/{name}/" + (f"?{query}" if query else "")


@cache
def payloads(name: str) -> dict[str, Any]:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def mailgun(content: Any, at: datetime, secret: str) -> Signed:
    timestamp, token = str(int(at.timestamp())), uuid4().hex
    signature = hmac.new(secret.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    signed = {"signature": {"timestamp": timestamp, "token": token, "signature": signature}}
    return Signed(json.dumps(signed | content).encode(), {"content-type": "application/json"})


@cache
def ec_key(number: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def verification_key(number: str) -> str:
    key = ec_key(number).public_key()
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def sendgrid(content: Any, at: datetime, secret: str) -> Signed:
    """`secret` is a verification key; whoever signs with it holds its private half."""
    private = next((key for key in map(ec_key, ("one", "two")) if _public(key) == secret), ec_key("stranger"))
    body, timestamp = json.dumps(content).encode(), str(int(at.timestamp()))
    signature = private.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
    return Signed(
        body,
        {
            "content-type": "application/json",
            "x-twilio-email-event-webhook-signature": b64encode(signature).decode(),
            "x-twilio-email-event-webhook-timestamp": timestamp,
        },
    )


def _public(key: ec.EllipticCurvePrivateKey) -> str:
    encoded = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(encoded).decode()


def basic(content: Any, at: datetime, secret: str) -> Signed:
    login = b64encode(secret.encode()).decode()
    return Signed(json.dumps(content).encode(), {"content-type": "application/json", "authorization": f"Basic {login}"})


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate() -> bytes:
    """As Amazon's lies at its address."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    key = rsa_key()
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    builder = builder.not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def ses(content: Any, at: datetime, secret: str) -> Signed:
    """`secret` is the topic it comes from."""
    message = {
        "Type": "Notification",
        "MessageId": str(uuid4()),
        "TopicArn": secret,
        "Subject": "Amazon SES Email Event Notification",
        "Message": json.dumps(content),
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
    return envelope(message, ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"))


def subscription(topic: str, subscribe_url: str) -> Signed:
    message = {
        "Type": "SubscriptionConfirmation",
        "MessageId": str(uuid4()),
        "Token": "2336412f37",
        "TopicArn": topic,
        "Message": "You have chosen to subscribe to the topic.",
        "SubscribeURL": subscribe_url,
        "Timestamp": "2026-03-29T15:20:00.000Z",
    }
    return envelope(message, ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"))


def envelope(message: dict[str, str], signed: tuple[str, ...], certificate_url: str = CERTIFICATE) -> Signed:
    text = "".join(f"{name}\n{message[name]}\n" for name in signed)
    signature = rsa_key().sign(text.encode(), padding.PKCS1v15(), SHA256())
    message |= {"SignatureVersion": "2", "Signature": b64encode(signature).decode(), "SigningCertURL": certificate_url}
    kind = {"content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": message["Type"]}
    return Signed(json.dumps(message).encode(), kind)


def twilio(content: Any, at: datetime, secret: str, query: str = "", token: str = "") -> Signed:
    signature = RequestValidator(secret).compute_signature(url_of("twilio", query), content)
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
    headers["i-twilio-idempotency-token"] = token or uuid4().hex
    return Signed(urlencode(content).encode(), headers, query)


def generic(content: Any, at: datetime, secret: str) -> Signed:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    number, timestamp = f"msg_{uuid4().hex}", str(int(at.timestamp()))
    key = b64decode(secret.removeprefix("whsec_"))
    signature = hmac.new(key, f"{number}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return Signed(
        body,
        {
            "content-type": "application/json",
            "webhook-id": number,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{b64encode(signature).decode()}",
        },
    )


@dataclass(frozen=True)
class Caller:
    """A provider, two secrets that are good, and one that is not."""

    name: str
    sign: Callable[[Any, datetime, str], Signed]
    secrets: tuple[str, str]
    stranger: str
    is_timed: bool = False
    signs_the_body: bool = True

    @property
    def variable(self) -> str:
        return senders()[self.name].variable

    @property
    def example(self) -> Any:
        return next(iter(payloads(self.name).values()))["call"]

    def good(self, at: datetime) -> Signed:
        return self.sign(self.example, at, self.secrets[0])


def _whsec(letter: str) -> str:
    return "whsec_" + b64encode(letter.encode() * 32).decode()


CALLERS = (
    Caller("mailgun", mailgun, ("key-one", "key-two"), "key-stranger", is_timed=True, signs_the_body=False),
    Caller("sendgrid", sendgrid, (verification_key("one"), verification_key("two")), "stranger", is_timed=True),
    Caller("postmark", basic, ("regulars:one", "regulars:two"), "regulars:three", signs_the_body=False),
    Caller("brevo", basic, ("regulars:one", "regulars:two"), "regulars:three", signs_the_body=False),
    Caller("ses", ses, (TOPIC, f"{TOPIC}-two"), f"{TOPIC}-stranger"),
    Caller("twilio", twilio, ("token-one", "token-two"), "token-stranger"),
    Caller("generic", generic, (_whsec("a"), _whsec("b")), _whsec("c"), is_timed=True),
)
TOLERANCE = timedelta(seconds=300)
