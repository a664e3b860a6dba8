"""Apple Wallet: a .pkpass is a zip of pass.json, pictures, a manifest of their digests, and a signature of that.

https://developer.apple.com/documentation/walletpasses
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from django.conf import settings

from config.wallet import AppleIdentity
from integrations.wallets import apns
from integrations.wallets.base import Answer, CannotMakePass, Card, Field, File
from integrations.wallets.pictures import pictures_of

CONTENT_TYPE = "application/vnd.apple.pkpass"
# The same content is the same file, byte for byte.
_EPOCH = (2020, 1, 1, 0, 0, 0)


class AppleWallet:
    def __init__(self) -> None:
        if (identity := settings.APPLE_PASS) is None:
            raise CannotMakePass("APPLE_PASS_TYPE_ID and what belongs to it are not set.")
        self._identity: AppleIdentity = identity
        self.pass_type = self._identity.pass_type

    def file_of(self, card: Card) -> File:
        parts = {"pass.json": _json(self._written(card)), **pictures_of(card.look)}
        manifest = _json({name: hashlib.sha1(content).hexdigest() for name, content in parts.items()})  # noqa: S324  # Apple's choice
        parts |= {"manifest.json": manifest, "signature": _signature(self._identity, manifest)}
        return File(name="card.pkpass", content=_zipped(parts), content_type=CONTENT_TYPE)

    def tell_changed(self, tokens: Sequence[str]) -> list[Answer]:
        return apns.tell_changed(tokens, identity=self._identity, url=settings.APNS_URL)

    def _written(self, card: Card) -> dict[str, Any]:
        """As Apple's “Pass” names it. Without a change message an update shows nothing on the lock screen: what is
        written to members passes the gate, and nothing else is."""
        look = card.look
        told: dict[str, Any] = {
            "formatVersion": 1,
            "passTypeIdentifier": self.pass_type,
            "teamIdentifier": self._identity.team,
            "serialNumber": card.serial,
            "organizationName": look.shop,
            "description": card.title,
            "logoText": look.shop,
            "backgroundColor": _rgb(look.background),
            "foregroundColor": _rgb(look.text),
            "labelColor": _rgb(look.text),
            "webServiceURL": card.service_url,
            "authenticationToken": card.token,
            "sharingProhibited": True,
            "storeCard": {
                "headerFields": _fields(card.headline),
                "secondaryFields": _fields(card.details),
                "backFields": _fields(card.back),
            },
        }
        if card.is_void:
            told["voided"] = True
        if card.code:
            code = {"format": "PKBarcodeFormatQR", "message": card.code, "messageEncoding": "iso-8859-1"}
            told["barcodes"] = [code]
        return told


def _fields(fields: Sequence[Field]) -> list[dict[str, Any]]:
    return [{"key": field.name, "label": field.label, "value": field.value} for field in fields]


def _rgb(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _signature(identity: AppleIdentity, manifest: bytes) -> bytes:
    """PKCS #7, detached, with the certificate that stands between ours and Apple's root."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(manifest)
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    try:
        signed = builder.add_signer(identity.certificate, identity.key, SHA256())
        return signed.add_certificate(identity.intermediate).sign(Encoding.DER, options)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CannotMakePass("APPLE_PASS_CERTIFICATE cannot sign: make it anew at Apple.") from error


def _zipped(parts: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
