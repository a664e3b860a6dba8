from typing import ClassVar

from django import forms

from campaigns.models import ImageBrief
from campaigns.rules.briefs import Brief


class ImageBriefForm(forms.ModelForm):
    """What a picture is to show; the law is added to it by the page."""

    class Meta:
        model = ImageBrief
        fields = ("scene", "style", "avoid", "alt")
        widgets: ClassVar = {
            "scene": forms.Textarea(attrs={"rows": 4}),
            "style": forms.Textarea(attrs={"rows": 2}),
            "avoid": forms.Textarea(attrs={"rows": 2}),
            "alt": forms.Textarea(attrs={"rows": 2}),
        }

    use_required_attribute = False

    def brief(self) -> Brief:
        """Of a valid form, each line as one."""
        return Brief(**{name: " ".join(self.cleaned_data[name].split()) for name in self.Meta.fields})
