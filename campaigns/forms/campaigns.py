from datetime import date, timedelta
from typing import Any

from django import forms

from campaigns.models import Campaign, Offer, PlanStep, Playbook
from campaigns.rules import wording
from config.shared.forms import DateInput, TimeInput
from integrations.channels.base import available_channels
from loyalty.models import Consent, Segment


class CampaignForm(forms.ModelForm):
    segments = forms.ModelMultipleChoiceField(
        Segment.objects.filter(archived_at=None),
        widget=forms.CheckboxSelectMultiple,
        label="Whom it is for",
        help_text="Members in any of these segments.",
    )

    class Meta:
        model = Campaign
        fields = ("name", "goal", "starts_on", "ends_on", "segments", "budget", "audience_limit")
        labels = {"starts_on": "First day", "ends_on": "Last day", "audience_limit": "Members at most"}
        help_texts = {
            "goal": "In plain words: what should be different when it is over?",
            "ends_on": "A plan covers up to seven days from the first.",
            "budget": "What the offers may cost if everybody takes them up. Leave empty for no limit.",
            "audience_limit": "The best-ranked members are taken.",
        }
        widgets = {"goal": forms.Textarea(attrs={"rows": 3}), "starts_on": DateInput, "ends_on": DateInput}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("starts_on"), data.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", "The last day is before the first.")
        if first and last and last - first > timedelta(days=366):
            self.add_error("ends_on", "A campaign lasts a year at most.")
        return data


class StepForm(forms.ModelForm):
    class Meta:
        model = PlanStep
        fields = ("day", "send_at", "offer", "subject", "body")
        widgets = {"body": forms.Textarea(attrs={"rows": 9}), "send_at": TimeInput}
        labels = {"send_at": "Time", "body": "Text"}
        help_texts = {"body": "Known words: " + ", ".join(f"{{{{ {word} }}}}" for word in wording.WORDS)}

    def __init__(self, *args: Any, days: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["day"] = forms.TypedChoiceField(
            choices=[(day, f"{date.fromisoformat(day):%A, %d %B}") for day in days],
            coerce=forms.DateField().to_python,
        )
        offers = self.fields["offer"]
        offers.queryset = self.instance.playbook.offers.filter(is_active=True)  # type: ignore[attr-defined]
        offers.empty_label = "No offer"  # type: ignore[attr-defined]

    def clean_body(self) -> str:
        return _with_plain_lines(self.cleaned_data["body"])


class PlaybookForm(forms.ModelForm):
    channels = forms.MultipleChoiceField(
        choices=[(value, label) for value, label in Consent.Channel.choices if value in available_channels()],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Playbook
        fields = ("name", "group", "aim", "tone", "channels", "offers", "subject", "body", "is_active")
        labels = {"body": "Text", "is_active": "In use"}
        widgets = {"body": forms.Textarea(attrs={"rows": 9}), "offers": forms.CheckboxSelectMultiple}

    def clean_subject(self) -> str:
        return _readable(self.cleaned_data["subject"])

    def clean_body(self) -> str:
        return _readable(_with_plain_lines(self.cleaned_data["body"]))


class OfferForm(forms.ModelForm):
    class Meta:
        model = Offer
        fields = ("name", "code", "wording", "cost", "is_active")
        labels = {"cost": "Cost when one person takes it up", "is_active": "In use"}


def _with_plain_lines(text: str) -> str:
    """Browsers end lines with CR LF."""
    return text.replace("\r\n", "\n")


def _readable(text: str) -> str:
    if fault := wording.fault_in(text):
        raise forms.ValidationError(fault)
    return text
