"""What a member may choose to hear of, as the pages behind our links offer it."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from campaigns.models import Send
from loyalty.models import Member
from loyalty.queries.brand import brand
from loyalty.queries.offering import topics


@dataclass(frozen=True)
class Choice:
    """One thing to hear of by one channel, on words that are shown, and whether that is agreed to now."""

    channel: str
    topic: str
    wording: str
    is_granted: bool

    @property
    def key(self) -> str:
        return f"{self.channel}:{self.topic}"


def reader_of(send: Send) -> Member:
    """Whoever got the message, under the name they have since."""
    member = send.member
    while member.merged_into:
        member = member.merged_into
    return member


def choices_of(send: Send) -> list[Choice]:
    """What its reader agreed to, and what they may agree to: on a channel on which we have an address of theirs.

    Whoever opens a letter to an address that is theirs no more may end things, and begin none.
    """
    member = reader_of(send)
    granted = set(member.consents.filter(is_granted=True).values_list("channel", "topic"))
    open_channels = set(_channels_of(member)) if _is_theirs(send, member) else set()
    return [choice for choice in _offered(granted) if choice.is_granted or choice.channel in open_channels]


def choices_of_nobody() -> list[Choice]:
    """As a test message shows them."""
    return list(_offered(set()))


def language_of(member: Member) -> str:
    """That of their messages, of those there are; empty while nobody has said so."""
    known = {code for code, _ in settings.LANGUAGES}
    for code in (member.language, member.language.partition("-")[0]):
        if code in known:
            return code
    return ""


def _offered(granted: set[tuple[str, str]]) -> Iterator[Choice]:
    for each in topics(brand().name):
        yield Choice(each.channel, each.topic, each.wording, (each.channel, each.topic) in granted)


def _channels_of(member: Member) -> Iterator[str]:
    for channel in settings.CHANNELS:
        if Member.objects.current().filter(Member.has_address_for(channel), pk=member.pk).exists():
            yield channel


def _is_theirs(send: Send, member: Member) -> bool:
    return send.recipient in ("", member.email, member.phone)
