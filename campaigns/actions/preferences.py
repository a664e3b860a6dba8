"""What members decide on the pages behind the links of a message."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from campaigns.actions import touches
from campaigns.models import Send
from campaigns.queries.preferences import Choice, choices_of, language_of, reader_of
from campaigns.sending import dispatch
from loyalty.actions.members import set_consent
from loyalty.actions.profiles import change_profile
from loyalty.models import Consent

PAGE = "preference page"
LINK, LINK_WORDS = "unsubscribe link", "Unsubscribe link in a message"


@transaction.atomic
def stop_marketing(*, send: Send, address: str | None, now: datetime) -> None:
    """No more marketing on the channel of `send`. Doing it twice changes nothing."""
    touches.unsubscribe(send=send, address=address, now=now)
    reader = reader_of(send)
    if reader != send.member:
        set_consent(
            member=reader, channel=send.channel, is_granted=False, wording=LINK_WORDS, source=LINK, address=address,
            now=now,
        )  # fmt: skip


@transaction.atomic
def choose(*, send: Send, wishes: Mapping[str, bool], language: str, address: str | None, now: datetime) -> None:
    """Keep what the reader of `send` changed: `wishes` by `Choice.key`, and the language of their messages.

    What they are not offered is left as it is, and so is an empty language.
    """
    reader = reader_of(send)
    dispatch.hold_members([send.member_id, reader.pk])
    for choice in choices_of(send):
        wish = wishes.get(choice.key, choice.is_granted)
        if wish != choice.is_granted:
            set_consent(
                member=reader, channel=choice.channel, topic=choice.topic, is_granted=wish, wording=choice.wording,
                source=PAGE, address=address, now=now,
            )  # fmt: skip
            if not wish and _is_what_brought_them(choice, send):
                touches.unsubscribe(send=send, address=address, now=now)
    if language and language != language_of(reader):
        change_profile(member=reader, language=language, now=now)


def _is_what_brought_them(choice: Choice, send: Send) -> bool:
    """Then the message counts as one that somebody unsubscribed by. Their words are kept already."""
    return choice.channel == send.channel and choice.topic == Consent.Topic.MARKETING
