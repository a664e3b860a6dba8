"""Amazon SES, whose events come by SNS: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns.html"""

from collections.abc import Sequence

from integrations.inbound.base import Call, Forged, Kept, Report, Sender
from integrations.inbound.fields import text
from integrations.inbound.senders.ses import sns
from integrations.inbound.senders.ses.translate import translated


class Ses(Sender):
    """Anybody may have SNS sign a message to us, so the topics it may come from are named, too."""

    name, label, variable = "ses", "Amazon SES", "SES_TOPIC_ARNS"
    where = "SNS → Topics: make a topic, add an HTTPS subscription with this address without raw message delivery, and "
    where += "name the topic as the destination of your configuration set. It is confirmed by itself."
    is_quick = False

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        envelope = sns.envelope(call.body)
        if text(envelope, "TopicArn") not in secrets:
            raise Forged("It comes from a topic that is not named in SES_TOPIC_ARNS.")
        sns.verify(envelope)

    def identity(self, call: Call) -> bytes:
        """The signature covers some fields only, so a body with other spaces between them is the same."""
        envelope = sns.envelope(call.body)
        return ":".join(text(envelope, name) for name in ("TopicArn", "Type", "MessageId")).encode("utf-8", "replace")

    def welcome(self, call: Call) -> None:
        envelope = sns.envelope(call.body)
        if text(envelope, "Type") == "SubscriptionConfirmation":
            sns.confirm(envelope)

    def translate(self, kept: Kept) -> list[Report]:
        return translated(kept)


SENDER = Ses()
