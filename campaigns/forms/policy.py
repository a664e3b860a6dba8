from collections.abc import Iterator
from typing import Any

from django import forms

from campaigns.models import CampaignPolicy
from campaigns.rules.hours import on_the_clock

HOURS = [(hour, on_the_clock(hour)) for hour in range(25)]


class PolicyForm(forms.ModelForm):
    """`groups` is how the page shows it: a card for each matter."""

    GROUPS = (
        ("Approval", "Who lets a plan go out.", ("needs_second_person", "second_person_above")),
        (
            "Language model",
            "A call that would pass these is not made. The built-in rules use no tokens and cost nothing.",
            ("plan_tokens", "plan_cost", "plan_pictures"),
        ),
        (
            "Hours and frequency",
            "Where a state is stricter, its hours hold; caps and these limits hold together.",
            ("send_from", "send_until", "messages_per_day"),
        ),
        (
            "Retries",
            "For messages that surely did not leave. One that may have left is never sent again by itself.",
            ("max_retries", "retry_minutes"),
        ),
        ("Texts", "What they cost, so that a plan's price is known before it is approved.", ("sms_price",)),
        (
            "Results and holdout",
            "What a campaign brought, told by those who did not get it.",
            ("holdout_percent", "result_days", "gross_margin_percent"),
        ),
        (
            "Addresses that fail",
            "After so many an address is left alone, until somebody here lifts that.",
            ("hard_bounces", "soft_bounces", "complaints"),
        ),
    )

    class Meta:
        model = CampaignPolicy
        fields = (
            *("needs_second_person", "second_person_above", "plan_tokens", "plan_cost"),
            "plan_pictures",
            *("send_from", "send_until", "messages_per_day"),
            *("max_retries", "retry_minutes", "sms_price"),
            *("result_days", "gross_margin_percent"),
            *("holdout_percent", "hard_bounces", "soft_bounces", "complaints"),
        )
        labels = {
            "holdout_percent": "Held out, in percent of members",
            "result_days": "Days after the last message",
            "gross_margin_percent": "Gross margin, in percent",
            "max_retries": "Retries",
            "sms_price": "Price of one segment",
            "hard_bounces": "Hard bounces",
            "soft_bounces": "Soft bounces in a row",
            "complaints": "Complaints",
            "needs_second_person": "Every plan needs a second person",
            "second_person_above": "A plan needs one above",
            "plan_tokens": "Tokens for one plan",
            "plan_cost": "US dollars for one plan",
            "plan_pictures": "Pictures for one plan",
        }
        help_texts = {
            "max_retries": "Then the message has failed.",
            "retry_minutes": "A provider that asks for a longer pause gets it.",
            "sms_price": "In your currency, as your provider charges it, such as 0.0079. Empty: segments alone count.",
            "holdout_percent": (
                "They get no marketing at all, and always the same ones do: what they buy by themselves shows what "
                "messages bring."
            ),
            "result_days": (
                "What a campaign earned is counted from its first message until so many days after its last."
            ),
            "gross_margin_percent": "Of your revenue, goods paid. Empty: results are shown without margin.",
            "hard_bounces": "The address does not exist, or refuses for good. 0: it is never left alone for this.",
            "soft_bounces": "A full mailbox, or a server that is away. 0: it is never left alone for this.",
            "complaints": "Somebody marked a message as spam. 0: it is never left alone for this.",
        }
        widgets = {"send_from": forms.Select(choices=HOURS[:-1]), "send_until": forms.Select(choices=HOURS[1:])}

    def groups(self) -> Iterator[tuple[str, str, list[forms.BoundField]]]:
        """(title, what it is about, its fields)"""
        for title, about, names in self.GROUPS:
            yield title, about, [self[name] for name in names]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        opens, closes = data.get("send_from"), data.get("send_until")
        if opens is not None and closes is not None and closes <= opens:
            self.add_error("send_until", "The hours must end after they begin.")
        return data
