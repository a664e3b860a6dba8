"""What is written about the gate: rules, hours, caps, speed, and addresses to leave alone. Actions judge it."""

from typing import Any

from django import forms

from campaigns.forms.policy import HOURS
from campaigns.models import FrequencyCap, MessagePolicy, QuietHours, SendingRate
from campaigns.queries.permits import providers_to_name
from config.shared.forms import ActionForm, DateInput
from loyalty.models import Business, Consent
from loyalty.rules.states import STATE_NAMES

STATES = list(STATE_NAMES.items())
READ_ON = {"as_of": "When somebody last looked the source up."}


class MessagePolicyForm(ActionForm):
    vertical = forms.ChoiceField(
        label="Trade", choices=[("", "Any trade"), *Business.Vertical.choices], required=False
    )  # fmt: skip
    state = forms.ChoiceField(
        choices=[("", "Any state"), *STATES], required=False, help_text="That of the member's home store."
    )
    channel = forms.ChoiceField(choices=[("", "Any channel"), *Consent.Channel.choices], required=False)
    verdict = forms.ChoiceField(choices=MessagePolicy.Verdict.choices, widget=forms.RadioSelect)
    provider = forms.ChoiceField(required=False, help_text="Who carries the channel, as Integrations → Sending says.")

    class Meta:
        model = MessagePolicy
        fields = ("vertical", "state", "channel", "provider", "verdict", "reason", "source", "as_of", "is_in_force")
        labels = {"as_of": "Read on", "is_in_force": "In force"}
        help_texts = READ_ON
        widgets = {"as_of": DateInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        providers = [(name, name) for name in providers_to_name()]
        self.fields["provider"].choices = [("", "Any provider"), *providers]  # type: ignore[attr-defined]


class QuietHoursForm(ActionForm):
    state = forms.ChoiceField(
        choices=[("", "Choose the state"), *STATES], help_text="That of the member's home store."
    )  # fmt: skip
    sunday_from = forms.TypedChoiceField(
        label="On Sundays from",
        choices=[("", "As on other days"), *HOURS[:-1], (24, "Not at all")],
        coerce=int,
        empty_value=None,
        required=False,
    )

    class Meta:
        model = QuietHours
        fields = ("state", "channel", "send_from", "send_until", "sunday_from", "source", "as_of", "is_in_force")
        labels = {"as_of": "Read on", "is_in_force": "In force"}
        help_texts = READ_ON
        widgets = {
            "send_from": forms.Select(choices=HOURS[:-1]),
            "send_until": forms.Select(choices=HOURS[1:]),
            "as_of": DateInput,
        }


class CapForm(ActionForm):
    topic = forms.ChoiceField(
        label="About",
        choices=[("", "Everything together"), *Consent.Topic.choices],
        required=False,
        help_text="A cap for one topic counts that topic alone, and takes the place of the one for everything.",
    )

    class Meta:
        model = FrequencyCap
        fields = ("channel", "topic", "most", "days")
        help_texts = {"days": "Days of the member's own calendar, today counted. 31 at most."}


class RateForm(ActionForm):
    class Meta:
        model = SendingRate
        fields = ("per_second",)
        help_texts = {"per_second": "0.5 is one every two seconds. Empty: as fast as the provider takes them."}


class SuppressionForm(forms.Form):
    channel = forms.ChoiceField(
        choices=[(way, way.label) for way in (Consent.Channel.EMAIL, Consent.Channel.SMS)], widget=forms.RadioSelect
    )
    address = forms.CharField(
        max_length=254, help_text="An email address, or a phone number. Without a country code it is read as a US one."
    )
    note = forms.CharField(label="Why", max_length=300, help_text="Such as: asked for it at the counter.")


class LiftForm(forms.Form):
    note = forms.CharField(
        label="Why",
        max_length=300,
        help_text="Such as: the member has repaired the mailbox.",
        error_messages={"required": "Say why it may be written to again, such as that the member asked for it."},
    )
