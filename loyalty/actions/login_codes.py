"""One-time codes: asked for by anybody, sent by email or SMS, good for one sign-in.

A code exists in the message only. The row is made first and answered for; a worker makes the code when it sends it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.shared.errors import DomainError
from config.shared.nudge import nudge
from loyalty.models import Device, LoginCode
from loyalty.queries import brand
from loyalty.rules.shopper_tokens import (
    BETWEEN_CODES,
    CODE_LASTS,
    CODES_AN_HOUR,
    CODES_AN_HOUR_BY_ADDRESS,
    MOST_TRIES,
    code_digest,
    is_code,
    new_code,
)

EMAIL, SMS = "email", "sms"
CHANNELS = (EMAIL, SMS)
HOUR = timedelta(hours=1)
LEASE = timedelta(minutes=1)
FORGOTTEN_AFTER = timedelta(days=1)
logger = logging.getLogger(__name__)


class NoSms(DomainError):
    code = "no_sms"


class WrongCode(DomainError):
    code = "wrong_code"


class TooManyCodes(DomainError):
    """`seconds`: when to ask again."""

    code = "too_many_codes"

    def __init__(self, wait: timedelta) -> None:
        self.seconds = max(1, -int(-wait.total_seconds() // 1))
        told = _("Wait %(time)s before you ask for another code.")
        super().__init__(told % {"time": _in_words(self.seconds)})


class MayNotLeave(Exception):
    """Nothing may be sent to this address, not even what was asked for."""


@dataclass(frozen=True, kw_only=True)
class CodeMessage:
    """A code as it is to reach somebody. `subject` says all of it in one line."""

    channel: str
    to: str
    subject: str
    text: str


HandOver = Callable[[CodeMessage], None]


@transaction.atomic
def ask_for_code(
    *, channel: str, destination: str, now: datetime, language: str = "", address: str | None
) -> LoginCode:
    """A code will be sent to this email or phone, whether or not somebody of ours has it.

    `destination` is normal (loyalty.rules.contacts). Raises NoSms, TooManyCodes.
    """
    if channel not in settings.CHANNELS:
        raise NoSms(_("This shop sends codes by email only. Sign in with your email address."))
    _slow_down(channel, destination, address, now)
    asked = LoginCode.objects.create(
        channel=channel,
        destination=destination,
        language=language,
        address=address,
        created_at=now,
        expires_at=now + CODE_LASTS,
    )
    nudge("campaigns.send_login_codes")
    return asked


def _slow_down(channel: str, destination: str, address: str | None, now: datetime) -> None:
    """An address on which this member has signed in before has an allowance of its own, so that a stranger who
    asks for codes in somebody's name does not shut them out. Raises TooManyCodes.
    """
    with connection.cursor() as cursor:  # of several who ask at once for one destination, each is counted
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"login code:{destination}"])
    lately = LoginCode.objects.filter(created_at__gt=now - HOUR)
    here = lately.filter(destination=destination)
    if _is_known_at(channel, destination, address):
        here = here.filter(address=address)
    _refuse_over(here, CODES_AN_HOUR, now)
    newest = here.order_by("-created_at").values_list("created_at", flat=True).first()
    if newest and now - newest < BETWEEN_CODES:
        raise TooManyCodes(newest + BETWEEN_CODES - now)
    if address:
        _refuse_over(lately.filter(address=address), CODES_AN_HOUR_BY_ADDRESS, now)


def _is_known_at(channel: str, destination: str, address: str | None) -> bool:
    contact = {EMAIL: "member__email", SMS: "member__phone"}[channel]
    return Device.objects.filter(**{contact: destination}, address=address, address__isnull=False).exists()


def _refuse_over(codes: QuerySet[LoginCode], most: int, now: datetime) -> None:
    made = codes.order_by("-created_at").values_list("created_at", flat=True)[:most]
    if len(made) == most:
        raise TooManyCodes(made[most - 1] + HOUR - now)


def waiting_codes(now: datetime) -> QuerySet[LoginCode]:
    """Not sent, not too old, and in nobody's hands: a worker's lease lapses when it dies."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return LoginCode.objects.filter(free, sent_at=None, expires_at__gt=now)


def send_codes(*, hand_over: HandOver, now: datetime) -> int:
    """Send every code that was asked for and has not left; how many went out. The sweep asks again.

    `hand_over` knows the gate and the channels. It raises MayNotLeave, or anything else for "not now".
    """
    return sum(_send(asked, hand_over, now) for asked in waiting_codes(now).order_by("pk"))


def _send(asked: LoginCode, hand_over: HandOver, now: datetime) -> bool:
    code, lease, row = new_code(), now + LEASE, LoginCode.objects.filter(pk=asked.pk)
    digest = code_digest(code, asked=asked.public_id, secret=settings.SECRET_KEY)
    if not waiting_codes(now).filter(pk=asked.pk).update(digest=digest, claimed_until=lease):
        return False
    try:
        hand_over(_written(asked, code))
    except MayNotLeave as refusal:
        logger.warning("Login code %s may not leave: %s", asked.pk, refusal)
        row.update(expires_at=now, claimed_until=None)
        return False
    except Exception:
        logger.exception("Login code %s could not be sent; it is tried again.", asked.pk)
        row.filter(claimed_until=lease).update(claimed_until=None)
        return False
    row.update(sent_at=now, claimed_until=None)
    return True


def _written(asked: LoginCode, code: str) -> CodeMessage:
    shop = brand.brand()
    context = {"code": code, "brand": shop, "minutes": int(CODE_LASTS.total_seconds() // 60)}
    with translation.override(asked.language or None):
        text = render_to_string("emails/login_code.txt", context)
        subject = _("%(code)s is your code for %(shop)s") % {"code": code, "shop": shop.name}
    return CodeMessage(channel=asked.channel, to=asked.destination, subject=subject, text=text)


def right_code(*, asked_id: Any, code: str, now: datetime) -> LoginCode:
    """The row behind a code that is right and unused. Raises WrongCode.

    Each look costs a try, and a right code gives it back: guesses sent side by side are no more than five, too.
    """
    open_codes = LoginCode.objects.filter(public_id=asked_id, used_at=None, expires_at__gt=now)
    if not open_codes.filter(wrong_tries__lt=MOST_TRIES).update(wrong_tries=F("wrong_tries") + 1):
        raise WrongCode(_("This code is used up or too old. Ask for a new one."))
    asked = open_codes.first()
    if asked is None or not is_code(code, bytes(asked.digest), asked=asked.public_id, secret=settings.SECRET_KEY):
        raise WrongCode(_("This is not the code we sent. Look at the newest message, or ask for a new code."))
    open_codes.update(wrong_tries=F("wrong_tries") - 1)
    return asked


def use_code(asked: LoginCode, *, now: datetime) -> None:
    """Raises WrongCode: of two who show it at once, one gets in."""
    if not LoginCode.objects.filter(pk=asked.pk, used_at=None).update(used_at=now):
        raise WrongCode(_("This code has just been used. Ask for a new one."))


def forget_old_codes(*, now: datetime) -> None:
    LoginCode.objects.filter(created_at__lt=now - FORGOTTEN_AFTER).delete()


def _in_words(seconds: int) -> str:
    if seconds < 120:
        return ngettext("%(number)s second", "%(number)s seconds", seconds) % {"number": seconds}
    minutes = -(-seconds // 60)
    return ngettext("%(number)s minute", "%(number)s minutes", minutes) % {"number": minutes}
