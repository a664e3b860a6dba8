"""Emails and phone numbers: one way to write each, and how they look to those who may not read them."""

import re
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.tzdata import TIMEZONE_DATA

PHONE_START = len("+1AAABBB")
PLAIN_LOCAL_PART = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*")


class NotAnAddress(ValueError):
    """This cannot be an email address or phone number. The message says why."""


def normal_email(text: str) -> str:
    """Lower case, trimmed, international domains in their usual form. Asks no server."""
    email = text.strip().lower()
    local, _, domain = email.rpartition("@")
    # Nearly every address is plain, and shares its domain with many: a file of a million lines takes this way.
    if len(local) <= 64 and PLAIN_LOCAL_PART.fullmatch(local) and _normal_domain(domain) == domain:
        return email
    return _validated(email)


def _validated(email: str) -> str:
    try:
        return validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise NotAnAddress(f"“{email[:80]}” is not an email address: {error}") from None


@lru_cache(maxsize=4_096)
def _normal_domain(domain: str) -> str | None:
    """None for a domain that no address can have."""
    try:
        return _validated(f"x@{domain}").partition("@")[2]
    except NotAnAddress:
        return None


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


@lru_cache(maxsize=20_000)
def zone_of_phone(phone: str) -> str | None:
    """The time zone an E.164 number belongs to, or None when it may belong to several: toll-free ones do to all.

    North America's numbers tell it by their first seven digits, all others by their country. So `PHONE_START` of a
    number has the zone of the whole, and a million of them have few starts.
    """
    digits = phone.removeprefix("+")
    if digits.startswith("1"):
        known = (digits[:length] for length in range(7, 0, -1))
    else:
        known = (digits[:length] for length in (1, 2, 3) if int(digits[:length] or 0) in COUNTRY_CODE_TO_REGION_CODE)
    zones = next((TIMEZONE_DATA[start] for start in known if start in TIMEZONE_DATA), ())
    return zones[0] if len(zones) == 1 else None


def masked_email(email: str | None) -> str:
    """`ada@example.com` gives a•••@e•••: enough to tell two apart, too little to write to."""
    if not email:
        return ""
    local, _, domain = email.partition("@")
    return f"{local[:1]}•••@{domain[:1]}•••"


def masked_phone(phone: str | None) -> str:
    """+12125550123 gives •••23."""
    return f"•••{phone[-2:]}" if phone else ""
