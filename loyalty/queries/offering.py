"""What the programme offers, told to anybody: tiers, how points are earned, stores, and what one may agree to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.utils.translation import gettext as _

from loyalty.models import Business, Consent, Programme, ReferralMilestone, Store, Tier
from loyalty.queries.brand import business
from loyalty.queries.earning_for_members import Earning, ways_to_earn
from loyalty.queries.terms import terms

CHANNELS = Consent.Channel
TOPICS = Consent.Topic


@dataclass(frozen=True)
class Topic:
    """Something to be told about by one channel, with the words a member agrees to."""

    channel: str
    topic: str
    wording: str


@dataclass(frozen=True)
class Offering:
    shop: Business
    terms: Programme
    tiers: list[Tier]
    earn: list[Earning]
    milestones: list[ReferralMilestone]
    stores: list[Store]
    topics: list[Topic]


def offering(*, today: date) -> Offering:
    shop = business()
    return Offering(
        shop=shop,
        terms=terms(),
        tiers=list(Tier.objects.order_by("threshold")),
        earn=ways_to_earn(today=today, currency=shop.currency),
        milestones=list(ReferralMilestone.objects.all()),
        stores=list(Store.objects.order_by("name")),
        topics=list(topics(shop.name)),
    )


def topics(shop: str) -> Iterator[Topic]:
    """What a member may agree to, by the channels this shop can write by; in the language of the moment."""
    for channel in (channel for channel in CHANNELS.values if channel in settings.CHANNELS):
        for topic in TOPICS.values:
            yield Topic(channel, topic, _wording(channel, topic) % {"shop": shop})


def _wording(channel: str, topic: str) -> str:
    return {
        (CHANNELS.EMAIL, TOPICS.MARKETING): _("Email me offers and news from %(shop)s. I can stop this at any time."),
        (CHANNELS.EMAIL, TOPICS.POINTS): _("Email me about my points and rewards at %(shop)s."),
        (CHANNELS.EMAIL, TOPICS.WISHLIST): _("Email me when something I wish for at %(shop)s is back or costs less."),
        (CHANNELS.SMS, TOPICS.MARKETING): _(
            "Text me offers and news from %(shop)s. Message and data rates may apply. I can stop this at any time."
        ),
        (CHANNELS.SMS, TOPICS.POINTS): _("Text me about my points and rewards at %(shop)s."),
        (CHANNELS.SMS, TOPICS.WISHLIST): _("Text me when something I wish for at %(shop)s is back or costs less."),
        (CHANNELS.PUSH, TOPICS.MARKETING): _("Notify me of offers and news from %(shop)s."),
        (CHANNELS.PUSH, TOPICS.POINTS): _("Notify me about my points and rewards at %(shop)s."),
        (CHANNELS.PUSH, TOPICS.WISHLIST): _("Notify me when something I wish for at %(shop)s is back or costs less."),
    }[CHANNELS(channel), TOPICS(topic)]
