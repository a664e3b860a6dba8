from django import forms

from campaigns.models import BrandVoice


class BrandVoiceForm(forms.ModelForm):
    class Meta:
        model = BrandVoice
        fields = ("voice", "forbidden_words", "required_words", "claims")
        widgets = {
            "voice": forms.Textarea(attrs={"rows": 3}),
            "forbidden_words": forms.Textarea(attrs={"rows": 4}),
            "required_words": forms.Textarea(attrs={"rows": 2}),
            "claims": forms.Textarea(attrs={"rows": 4}),
        }
