"""Emails and phone numbers as somebody says them to the API."""

from django.utils.translation import gettext as _
from rest_framework.serializers import ValidationError

from loyalty.rules.contacts import NotAnAddress, normal_email, normal_phone


def email_of(said: str) -> str:
    """In its one way to write it, or a refusal in the reader's language."""
    try:
        return normal_email(said)
    except NotAnAddress:
        raise ValidationError(_("“%(said)s” is not an email address.") % {"said": said.strip()[:80]}) from None


def phone_of(said: str) -> str:
    """Likewise, as E.164."""
    try:
        return normal_phone(said)
    except NotAnAddress:
        raise ValidationError(_("“%(said)s” is not a phone number.") % {"said": said.strip()[:40]}) from None
