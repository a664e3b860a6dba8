from collections.abc import Mapping
from urllib.parse import parse_qsl

from integrations.inbound import keywords
from integrations.inbound.base import Kept, Kind, Report, Unreadable
from integrations.inbound.fields import joined
from integrations.inbound.keywords import Heard

STATUSES = {
    "accepted": Kind.ACCEPTED,
    "queued": Kind.ACCEPTED,
    "sending": Kind.ACCEPTED,
    "sent": Kind.ACCEPTED,
    "delivered": Kind.DELIVERED,
    "read": Kind.DELIVERED,
    "undelivered": Kind.BOUNCED,
    "failed": Kind.FAILED,
}
# https://www.twilio.com/docs/api/errors: no such number, a landline, cannot be reached by text at all.
NEVER_AGAIN = {"21211", "21214", "21217", "21614", "30005", "30006"}
# The person had said STOP, which Twilio keeps by itself.
HAS_LEFT = "21610"
CHOICES = {"STOP": Kind.UNSUBSCRIBED, "START": Kind.SUBSCRIBED, "HELP": Kind.ASKED_HELP}


def form(body: bytes) -> dict[str, str]:
    """Twilio writes no name twice."""
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def is_incoming(fields: Mapping[str, str]) -> bool:
    """A text by a person; Twilio calls the status of one `SmsStatus=received` as well."""
    return "Body" in fields and not fields.get("MessageStatus") and bool(fields.get("From"))


def told_by(fields: Mapping[str, str]) -> str:
    """One message has each status once, and is written once. Empty for what names no message."""
    number = fields.get("MessageSid") or fields.get("SmsSid") or ""
    status = "written" if is_incoming(fields) else fields.get("MessageStatus") or fields.get("SmsStatus") or ""
    return f"{number} {status}" if number else ""


def heard(fields: Mapping[str, str]) -> Heard:
    """What somebody asks for: as Twilio understood it when it says so, and then never by the text."""
    said = keywords.heard(fields.get("Body", ""))
    choice = fields.get("OptOutType", "").upper()
    return Heard(CHOICES.get(choice, Kind.OTHER), said.language) if choice else said


def translated(kept: Kept) -> list[Report]:
    """Our own id comes back in the address that Twilio was given. What somebody wrote is kept in the call alone."""
    fields = form(kept.body)
    number = fields.get("MessageSid") or fields.get("SmsSid") or ""
    if is_incoming(fields):
        return [
            Report(
                key=kept.key,
                channel="sms",
                kind=heard(fields).kind,
                provider_id=number,
                address=fields["From"],
                occurred_at=kept.received_at,
            )
        ]
    status = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
    if not number or not status:
        raise Unreadable("This is neither a message nor the status of one.")
    error = fields.get("ErrorCode", "")
    kind = Kind.UNSUBSCRIBED if error == HAS_LEFT else STATUSES.get(status, Kind.OTHER)
    return [
        Report(
            key=kept.key,
            channel="sms",
            kind=kind,
            message_id=dict(parse_qsl(kept.query)).get("message", ""),
            provider_id=number,
            address=fields.get("To", ""),
            is_permanent=error in NEVER_AGAIN,
            reason=joined([error and f"Error {error}.", fields.get("ErrorMessage", "")]),
            occurred_at=kept.received_at,
        )
    ]
