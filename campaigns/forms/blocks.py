"""The fields of each kind of block, as the editor of templates shows them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms

from campaigns.rules import content as c

ELSEWHERE = "url"
# What a block is called in the form, so that the page knows it again wherever it moves.
NAME = re.compile(r"b\d{1,4}")
ALIGN = [("left", "Left"), ("center", "In the middle"), ("right", "Right")]


class BlockForm(forms.Form):
    """`kind` is what it makes. Nothing is required: a draft may be unfinished."""

    kind: ClassVar[Any]
    called: ClassVar[str]
    icon: ClassVar[str]
    about: ClassVar[str] = ""

    use_required_attribute = False
    # How the editor shows it: the address of its picture, and whether it is unfolded.
    address: str | None = None
    is_opened: bool = False

    @property
    def type(self) -> str:
        return str(self.kind.model_fields["type"].default)

    @property
    def summary(self) -> str:
        """What tells this block from its neighbours while it is folded."""
        told = (self[name].value() for name in ("title", "text", "label", "alt") if name in self.fields)
        return next((str(value)[:80] for value in told if value), "")

    def block(self) -> c.Block:
        """Of a valid form."""
        block: c.Block = self.kind.model_validate(self._said())
        return block

    def _said(self) -> dict[str, Any]:
        """By the names of the block's fields: what it calls media is a form's own word for something else."""
        said = {name: value for name, value in self.cleaned_data.items() if value is not None}
        if "picture" in said:
            said["media"] = str(said.pop("picture"))
        return said

    @classmethod
    def of(cls, block: c.Block, *, prefix: str) -> "BlockForm":
        return FORMS[block.type](initial=cls._shown(block), prefix=prefix)

    @staticmethod
    def _shown(block: c.Block) -> dict[str, Any]:
        shown = block.model_dump()
        shown["picture"] = shown.get("media")
        if "link" in shown:
            is_place = not shown["link"] or shown["link"] in c.PLACES
            shown |= {"place": shown["link"] if is_place else ELSEWHERE, "url": "" if is_place else shown["link"]}
        return shown


class Formatted(forms.Textarea):
    """A text with buttons for bold, italic, links and lists: it holds the marks that `campaigns.writing.rich` reads."""

    template_name = "campaigns/formatted.html"


def needed(field: Any) -> Any:
    """`field` as one that a version cannot be saved without, though a draft can be kept: it is not called optional."""
    field.is_needed = True
    return field


class _Linked(BlockForm):
    place = forms.ChoiceField(label="Leads to", choices=[*c.PLACES.items(), (ELSEWHERE, "An address …")])
    url = needed(
        forms.CharField(
            label="Address",
            max_length=c.LONGEST_URL,
            required=False,
            widget=forms.TextInput(attrs={"placeholder": "https://", "inputmode": "url"}),
        )
    )

    def _said(self) -> dict[str, Any]:
        said = super()._said()
        place, url = said.pop("place", ""), said.pop("url", "")
        return said | {"link": url if place == ELSEWHERE else place}


def _text(rows: int) -> forms.CharField:
    widget = Formatted(attrs={"rows": rows})
    return forms.CharField(label="Text", max_length=c.LONGEST_TEXT, required=False, widget=widget)


def _line(label: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(label=label, max_length=200, required=False, help_text=help_text)


def _chosen() -> forms.UUIDField:
    return forms.UUIDField(required=False, widget=forms.HiddenInput)


def _align() -> forms.ChoiceField:
    return forms.ChoiceField(label="Stands", choices=ALIGN)


class HeadingForm(BlockForm):
    kind, called, icon = c.Heading, "Heading", "heading"
    text = needed(_line("Text"))
    size = forms.ChoiceField(choices=[("large", "Large"), ("small", "Small")])
    align = _align()


class TextForm(BlockForm):
    kind, called, icon = c.Text, "Text", "align-left"
    text = needed(_text(6))
    align = _align()


class WordsForm(BlockForm):
    kind, called, icon = c.Words, "The message itself", "message"
    about = "What the planner or a colleague wrote for the step that wears this template."


class ButtonForm(_Linked):
    kind, called, icon = c.Button, "Button", "hand-click"
    label = _line("On it", "Empty: See your offer, or See your points.")
    align = _align()

    field_order = ("label", "place", "url", "align")


class OfferForm(BlockForm):
    kind, called, icon = c.Offer, "Offer", "discount"
    about = "The offer of the step, with a button. Left out where the step makes none."
    label = _line("On its button", "Empty: See your offer.")


class PointsForm(BlockForm):
    kind, called, icon = c.Points, "Points", "coins"
    text = _line("Text", "Empty: You have so many points.")
    label = _line("On its button", "Empty: Open your card.")


class PictureBlockForm(_Linked):
    kind, called, icon = c.Picture, "Picture", "photo"
    picture = _chosen()
    alt = _line("What it shows", "Read aloud, and shown where pictures are blocked.")
    width = forms.IntegerField(label="Width in percent", min_value=10, max_value=100)
    place = forms.ChoiceField(
        label="Leads to", required=False, choices=[("", "Nothing"), *c.PLACES.items(), (ELSEWHERE, "An address …")]
    )

    field_order = ("picture", "alt", "width", "place", "url")


class StepPictureForm(BlockForm):
    kind, called, icon = c.StepPicture, "Picture of the message", "photo-star"
    about = "The picture chosen for the step that wears this template. Left out where it has none."


class PictureAndTextForm(_Linked):
    kind, called, icon = c.PictureAndText, "Picture and text", "layout-list"
    picture = _chosen()
    alt = _line("What the picture shows", "Read aloud, and shown where pictures are blocked.")
    side = forms.ChoiceField(label="The picture is", choices=[("left", "On the left"), ("right", "On the right")])
    title = _line("Title")
    text = _text(4)
    label = _line("On a button", "Empty: no button.")

    field_order = ("picture", "alt", "side", "title", "text", "label", "place", "url")


class ProductsForm(BlockForm):
    kind, called, icon = c.Products, "Products", "bottle"
    about = "What sold best lately of the category each member likes."
    title = _line("Title", "Empty: Picked for you.")
    most = forms.IntegerField(label="How many", min_value=1, max_value=6)


class DividerForm(BlockForm):
    kind, called, icon = c.Divider, "Line", "separator-horizontal"


class SpaceForm(BlockForm):
    kind, called, icon = c.Space, "Space", "arrows-vertical"
    height = forms.IntegerField(label="Height in pixels", min_value=4, max_value=120)


class SocialForm(BlockForm):
    kind, called, icon = c.Social, "Where you are found", "share"
    about = "Links to your pages elsewhere, from Settings → Campaigns → Look."


class MjmlForm(BlockForm):
    kind, called, icon = c.Mjml, "MJML", "code"
    source = needed(
        forms.CharField(
            label="Sections",
            max_length=c.LONGEST_MJML,
            required=False,
            widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "class": "form-control font-monospace"}),
            help_text="One or more &lt;mj-section&gt;…&lt;/mj-section&gt;, as the MJML documentation says.",
        )
    )


FORMS: Mapping[str, type[BlockForm]] = {
    form.kind.model_fields["type"].default: form
    for form in (
        HeadingForm, TextForm, WordsForm, ButtonForm, OfferForm, PointsForm, PictureBlockForm, StepPictureForm,
        PictureAndTextForm, ProductsForm, DividerForm, SpaceForm, SocialForm, MjmlForm,
    )
}  # fmt: skip


class EnvelopeForm(forms.Form):
    """What stands around the blocks of an email."""

    use_required_attribute = False
    subject = forms.CharField(
        max_length=c.LONGEST_SUBJECT, required=False, help_text="Empty: the subject of the message that wears it."
    )
    preheader = _line("Preview line", "What inboxes show beside the subject.")


class TextMessageForm(forms.Form):
    use_required_attribute = False
    text = forms.CharField(
        max_length=1_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=f"{c.OWN_WORDS} stands for the message itself. Your name, a link and how to stop are added.",
    )


class NotificationForm(forms.Form):
    use_required_attribute = False
    title = forms.CharField(max_length=c.LONGEST_SUBJECT, required=False, help_text="Empty: the message's own subject.")
    text = forms.CharField(
        max_length=1_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=f"{c.OWN_WORDS} stands for the message itself.",
    )


@dataclass(frozen=True)
class Kind:
    """One kind of block, for the menu that adds one."""

    type: str
    called: str
    icon: str


KINDS = tuple(Kind(type_, form.called, form.icon) for type_, form in FORMS.items())


def block_forms(blocks: Iterable[c.Block], names: Iterable[str]) -> list[BlockForm]:
    return [BlockForm.of(block, prefix=name) for block, name in zip(blocks, names, strict=True)]


def read_blocks(data: Mapping[str, Any], named: Iterable[str]) -> list[BlockForm]:
    """The forms that were sent, bound, in the order of `named`: `b3:heading` is name and type."""
    pairs = (name.partition(":")[::2] for name in named)
    return [FORMS[type_](data, prefix=name) for name, type_ in pairs if type_ in FORMS and NAME.fullmatch(name)]
