"""Sign-in codes leave as every message does: past the gate, by a channel."""

from datetime import datetime
from uuid import uuid4

from campaigns.models.sends import sender_domain
from campaigns.sending import gate
from integrations.channels.base import Message, channel
from loyalty.actions import login_codes
from loyalty.actions.login_codes import CodeMessage, MayNotLeave
from loyalty.models import Consent
from loyalty.queries.brand import brand


def send_codes(*, now: datetime) -> int:
    """Send what was asked for and has not left; how many."""
    return login_codes.send_codes(hand_over=_hand_over, now=now)


def _hand_over(code: CodeMessage) -> None:
    """Each try is a message of its own, with a code of its own."""
    if why := gate.transactional_refusal(channel=code.channel, address=code.to, terms=gate.terms()):
        raise MayNotLeave(why)
    is_text = code.channel == Consent.Channel.SMS
    message = Message(
        id=f"{uuid4()}@{sender_domain()}",
        to=code.to,
        subject="" if is_text else code.subject,
        text=code.subject if is_text else code.text,
        sender_name=brand().name,
    )
    with channel(code.channel) as outlet:
        outlet.send(message)
