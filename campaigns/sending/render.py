"""A letter and a member become one message."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils import timezone
from django.utils.text import Truncator

from campaigns.models import Campaign, Letter, PlanStep, Send
from campaigns.models.sends import sender_domain
from campaigns.queries.picks import picks_of
from campaigns.rules import wording
from campaigns.sending import links
from campaigns.writing import press
from integrations.channels.base import Message, PushDevice
from loyalty.models import Business, Consent, Member
from loyalty.queries.brand import business
from loyalty.queries.devices import push_devices

# What a send needs loaded before it is written, for `select_related`.
NEEDED = (
    "campaign",
    "action__step__offer",
    "member__stats",
    "member__points_account",
    "member__home_store",
    "member__tier_standing__tier",
)
_SHARED = {"campaign", "action__step__offer"}
# What of it is read for many at once. What many share is read once: see `to_write`.
_OF_EACH = (
    "public_id", "campaign", "channel", "recipient", "variant", "attempts", "doubtful_since", "handed_off_at",
    "action__step",
    "member__public_id", "member__name", "member__language", "member__home_store__name",
    "member__stats__primary_category", "member__points_account__balance", "member__tier_standing__tier__name",
)  # fmt: skip
# More is cut off by phones, and the whole must fit into one encrypted record of 4 kB.
LONGEST_NOTIFICATION = 300


def to_write(send_ids: Iterable[int]) -> list[Send]:
    """These sends, a channel after the other, with all that `Writer.message_for` needs and little else."""
    of_each = [name for name in NEEDED if name not in _SHARED]
    loaded = Send.objects.filter(pk__in=list(send_ids)).select_related("action", *of_each)
    sends = list(loaded.only(*_OF_EACH).order_by("channel", "pk"))
    campaigns = Campaign.objects.in_bulk({send.campaign_id for send in sends})
    steps = PlanStep.objects.select_related("offer").in_bulk({send.action.step_id for send in sends})
    for send in sends:
        send.campaign, send.action.step = campaigns[send.campaign_id], steps[send.action.step_id]
    return sends


class Writer:
    """Writes the messages of a batch; what they share is read once."""

    def __init__(self, shop: Business | None = None) -> None:
        self._shop = shop or business()
        self._letters: dict[tuple[int, str], list[Letter]] = {}
        self._picks: dict[str, list[dict[str, str]]] = {}

    def message_for(self, send: Send, *, is_counted: bool = True) -> Message:
        """Ready to hand off. Needs NEEDED loaded. Raises WordingFault, and CannotPress for a step without letters.

        `is_counted`: an email tells when it is opened.
        """
        letter = press.best_for(send.member.language, self._letters_of(send.action.step, send.variant))
        return self.filled(send, letter, is_counted=is_counted)

    def filled(self, send: Send, letter: Letter, *, is_counted: bool = True) -> Message:
        """`letter` as the member of `send` reads it. Raises WordingFault."""
        values = self.values_for(send, letter)
        subject = " ".join(wording.fill(letter.subject, values).split())
        text = wording.fill(letter.text, values)
        match send.channel:
            case Consent.Channel.SMS:
                return Message(id=send.message_id, to=send.recipient, subject="", text=text)
            case Consent.Channel.PUSH:
                return _notification(send, subject, text)
            case _:
                html = wording.fill_html(letter.html, values)
                if is_counted:
                    html = html.replace("</body>", f"{_pixel(send)}</body>")
                return Message(
                    id=send.message_id,
                    to=send.recipient,
                    subject=subject,
                    text=text,
                    html=html,
                    headers=_headers(send, values["url"]["unsubscribe"]),
                    sender_name=self._shop.name,
                )

    def words_for(self, send: Send) -> tuple[str, str]:
        """The subject and what the message says, without what stands around it. Raises as `message_for` does."""
        letter = press.best_for(send.member.language, self._letters_of(send.action.step, send.variant))
        values = self.values_for(send, letter)
        return " ".join(wording.fill(letter.subject, values).split()), wording.fill(letter.words, values)

    def values_for(self, send: Send, letter: Letter) -> dict[str, Any]:
        """What the words of a letter mean for this member."""
        values = member_values(send.member, send.action.step, self._shop)
        category = send.member.stats.primary_category if hasattr(send.member, "stats") else ""
        if category not in self._picks:
            self._picks[category] = picks_of(category, self._shop.currency)
        targets = (wording.fill(target, values) if isinstance(target, str) else target for target in letter.links)
        return {
            **values,
            "picks": self._picks[category],
            "url": _Addresses(send),
            "links": [links.click_url(send, target) for target in targets],
        }

    def _letters_of(self, step: PlanStep, variant: str) -> list[Letter]:
        if (step.pk, variant) not in self._letters:
            worn = step.letters.filter(variant=press.worn_by(variant))
            self._letters[step.pk, variant] = list(worn) or press.press(step, variant=variant, now=timezone.now())
        return self._letters[step.pk, variant]


class _Addresses(dict[str, str]):
    """Of one message: each is made when a letter first asks for it, for it has to be signed."""

    _MADE_BY: Mapping[str, Callable[[Send], str]] = {
        "offer": links.short_offer_url,
        "card": links.card_url,
        "unsubscribe": links.unsubscribe_url,
        "preferences": links.preferences_url,
        "view": links.view_url,
    }

    def __init__(self, send: Send) -> None:
        self._send = send

    def __missing__(self, name: str) -> str:
        self[name] = self._MADE_BY[name](self._send)
        return self[name]


def member_values(member: Member, step: PlanStep, shop: Business) -> dict[str, Any]:
    stats = getattr(member, "stats", None)
    account = getattr(member, "points_account", None)
    standing = getattr(member, "tier_standing", None)
    return {
        "member": {
            "first_name": member.name.partition(" ")[0] or "there",
            "points": f"{account.balance if account else 0:,}",
            "favourite": (stats.primary_category.capitalize() if stats else "") or "your favourites",
            "tier": standing.tier.name if standing and standing.tier else None,
        },
        "offer": step.promise,
        "business": {"name": shop.name, "website": shop.website, "address": shop.address},
        "store": {"name": member.home_store.name if member.home_store else shop.name},
    }


def _notification(send: Send, subject: str, text: str) -> Message:
    return Message(
        id=send.message_id,
        to=str(send.member.public_id),
        subject=subject,
        text=Truncator(" ".join(text.split())).chars(LONGEST_NOTIFICATION),
        link=links.short_offer_url(send),
        devices=tuple(
            PushDevice(endpoint=row.endpoint, p256dh=row.p256dh, auth=row.auth) for row in push_devices(send.member)
        ),
    )


def _pixel(send: Send) -> str:
    return f'<img src="{links.open_url(send)}" width="1" height="1" alt="">'


def _headers(send: Send, unsubscribe_url: str) -> dict[str, str]:
    return {
        "List-Unsubscribe": f"<{unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-ID": f"<marketing.{sender_domain()}>",
        "X-Campaign": str(send.campaign.public_id),
        "Precedence": "bulk",
    }
