from django import forms

from loyalty.models import Consent
from loyalty.rules.contacts import NotAnAddress, normal_email, normal_phone


class TrialForm(forms.Form):
    """Where a test goes. `channel` says what an address is; only `may_choose` gives another than `own`."""

    to = forms.CharField(max_length=254)

    def __init__(self, data: object = None, *, channel: str, own: str, may_choose: bool) -> None:
        is_email = channel == Consent.Channel.EMAIL
        super().__init__(data, prefix="test", initial={"to": own if is_email else ""})  # type: ignore[arg-type]
        self.channel, self._normal = channel, normal_email if is_email else normal_phone
        field = self.fields["to"]
        field.label = "Email address" if is_email else "Phone number"
        field.disabled = not may_choose
        field.help_text = "" if is_email else "With its country code, such as +1 212 555 0123."
        field.widget.input_type = "email" if is_email else "tel"  # type: ignore[attr-defined]
        field.widget.attrs["autocomplete"] = "email" if is_email else "tel"

    def clean_to(self) -> str:
        try:
            return self._normal(self.cleaned_data["to"])
        except NotAnAddress as fault:
            raise forms.ValidationError(str(fault)) from None
