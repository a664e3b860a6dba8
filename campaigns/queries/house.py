"""What the texts of this shop are held to, and how often its members may be written to."""

from campaigns.models import BrandVoice, FrequencyCap
from campaigns.rules.guard import House
from campaigns.rules.proposals import Cap
from loyalty.models import Consent, Reward
from loyalty.queries.brand import business
from loyalty.queries.rewards import policies_in_force, states_for
from loyalty.rules.reward_policies import denial


def brand_voice() -> BrandVoice:
    """The one row; config.shipped writes it."""
    return BrandVoice.objects.get(pk=1)


def house() -> House:
    vertical, voice, policies = business().vertical, brand_voice(), policies_in_force()
    states = states_for(None) if policies else frozenset()

    def denied(kind: str) -> str:
        return denial(policies, states=states, vertical=vertical, kind=kind)

    return House(
        vertical=vertical,
        forbidden=voice.lines(voice.forbidden_words),
        required=voice.lines(voice.required_words),
        claims=voice.lines(voice.claims),
        no_gifts=denied(Reward.Kind.ITEM),
        no_discounts=denied(Reward.Kind.DISCOUNT),
    )


def planned_caps() -> tuple[Cap, ...]:
    """Those that hold for marketing: one for the topic goes before one for all."""
    rows = FrequencyCap.objects.filter(topic__in=["", Consent.Topic.MARKETING]).order_by("topic")
    return tuple({row.channel: Cap(row.channel, row.most, row.days) for row in rows}.values())
