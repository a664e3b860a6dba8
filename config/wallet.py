"""Apple Wallet: the certificate that signs passes and tells phones of changes, checked before anything starts."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

BEGINNING = "-----BEGIN "
NAMES = (
    *("APPLE_PASS_TYPE_ID", "APPLE_TEAM_ID", "APPLE_PASS_CERTIFICATE"),
    *("APPLE_PASS_KEY", "APPLE_WWDR_CERTIFICATE"),
)


@dataclass(frozen=True, eq=False)
class AppleIdentity:
    """Who signs: the certificate of a pass type, its key, and Apple's certificate between it and the root."""

    pass_type: str
    team: str
    certificate: x509.Certificate
    key: RSAPrivateKey | EllipticCurvePrivateKey = field(repr=False)
    intermediate: x509.Certificate

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def ends_at(self) -> datetime:
        """From then on phones take no new pass and hear of no change."""
        return min(self.certificate.not_valid_after_utc, self.intermediate.not_valid_after_utc)


def apple_identity(values: dict[str, str | None]) -> AppleIdentity | None:
    """None where nothing is set. Raises ValueError with the variable and what to change; never with a key inside."""
    if not any(values[name] for name in NAMES):
        return None
    if missing := [name for name in NAMES if not values[name]]:
        raise ValueError(f"{missing[0]} must be set, too: Apple Wallet needs all of {', '.join(NAMES)}.")
    told = {name: str(values[name]) for name in NAMES}
    certificate = _certificate("APPLE_PASS_CERTIFICATE", told["APPLE_PASS_CERTIFICATE"])
    intermediate = _certificate("APPLE_WWDR_CERTIFICATE", told["APPLE_WWDR_CERTIFICATE"])
    key = _key(told["APPLE_PASS_KEY"], values.get("APPLE_PASS_KEY_PASSWORD"))
    found = AppleIdentity(told["APPLE_PASS_TYPE_ID"], told["APPLE_TEAM_ID"], certificate, key, intermediate)
    _check(found)
    return found


def _check(found: AppleIdentity) -> None:
    if _public(found.key.public_key()) != _public(found.certificate.public_key()):
        raise ValueError("APPLE_PASS_KEY is not the key of APPLE_PASS_CERTIFICATE.")
    for name, oid, told in (
        ("APPLE_PASS_TYPE_ID", NameOID.USER_ID, found.pass_type),
        ("APPLE_TEAM_ID", NameOID.ORGANIZATIONAL_UNIT_NAME, found.team),
    ):
        written = [str(each.value) for each in found.certificate.subject.get_attributes_for_oid(oid)]
        if told not in written:
            raise ValueError(f"{name} is not what APPLE_PASS_CERTIFICATE says: {', '.join(written) or 'nothing'}.")
    try:
        found.certificate.verify_directly_issued_by(found.intermediate)
    except (ValueError, TypeError, InvalidSignature):
        raise ValueError(
            "APPLE_WWDR_CERTIFICATE did not issue APPLE_PASS_CERTIFICATE: take Apple's intermediate of the generation "
            "that is named as its issuer (such as G4)."
        ) from None


def _public(key: Any) -> bytes:
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _content(name: str, value: str) -> bytes:
    """The text itself, its lines ended as they are or by \\n, or the file that has it."""
    if value.lstrip().startswith(BEGINNING):
        return value.replace("\\n", "\n").encode()
    try:
        return Path(value).expanduser().read_bytes()
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror or 'no such file'}. Name a file, or PEM.") from None


def _certificate(name: str, value: str) -> x509.Certificate:
    """Apple gives its own as DER (.cer)."""
    content = _content(name, value)
    try:
        if content.lstrip().startswith(BEGINNING.encode()):
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except ValueError:
        raise ValueError(f"{name} is no certificate: PEM, or a .cer file as Apple gives it.") from None


def _key(value: str, password: str | None) -> RSAPrivateKey | EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(_content("APPLE_PASS_KEY", value), password.encode() if password else None)
    except TypeError:
        needed = "is not encrypted: set no" if password else "is encrypted: set"
        raise ValueError(f"APPLE_PASS_KEY {needed} APPLE_PASS_KEY_PASSWORD.") from None
    except UnsupportedAlgorithm:
        raise ValueError("APPLE_PASS_KEY is of a kind that cannot sign passes.") from None
    except ValueError as error:
        if str(error).startswith("APPLE_PASS_KEY"):
            raise
        raise ValueError("APPLE_PASS_KEY is no private key in PEM, or its password is another.") from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise ValueError("APPLE_PASS_KEY is of a kind that cannot sign passes.")
    return key
