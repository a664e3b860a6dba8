"""What the text messages of a step cost, before anybody approves it: filled in for members who would get them."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from math import ceil

from django.db.models import QuerySet

from campaigns.models import Action, Offer, Plan, PlanStep, Send
from campaigns.queries.policy import policy
from campaigns.rules.proposals import StepProposal
from campaigns.rules.wording import WordingFault
from campaigns.sending import recipients, render
from campaigns.writing import press
from campaigns.writing.press import CannotPress
from integrations.rules import sms
from loyalty.models import Consent, Member

# A long name makes a longer text, and a letter of another alphabet a dearer one: so many are filled in and counted.
SAMPLE = 200
_OF_MEMBER = [name.removeprefix("member__") for name in render.NEEDED if name.startswith("member__")]


@dataclass(frozen=True)
class TextPrice:
    """`foreign` are characters that make every text UCS-2; `foreign_in_some` those that only some members bring."""

    members: int
    per_member: Decimal
    price: Decimal | None
    foreign: str
    foreign_in_some: str

    @property
    def segments(self) -> int:
        return ceil(self.members * self.per_member)

    @property
    def cost(self) -> Decimal | None:
        return None if self.price is None else self.segments * self.price


def price_of(step: PlanStep, *, variant: str = "", now: datetime) -> TextPrice:
    """Of a step by SMS, as if everybody got this wording. Raises CannotPress or WordingFault where it makes no text."""
    return _priced(step, variant, recipients.audience_of(step, now=now), policy().sms_price, now)


def prices_of(plan: Plan, *, now: datetime) -> list[TextPrice]:
    """Of each of a plan's steps by SMS of which a text can be made."""
    steps = plan.steps.filter(channel=Consent.Channel.SMS, removed_at=None).select_related("plan__campaign", "offer")
    return [found for step in steps if (found := _price_or_none(step, now))]


def teller(plan: Plan, *, now: datetime) -> Callable[[StepProposal], Decimal]:
    """What the texts of a proposed step would cost; nothing where no price is set, or no text can be made."""
    if policy().sms_price is None:
        return lambda proposal: Decimal(0)

    def cost(proposal: StepProposal) -> Decimal:
        if proposal.channel != Consent.Channel.SMS:
            return Decimal(0)
        found = _price_or_none(_step_like(proposal, plan), now)
        return found.cost or Decimal(0) if found else Decimal(0)

    return cost


def _price_or_none(step: PlanStep, now: datetime) -> TextPrice | None:
    try:
        return price_of(step, now=now)
    except (CannotPress, WordingFault):
        return None


def _step_like(proposal: StepProposal, plan: Plan) -> PlanStep:
    """The plan's own where it is one already, with its template and languages; else one that is not kept."""
    wanted = {"group": proposal.group, "channel": proposal.channel, "body": proposal.body}
    own = plan.steps.filter(**wanted, day=proposal.day, removed_at=None).select_related("plan__campaign", "offer")
    return own.first() or PlanStep(
        **wanted, plan=plan, subject=proposal.subject, offer=Offer.objects.filter(code=proposal.offer or "").first()
    )


def _priced(step: PlanStep, variant: str, members: QuerySet[Member], price: Decimal | None, now: datetime) -> TextPrice:
    texts = list(_texts(step, members, now, variant))
    segments = sum(sms.size(text).segments for text in texts)
    seen = Counter(character for text in texts for character in sms.foreign(text))
    in_all = "".join(character for character, number in seen.items() if number == len(texts))
    return TextPrice(
        members=members.count() if len(texts) == SAMPLE else len(texts),
        per_member=(Decimal(segments) / (len(texts) or 1)).quantize(Decimal("0.01"), ROUND_HALF_UP),
        price=price,
        foreign=in_all,
        foreign_in_some="".join(character for character in seen if character not in in_all),
    )


def _texts(step: PlanStep, members: QuerySet[Member], now: datetime, variant: str = "") -> Iterator[str]:
    """Of some members, by their public ids: always the same ones, and no better customers than others."""
    letters = press.letters_to_show(step, variant=variant, now=now)
    writer = render.Writer()
    for member in members.select_related(*_OF_MEMBER).order_by("public_id")[:SAMPLE]:
        trial = Send(
            campaign=step.plan.campaign,
            action=Action(step=step, member=member),
            member=member,
            channel=step.channel,
            recipient=member.phone or "",
        )
        yield writer.filled(trial, press.best_for(member.language, letters)).text
