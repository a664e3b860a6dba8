"""Secrets that have to be read again, such as the key of somebody's account elsewhere: sealed in the database.

Fernet (AES and HMAC-SHA256) under keys derived from SECRET_KEY by HKDF. What was sealed under one of
SECRET_KEY_FALLBACKS can be opened, too.
"""

from base64 import urlsafe_b64encode
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from config.shared.errors import DomainError


class SealBroken(DomainError):
    code = "seal_broken"


def seal(text: str) -> str:
    return _seals().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises SealBroken when it was sealed under a key that is not known any more."""
    try:
        return _seals().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise SealBroken(
            "A secret kept here cannot be read: it was sealed under another SECRET_KEY. "
            "Add that one to SECRET_KEY_FALLBACKS, or enter the secret again."
        ) from None


def _seals() -> MultiFernet:
    return MultiFernet([_fernet(str(key)) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


@cache
def _fernet(key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"regulars sealing").derive(key.encode())
    return Fernet(urlsafe_b64encode(derived))
