"""Passes as phones ask for them."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from loyalty.models import WalletPass, WalletPhone
from loyalty.rules import proofs


@dataclass(frozen=True)
class News:
    """The passes a phone should fetch again, and what to ask by the next time."""

    serials: list[str]
    revision: int


def pass_shown_by(serial: str, token: str) -> WalletPass | None:
    """The pass of this serial number, for whoever shows its token."""
    try:
        public_id = UUID(serial)
    except ValueError:
        return None
    if not proofs.is_pass_token(token, public_id, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]):
        return None
    return WalletPass.objects.select_related("member").filter(public_id=public_id).first()


def news_for(device_id: str, *, since: str) -> News | None:
    """What changed of a phone's passes since a revision it was told; without one, all. None: nothing."""
    after = int(since[:18]) if since.isascii() and since.isdigit() else -1
    own = WalletPhone.objects.filter(device_id=device_id, wallet_pass__revision__gt=after)
    rows = list(own.order_by("wallet_pass__revision").values_list("wallet_pass__public_id", "wallet_pass__revision"))
    return News([str(public_id) for public_id, _revision in rows], rows[-1][1]) if rows else None
