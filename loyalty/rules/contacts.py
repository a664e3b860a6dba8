"""Emails and phone numbers: one way to write each, and how they look to those who may not read them."""

from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email


class NotAnAddress(ValueError):
    """This cannot be an email address or phone number. The message says why."""


@lru_cache(maxsize=20_000)
def normal_email(text: str) -> str:
    """Lower case, trimmed, international domains in their usual form. Asks no server."""
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise NotAnAddress(f"“{text[:80]}” is not an email address: {error}") from None


@lru_cache(maxsize=20_000)
def normal_phone(text: str, region: str = "US") -> str:
    """E.164, such as +12125550123. Numbers without a country code are read as `region`'s."""
    try:
        number = phonenumbers.parse(text.strip(), region)
    except phonenumbers.NumberParseException:
        raise NotAnAddress(f"“{text[:40]}” is not a phone number.") from None
    if not phonenumbers.is_possible_number(number):
        raise NotAnAddress(f"“{text[:40]}” has the wrong number of digits for a phone number.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def masked_email(email: str | None) -> str:
    """`ada@example.com` gives a•••@e•••: enough to tell two apart, too little to write to."""
    if not email:
        return ""
    local, _, domain = email.partition("@")
    return f"{local[:1]}•••@{domain[:1]}•••"


def masked_phone(phone: str | None) -> str:
    """+12125550123 gives •••23."""
    return f"•••{phone[-2:]}" if phone else ""
