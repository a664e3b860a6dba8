from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms

from campaigns.models import Attribution
from campaigns.rules.attribution import WINDOWS


class AttributionForm(forms.ModelForm):
    """Hours for each thing a message can be touched by; the page shows them by channel."""

    CHANNELS = (("Email", "email"), ("Text messages", "sms"), ("Notifications", "push"))
    LABELS: ClassVar = {"click": "After a click", "open": "After it was opened", "delivered": "After it arrived"}

    class Meta:
        model = Attribution
        fields = ("rule", *WINDOWS)
        labels: ClassVar = {"rule": "Who has an order"}
        help_texts: ClassVar = {
            "email_open": "Many mail programs open pictures by themselves. What is known to be a machine never counts.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in WINDOWS:
            if name in self.fields:  # the admin shows no field to who may only look
                self.fields[name].label = self.LABELS[name.partition("_")[2]]

    def by_channel(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        for title, channel in self.CHANNELS:
            yield title, [self[name] for name in WINDOWS if name.startswith(f"{channel}_")]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and not any(data.get(name) for name in WINDOWS):
            raise forms.ValidationError("Let at least one thing count: without it no message ever has an order.")
        return data
