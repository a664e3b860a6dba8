from typing import Any

from integrations.inbound.base import Kept, Kind, Report, Unreadable
from integrations.inbound.fields import bare, joined, mapping, moment, parsed, text

# Kind, the object with the details, and in it the list of recipients.
EVENTS = {
    "Send": (Kind.ACCEPTED, "send", ""),
    "Delivery": (Kind.DELIVERED, "delivery", "recipients"),
    "DeliveryDelay": (Kind.DEFERRED, "deliveryDelay", "delayedRecipients"),
    "Bounce": (Kind.BOUNCED, "bounce", "bouncedRecipients"),
    "Complaint": (Kind.COMPLAINED, "complaint", "complainedRecipients"),
    "Reject": (Kind.FAILED, "reject", ""),
    "Rendering Failure": (Kind.FAILED, "failure", ""),
    "Subscription": (Kind.UNSUBSCRIBED, "subscription", ""),
}
NO_EVENT = {"SubscriptionConfirmation", "UnsubscribeConfirmation"}
GREETING = "Successfully validated SNS topic for Amazon SES event publishing."


def translated(kept: Kept) -> list[Report]:
    """One report for each recipient: SES tells of several in one event."""
    envelope = mapping(parsed(kept.body))
    message = text(envelope, "Message")
    if text(envelope, "Type") in NO_EVENT or message.strip() == GREETING:
        return []
    event = parsed(message)
    if not isinstance(event, dict):
        raise Unreadable("The message of SNS holds no event of SES.")
    name = text(event, "eventType", "notificationType")
    kind, where, listed = EVENTS.get(name, (Kind.OTHER, name[:1].lower() + name[1:], ""))
    details, mail = mapping(event.get(where)), mapping(event.get("mail"))
    return [
        Report(
            key=f"{text(envelope, 'MessageId') or kept.key}:{place}",
            channel="email",
            kind=_kind(kind, details),
            message_id=_message_id(mail),
            provider_id=text(mail, "messageId"),
            address=address,
            is_permanent=text(details, "bounceType") == "Permanent",
            reason=_reason(details, recipient),
            occurred_at=moment(text(details, "timestamp") or text(mail, "timestamp"), kept.received_at),
        )
        for place, (address, recipient) in enumerate(_recipients(details.get(listed), mail))
    ]


def _recipients(listed: Any, mail: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Addresses with what is said of each; without a list of its own, an event is of all the mail went to."""
    entries = listed if isinstance(listed, list) and listed else mail.get("destination")
    entries = entries if isinstance(entries, list) and entries else [""]
    return [
        (entry, {}) if isinstance(entry, str) else (text(entry, "emailAddress"), mapping(entry)) for entry in entries
    ]


def _kind(kind: Kind, details: dict[str, Any]) -> Kind:
    """A complaint may be `not-spam`; a preference may have been switched on."""
    if kind is Kind.COMPLAINED and text(details, "complaintFeedbackType") == "not-spam":
        return Kind.OTHER
    if kind is Kind.UNSUBSCRIBED:
        chosen = mapping(details.get("newTopicPreferences"))
        topics = chosen.get("topicSubscriptionStatus")
        wanted = [text(topic, "subscriptionStatus") for topic in topics] if isinstance(topics, list) else []
        if chosen.get("unsubscribeAll") is not True and "OptOut" not in wanted:
            return Kind.OTHER
    return kind


def _message_id(mail: dict[str, Any]) -> str:
    """Our own id: custom metadata comes back in a header, else the Message-ID that was there at first."""
    headers = mail.get("headers")
    for header in headers if isinstance(headers, list) else []:
        if text(header, "name").lower() == "x-metadata":
            try:
                found = text(parsed(text(header, "value")), "message_id")
            except Unreadable:
                continue
            if found:
                return bare(found)
    return bare(text(mapping(mail.get("commonHeaders")), "messageId"))


def _reason(details: dict[str, Any], recipient: dict[str, Any]) -> str:
    said = text(recipient, "diagnosticCode") or text(details, "reason", "errorMessage", "smtpResponse")
    sort = text(details, "bounceSubType", "complaintFeedbackType", "delayType")
    return joined([f"{sort}:" if sort and said else sort, said])
