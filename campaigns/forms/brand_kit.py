from collections.abc import Iterator
from itertools import islice
from typing import Any

from django import forms

from campaigns.models import BrandKit
from campaigns.rules import wording
from config.shared.forms import ActionForm

COLOURS = ("page_colour", "card_colour", "text_colour", "button_colour")


class BrandKitForm(ActionForm):
    """`groups` is how the page shows it: a card for each matter."""

    GROUPS = (
        (
            "Colours",
            "Text must stand out from the letter and the page. Links, and what is on buttons, are toned to be read.",
            ("page_colour", "card_colour", "text_colour", "button_colour", "uses_accent"),
        ),
        ("Shape", "Name and logo are those of your business.", ("header", "font", "corner")),
        ("Foot", "Below every letter, under the link to unsubscribe.", ("footer", "legal_line")),
        ("Elsewhere", "Linked at the foot where you name them.", ("instagram", "facebook", "tiktok")),
        ("Links", "How your website's statistics know what came from a message.", ("has_utm_tags",)),
    )

    button_colour = forms.CharField(label="Buttons", widget=forms.TextInput(attrs={"type": "color"}))
    instagram = forms.URLField(required=False, assume_scheme="https")
    facebook = forms.URLField(required=False, assume_scheme="https")
    tiktok = forms.URLField(label="TikTok", required=False, assume_scheme="https")
    uses_accent = forms.BooleanField(label="Buttons and links in the accent of your brand", required=False)

    class Meta:
        model = BrandKit
        fields = (
            *COLOURS,
            *("header", "font", "corner", "footer", "legal_line", "instagram", "facebook", "tiktok", "has_utm_tags"),
        )
        labels = {
            "header": "At the head",
            "font": "Letters",
            "footer": "Your lines",
            "corner": "Corners of buttons",
        }
        help_texts = {
            "footer": "Such as your hours. Words of members may stand in it, as {{ store.name }}.",
        }
        widgets = {
            **{name: forms.TextInput(attrs={"type": "color"}) for name in COLOURS[:3]},
            "footer": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, accent: str = "#0f766e", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A colour field is never empty, so the accent stands in it while it is the accent that counts.
        own = self.instance.button_colour
        self.initial.update(uses_accent=not own, button_colour=own or accent)
        self.order_fields([name for _, _, names in self.GROUPS for name in names])

    def groups(self) -> Iterator[tuple[str, str, list[forms.BoundField]]]:
        """(title, what it is about, its fields)"""
        for title, about, names in self.GROUPS:
            yield title, about, [self[name] for name in names]

    def begin_at_the_first_error(self) -> None:
        """The keyboard is there when the page is shown again, and so is the reader's eye."""
        named = (name for name in self.fields if name in self.errors)
        for name in islice(named, 1):
            self.fields[name].widget.attrs["autofocus"] = True

    def changed_one_of(self, fields: tuple[str, ...]) -> str:
        """The first of them that is not as it was saved, else the last."""
        return next((name for name in fields if name in self.changed_data), fields[-1])

    def clean_footer(self) -> str:
        return _readable(self.cleaned_data["footer"])

    def clean_legal_line(self) -> str:
        return _readable(self.cleaned_data["legal_line"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data.update({name: data[name].lower() for name in COLOURS if name in data})
        if data.pop("uses_accent", False):
            data["button_colour"] = ""
            self.errors.pop("button_colour", None)
        return data


def _readable(text: str) -> str:
    """Refused here, and not when a plan is approved whose letters could not be made."""
    if fault := wording.fault_in(text, wording.TEMPLATE_WORDS):
        raise forms.ValidationError(fault)
    return text
