from typing import Any

from django import forms

from campaigns.models import MediaFile
from config.shared.forms import ActionForm

MOST_AT_ONCE = 20


class ManyFiles(forms.FileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        files = [super(ManyFilesField, self).clean(file, initial) for file in data or [None]]
        if len(files) > MOST_AT_ONCE:
            raise forms.ValidationError(f"These are {len(files)} pictures. Take up to {MOST_AT_ONCE} at once.")
        return files


class UploadForm(forms.Form):
    pictures = ManyFilesField(label="Add pictures", error_messages={"required": "Choose a picture first."})


class PictureForm(ActionForm):
    class Meta:
        model = MediaFile
        fields = ("name", "alt")
        help_texts = {"alt": "Read aloud to those who cannot see it, and shown where pictures are off. A few words."}
