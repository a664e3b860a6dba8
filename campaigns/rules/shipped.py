"""The offers and playbooks a new copy starts with. A shop changes them as it learns."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class ShippedOffer:
    code: str
    name: str
    wording: str
    cost: str


@dataclass(frozen=True)
class ShippedPlaybook:
    group: str
    name: str
    aim: str
    tone: str
    offers: tuple[str, ...]
    subject: str
    body: str


@dataclass(frozen=True)
class ShippedRuling:
    vertical: str
    channel: str
    provider: str
    verdict: str
    reason: str
    source: str


@dataclass(frozen=True)
class ShippedHours:
    state: str
    send_from: int
    send_until: int
    source: str
    sunday_from: int | None = None


# A beginning, and no legal advice: each row names what it rests on, and the day somebody read that.
READ_ON = date(2026, 11, 21)
_TWILIO = "Twilio Messaging Policy, restricted and forbidden content"

RULINGS = (
    ShippedRuling("CANNABIS", "sms", "twilio", "deny", "Twilio carries no messages about cannabis.", _TWILIO),
    ShippedRuling(
        "LIQUOR", "sms", "twilio", "gate", "Twilio carries messages about alcohol only behind an age gate.", _TWILIO
    ),
)
# For text messages. Where a state is not named, the shop's own hours hold, which federal law wants within 8 to 21.
STATE_HOURS = (
    ShippedHours("CT", 9, 20, "Connecticut Public Act 23-98"),
    ShippedHours("FL", 8, 20, "Florida Statutes §501.616(6)(a)"),
    ShippedHours("MD", 8, 20, "Maryland Stop the Spam Calls Act of 2023, Commercial Law §14-4501 ff."),
    ShippedHours("OK", 8, 20, "Oklahoma Telephone Solicitation Act of 2022, 15 O.S. §775C"),
    ShippedHours("TX", 9, 21, "Texas Business and Commerce Code §301.051, with SB 140 of 2025", sunday_from=12),
    ShippedHours("WA", 8, 20, "RCW 80.36.390, as amended in 2022"),
)

OFFERS = (
    ShippedOffer("double-points", "Double points", "double points on everything in your next visit", "1.50"),
    ShippedOffer("bonus-100", "100 bonus points", "100 bonus points with your next purchase", "1.00"),
    ShippedOffer("tasting", "A place at our tasting", "a place at our next tasting, on us", "3.00"),
    ShippedOffer(
        "early-access", "Early access", "first pick of this week's new arrivals, a day before everybody else", "0.00"
    ),
    ShippedOffer("gift-glass", "A tasting glass", "a tasting glass to keep with your next purchase", "4.00"),
)

_SIGNED = "\n\nSee you at {{ store.name }},\n{{ business.name }}"

PLAYBOOKS = (
    ShippedPlaybook(
        "champions",
        "Thank the champions",
        "Keep the best customers feeling known, without giving margin away.",
        "warm and personal, like a note from the owner",
        ("early-access", "tasting"),
        "{{ member.first_name }}, first pick is yours",
        "Hello {{ member.first_name }},\n\nfew people know our shelves as you do. As a thank-you we are keeping for you "
        "{{ offer.wording }}.\n\nYou have {{ member.points }} points with us." + _SIGNED,
    ),
    ShippedPlaybook(
        "loyal",
        "Give regulars a reason to bring a friend's favourite",
        "Widen what loyal members buy beyond their usual.",
        "friendly, curious about their taste",
        ("bonus-100", "early-access"),
        "Something beside {{ member.favourite | downcase }}, {{ member.first_name }}?",
        "Hello {{ member.first_name }},\n\nwe know you for {{ member.favourite | downcase }}. This week our staff picked "
        "a few bottles from the next shelf that people with your taste come back for.\n\nTry one and get "
        "{{ offer.wording }}." + _SIGNED,
    ),
    ShippedPlaybook(
        "potential_loyalists",
        "From now and then to every week",
        "Turn recent, occasional buyers into regulars.",
        "encouraging, brief",
        ("double-points", "bonus-100"),
        "{{ member.points }} points and counting",
        "Hello {{ member.first_name }},\n\nyou are well on your way: {{ member.points }} points so far.\n\nThis week "
        "there is more in it for you: {{ offer.wording }}." + _SIGNED,
    ),
    ShippedPlaybook(
        "new",
        "A welcome worth a second visit",
        "Bring first-time buyers back within a month.",
        "welcoming, says who we are",
        ("bonus-100", "gift-glass"),
        "Good to have met you, {{ member.first_name }}",
        "Hello {{ member.first_name }},\n\nthank you for your first visit. Every purchase earns points; you have "
        "{{ member.points }} already.\n\nCome by again and get {{ offer.wording }}." + _SIGNED,
    ),
    ShippedPlaybook(
        "promising",
        "Make the second habit",
        "Raise how often recent, small buyers come.",
        "light, practical",
        ("double-points",),
        "Your next visit counts double",
        "Hello {{ member.first_name }},\n\nnext time you need something for the weekend, it pays to come to us: "
        "{{ offer.wording }}." + _SIGNED,
    ),
    ShippedPlaybook(
        "need_attention",
        "Before the habit fades",
        "Bring good customers back before they drift away.",
        "attentive, no pressure",
        ("double-points", "tasting"),
        "We kept {{ member.favourite | downcase }} in for you",
        "Hello {{ member.first_name }},\n\nit has been a while, and there are new arrivals among "
        "{{ member.favourite | downcase }} since you last looked.\n\nFor your next visit: {{ offer.wording }}."
        + _SIGNED,
    ),
    ShippedPlaybook(
        "about_to_sleep",
        "A nudge at the usual time",
        "Remind fading buyers of us on the day they used to shop.",
        "short, cheerful",
        ("bonus-100", "double-points"),
        "Stopping by this week, {{ member.first_name }}?",
        "Hello {{ member.first_name }},\n\nif you are planning your week: we have {{ offer.wording }} waiting for you."
        + _SIGNED,
    ),
    ShippedPlaybook(
        "at_risk",
        "Win back who used to come often",
        "Bring back good customers who have stayed away.",
        "honest, appreciative, asks what we could do better",
        ("double-points", "gift-glass"),
        "We miss you, {{ member.first_name }}",
        "Hello {{ member.first_name }},\n\nyou used to come often, and we noticed you have not been in lately. If "
        "something was not right, answer this message and tell us.\n\nTo make it easy to try us again: "
        "{{ offer.wording }}.\n\nYour {{ member.points }} points are still here." + _SIGNED,
    ),
    ShippedPlaybook(
        "cannot_lose",
        "A word from the owner",
        "Win back the few whose spending matters most.",
        "personal, generous, from the owner",
        ("gift-glass", "tasting"),
        "{{ member.first_name }}, a word from the owner",
        "Hello {{ member.first_name }},\n\nyou have been one of our best customers, and I would like to see you again. "
        "On your next visit there is {{ offer.wording }}, no strings attached.\n\nYour {{ member.points }} points have "
        "not gone anywhere." + _SIGNED,
    ),
    ShippedPlaybook(
        "hibernating",
        "What is new since last time",
        "Wake up a few of those who have not bought for long.",
        "informative, low-key",
        ("double-points",),
        "What is new since you were last here",
        "Hello {{ member.first_name }},\n\na lot has changed on our shelves since your last visit. Have a look; this "
        "week with {{ offer.wording }}." + _SIGNED,
    ),
    ShippedPlaybook(
        "lost",
        "One last hello",
        "Find out who still wants to hear from us.",
        "plain, respectful",
        ("bonus-100",),
        "Shall we stay in touch, {{ member.first_name }}?",
        "Hello {{ member.first_name }},\n\nwe have not seen you for a long time. If you would like to come back, "
        "{{ offer.wording }} is yours. If not, the link below ends these messages." + _SIGNED,
    ),
)
