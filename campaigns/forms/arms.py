from typing import Any

from django import forms

LARGEST = 50 * 2**20


class ArmsForm(forms.Form):
    file = forms.FileField(
        label="Who was in which arm, as CSV", widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv"})
    )
    name = forms.CharField(label="What was tried", max_length=120)
    control = forms.CharField(
        label="Compare with",
        required=False,
        max_length=200,
        help_text="The arm that got nothing, or what everybody got before. Empty: the one called control.",
    )
    split = forms.CharField(
        label="How members were meant to be shared out", required=False, max_length=500,
        help_text="Such as control 50, email 25, sms 25. Empty: equal parts.",
    )  # fmt: skip

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError("The file is larger than 50 MB.")
        return file
