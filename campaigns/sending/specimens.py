"""A template as a message that nobody gets: for a member, or for nobody in particular."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Action, Letter, PlanStep, Send
from campaigns.rules import content as c
from campaigns.rules import wording
from campaigns.sending.render import Writer, member_values
from campaigns.writing import drafts, press
from integrations.channels.base import Message
from loyalty.models import Business, Member


@dataclass(frozen=True)
class Specimen:
    """`letter` is Liquid; `message` is filled in. `missing` are words that mean nothing for its member."""

    letter: Letter
    message: Message
    missing: list[str]


def specimen(
    content: c.Content, *, channel: str, language: str, member: Member | None, shop: Business, now: datetime
) -> Specimen:
    """Raises CannotPress and WordingFault, which say what to change."""
    letter = drafts.letter_of(content, channel=channel, language=language, now=now)
    missing = _missing(letter, member, shop) if member else []
    return Specimen(letter, filled(letter, letter.step, member, shop), missing)


def filled(letter: Letter, step: PlanStep, member: Member | None, shop: Business) -> Message:
    """Raises WordingFault."""
    if member is None:
        return _for_nobody(letter, step, shop)
    recipient = {"email": member.email, "sms": member.phone}.get(step.channel) or ""
    unsent = Send(
        campaign=step.plan.campaign,
        action=Action(step=step, member=member),
        member=member,
        channel=step.channel,
        recipient=recipient,
    )
    return Writer(shop).filled(unsent, letter, is_counted=False)


def _for_nobody(letter: Letter, step: PlanStep, shop: Business) -> Message:
    """Of a member only examples; the shop and the offer are the true ones."""
    values = drafts.example_values(letter)
    values["business"] = {"name": shop.name, "website": shop.website, "address": shop.address}
    if step.promise:
        values["offer"] = step.promise
    return Message(
        id="",
        to="",
        subject=" ".join(wording.fill(letter.subject, values).split()),
        text=wording.fill(letter.text, values),
        html=wording.fill_html(letter.html, values),
    )


def _missing(letter: Letter, member: Member, shop: Business) -> list[str]:
    """Words that the letter uses and that mean nothing for `member`, or no more than a stopgap."""
    values, used = member_values(member, letter.step, shop), words_of(letter)
    known = {
        "member.first_name": bool(member.name),
        "member.favourite": hasattr(member, "stats") and bool(member.stats.primary_category),
        "member.tier": bool(values["member"]["tier"]),
        "store.name": member.home_store is not None,
    }
    return sorted(word for word in used if not known.get(word, True))


def words_of(letter: Letter) -> set[str]:
    """Every word that `letter` uses."""
    return wording.words_in(letter.subject) | wording.words_in(letter.text) | wording.words_in(letter.html)


def choose(content: c.Content, channel: str) -> str:
    """The language to show first."""
    variants = content.variants(channel)
    return press.BASE_LANGUAGE if press.BASE_LANGUAGE in variants or not variants else next(iter(variants))
