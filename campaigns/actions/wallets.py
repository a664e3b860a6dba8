"""Members' cards in the wallets of their phones: loyalty knows what they show, a wallet knows how phones are told."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from campaigns.queries.brand_kit import brand_kit
from config.shared.clock import ticking
from integrations.alerts.telling import tell_staff
from integrations.models import StaffAlert
from integrations.wallets.base import Answer, Card, Field, File, Look, Word, wallet
from loyalty.actions import wallet as passes
from loyalty.actions.wallet import Due
from loyalty.models import Business, WalletPass
from loyalty.rules import colours, proofs

AT_ONCE = 200
# How long before the certificate ends staff are told, and told again.
ENDS_SOON = (timedelta(days=30), timedelta(days=7), timedelta(0))
# How long one run tells phones at most; the next goes on.
LONGEST_RUN = timedelta(seconds=30)
# Without a word from them how long to wait.
AGAIN_AFTER = timedelta(minutes=1)
SERVICE = "/wallet"
logger = logging.getLogger(__name__)


def file_of(row: WalletPass) -> File:
    """The pass as it is now, in its member's language. Raises CannotMakePass."""
    with translation.override(row.member.language or settings.LANGUAGE_CODE):
        return wallet(row.kind).file_of(_card(row))


def _card(row: WalletPass) -> Card:
    shop = Business.objects.get(pk=1)
    is_void = row.voided_at is not None
    background = brand_kit().button_colour or shop.accent
    return Card(
        serial=str(row.public_id),
        token=proofs.pass_token(row.public_id, settings.SECRET_KEY),
        service_url=f"{settings.PUBLIC_URL}{SERVICE}",
        title=_("Your card of %(shop)s") % {"shop": shop.name},
        look=Look(shop=shop.name, background=background, text=colours.readable_on(background), logo=bytes(shop.logo)),
        headline=[] if is_void else [Field(name="points", label=_("Points"), value=row.points)],
        details=[] if is_void else _details(row),
        back=[] if is_void else _back(shop),
        code="" if is_void else proofs.pass_text(row.public_id, settings.SECRET_KEY),
        is_void=is_void,
    )


def _details(row: WalletPass) -> list[Field]:
    told = (("name", _("Member"), row.name), ("tier", _("Tier"), row.tier))
    return [Field(name=name, label=label, value=value) for name, label, value in told if value]


def _back(shop: Business) -> list[Field]:
    told = (
        ("use", _("How to use it"), _("Show this code at the till to earn points.")),
        ("app", _("Rewards, points and settings"), f"{settings.PUBLIC_URL}/"),
        ("website", shop.name, shop.website),
    )
    return [Field(name=name, label=label, value=value) for name, label, value in told if value]


# --- Telling phones ------------------------------------------------------------------------------------------------


def keep_wallets(*, now: datetime) -> int:
    """Bring passes up to date, and tell the phones that have them; how many passes were told of."""
    if not settings.WALLETS:
        return 0
    passes.bring_up_to_date(now=now)
    clock, told = ticking(now), 0
    while clock() < now + LONGEST_RUN and (due := passes.claim_due(now=clock(), most=AT_ONCE)):
        told += _tell(due, clock())
    return told


def _tell(due: Sequence[Due], now: datetime) -> int:
    tokens = sorted({token for each in due for token in each.tokens})
    answers = dict(zip(tokens, wallet(WalletPass.Kind.APPLE).tell_changed(tokens), strict=True)) if tokens else {}
    passes.forget_phones([token for token, answer in answers.items() if answer.word == Word.GONE])
    refused = {each: wait for each in due if (wait := _wait([answers[token] for token in each.tokens])) is not None}
    told = [each for each in due if each not in refused]
    passes.note_told(told, now=now)
    passes.put_off(refused, now=now)
    if refused:
        why = next(answer.why for answer in answers.values() if answer.word == Word.REFUSED)
        logger.warning("%d passes could not be told of, and are tried again. %s", len(refused), why)
    _tell_staff_of_refusals({answer.why for answer in answers.values() if answer.is_ours_to_mend}, now)
    return len(told)


def _tell_staff_of_refusals(reasons: set[str], now: datetime) -> None:
    """Of each once a month."""
    for why in sorted(reasons):
        tell_staff(
            key=f"wallet {why} {now:%Y-%m}"[:150],
            severity=StaffAlert.Severity.WARNING,
            title="Apple refuses to tell phones of changed cards",
            text=f"{why}. Those phones keep their cards and are tried again. If no card brings itself up to date any "
            "more, see that APPLE_PASS_CERTIFICATE is of the APPLE_PASS_TYPE_ID with which the cards were made; if "
            "the others do, it is those phones alone, and there is nothing to do.",
            link=settings.PUBLIC_URL,
            now=now,
        )


def _wait(answers: Sequence[Answer]) -> timedelta | None:
    """None when no phone of a pass has to be told again."""
    waits = [answer.wait or AGAIN_AFTER for answer in answers if answer.word == Word.REFUSED]
    return max(waits, default=None)


# --- The certificate -----------------------------------------------------------------------------------------------


def look_at_certificate(*, now: datetime) -> None:
    """Tell staff in time, once for each of ENDS_SOON. Asked once a day."""
    if settings.APPLE_PASS is None:
        return
    ends_at = settings.APPLE_PASS.ends_at
    near = [before for before in ENDS_SOON if now >= ends_at - before]
    if not near:
        return
    has_ended = now >= ends_at
    text = (
        f"It {'ended' if has_ended else 'ends'} on {ends_at:%B %-d, %Y}. From then on no phone takes a new card, and "
        "those that have one hear of no change. Make a new certificate for the same pass type at Apple, and set it."
    )
    tell_staff(
        key=f"wallet certificate {ends_at:%Y-%m-%d} {min(near).days}",
        severity=StaffAlert.Severity.ERROR if has_ended else StaffAlert.Severity.WARNING,
        title="The certificate for Apple Wallet",
        text=text,
        link=settings.PUBLIC_URL,
        now=now,
    )
