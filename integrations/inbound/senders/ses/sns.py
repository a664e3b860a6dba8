"""The envelope of Amazon SNS, and whether Amazon wrote it.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import re
from base64 import b64decode
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate
from requests import RequestException

from integrations import outgoing
from integrations.inbound.base import Forged, NotNow, Unreadable
from integrations.inbound.fields import mapping, parsed, text

# Nothing else is ever asked for: neither another host nor another kind of file.
_HOST = r"https://sns\.[a-z]{2}(?:-[a-z]+)+-\d\.amazonaws\.com(?:\.cn)?"
CERTIFICATE_URL = re.compile(rf"{_HOST}/SimpleNotificationService-[0-9a-f]{{32,64}}\.pem")
CONFIRM_URL = re.compile(rf"{_HOST}/\?Action=ConfirmSubscription&[\w=&%:.-]+")
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
SIGNED["UnsubscribeConfirmation"] = SIGNED["SubscriptionConfirmation"]
HASHES = {"1": SHA1, "2": SHA256}
# By address. Amazon changes its certificate about once a year, and the address with it.
CERTIFICATES: dict[str, rsa.RSAPublicKey] = {}


def envelope(body: bytes) -> dict[str, Any]:
    try:
        return mapping(parsed(body))
    except Unreadable as error:
        raise Forged("It is no envelope of SNS.") from error


def verify(message: dict[str, Any]) -> None:
    """Raises Forged, or NotNow while Amazon's certificate cannot be had."""
    names, hashed = SIGNED.get(text(message, "Type")), HASHES.get(text(message, "SignatureVersion"))
    if names is None or hashed is None:
        raise Forged("It is of a kind, or has a signature, that is not known here.")
    signed = "".join(f"{name}\n{message[name]}\n" for name in names if isinstance(message.get(name), str))
    key = _public_key(text(message, "SigningCertURL", "SigningCertUrl"))
    try:
        key.verify(
            b64decode(text(message, "Signature")), signed.encode("utf-8", "replace"), padding.PKCS1v15(), hashed()
        )
    except (InvalidSignature, ValueError) as error:
        raise Forged("The signature is not Amazon's.") from error


def confirm(message: dict[str, Any]) -> None:
    """Tell Amazon that the subscription is wanted. Raises Forged, or NotNow when Amazon does not say yes."""
    address = text(message, "SubscribeURL")
    if not CONFIRM_URL.fullmatch(address):
        raise Forged("It is to be confirmed at an address that is not Amazon's.")
    _fetched(address)


def _public_key(address: str) -> rsa.RSAPublicKey:
    if address not in CERTIFICATES:
        if not CERTIFICATE_URL.fullmatch(address):
            raise Forged("Its certificate does not lie at Amazon.")
        try:
            key = load_pem_x509_certificate(_fetched(address)).public_key()
        except ValueError as error:
            raise NotNow("Amazon's certificate cannot be read.") from error
        if not isinstance(key, rsa.RSAPublicKey):
            raise NotNow("Amazon's certificate holds no RSA key.")
        CERTIFICATES[address] = key
    return CERTIFICATES[address]


def _fetched(address: str) -> bytes:
    """From the public internet only, and no redirect is followed: it could lead anywhere."""
    try:
        answer = outgoing.untrusted().get(address)
    except (outgoing.NotConnected, RequestException) as error:
        raise NotNow("Amazon does not answer.") from error
    if answer.status_code != 200:
        raise NotNow(f"Amazon answered {answer.status_code}.")
    return answer.content
