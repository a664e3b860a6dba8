"""The member card on a phone, read at a till."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from config.shared.errors import DomainError
from loyalty.models import Device, Member, WalletPass
from loyalty.rules import proofs


class CardNotRead(DomainError):
    code = "card_not_read"


def holder_of(*, text: str, now: datetime) -> Member:
    """Whose card this is: the app's, which counts once, or the one in their phone's wallet. Raises CardNotRead."""
    if not text.strip().startswith(proofs.PASS):
        return read_card(text=text, now=now).member
    shown = proofs.pass_in(text, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])
    passes = WalletPass.objects.select_related("member__merged_into")
    found = passes.filter(public_id=shown, voided_at=None).first() if shown else None
    member = found and (found.member.merged_into or found.member)
    if not member or member.left_at:
        raise CardNotRead(_("This card is out of date or not ours. Ask the member to open the app."))
    return member


@transaction.atomic
def read_card(*, text: str, now: datetime) -> Device:
    """The device that shows this card, with its member. A card counts once and for a minute. Raises CardNotRead."""
    card = proofs.reads_card(text, keys=[settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS], now=now)
    if card is None:
        raise CardNotRead(_("This card is out of date or not ours. Ask the member to open the app again."))
    shown = Device.objects.filter(public_id=card.device_id, ended_at=None)
    if not shown.filter(card_step__lt=card.step).update(card_step=card.step):
        raise CardNotRead(_("This card has been used, or its phone is signed out. Wait for the next code."))
    return shown.select_related("member").get()
