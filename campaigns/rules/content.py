"""What a template holds: for email a list of blocks, for texts and notifications words. In each language. Plain Python.

Any text is Liquid. Texts of blocks may also use **bold**, *italic*, [a label](an address), bare addresses and lists.
A link is an address, or one of `PLACES`.
"""

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MOST_BLOCKS = 60
LONGEST_TEXT = 8_000
LONGEST_SUBJECT = 200
LONGEST_MJML = 20_000
LONGEST_URL = 1_500
# Where a link may lead by name, with how the editor calls it. What it is for this member is known when it is sent.
PLACES = {
    "offer": "The offer of the message, or their points",
    "card": "Their card in the app",
    "preferences": "What they get from you",
    "view": "This message in the browser",
}
ADDRESS = re.compile(r"(https?://[^\s<>\"]+|mailto:[^\s<>\"]+|tel:\+?[0-9() -]+)", re.IGNORECASE)
_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
# The text of the step a message belongs to, where a text message or a notification is to say it.
OWN_WORDS = "{{ words }}"

Align = Literal["left", "center", "right"]
ShortText = Annotated[str, Field(max_length=200)]
LongText = Annotated[str, Field(max_length=LONGEST_TEXT)]
MediaId = Annotated[str, Field(pattern=r"^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$")]
Address = Annotated[str, Field(max_length=LONGEST_URL)]


# Labels and titles that are left empty are ours, in the language of the letter.


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _end_lines_plainly(cls, said: Any) -> Any:
        """Browsers end them with CR LF."""
        if not isinstance(said, dict):
            return said
        return {key: value.replace("\r\n", "\n") if isinstance(value, str) else value for key, value in said.items()}


class Heading(_Part):
    type: Literal["heading"] = "heading"
    text: ShortText = ""
    size: Literal["large", "small"] = "large"
    align: Align = "left"


class Text(_Part):
    type: Literal["text"] = "text"
    text: LongText = ""
    align: Align = "left"


class Words(_Part):
    """What the step itself says: by the planner, or by whoever edited it."""

    type: Literal["words"] = "words"


class Button(_Part):
    type: Literal["button"] = "button"
    label: ShortText = ""
    link: Address = "offer"
    align: Align = "left"


class Offer(_Part):
    """The offer of the step with its button; nothing when the step makes none."""

    type: Literal["offer"] = "offer"
    label: ShortText = ""


class Points(_Part):
    """The member's balance, and the way to their card."""

    type: Literal["points"] = "points"
    text: ShortText = ""
    label: ShortText = ""


class Picture(_Part):
    """`media` is the public id of a MediaFile. `width` is in percent of the letter."""

    type: Literal["picture"] = "picture"
    media: MediaId = ""
    alt: ShortText = ""
    link: Address = ""
    width: int = Field(default=100, ge=10, le=100)


class StepPicture(_Part):
    """The picture of the step; nothing where it has none."""

    type: Literal["step_picture"] = "step_picture"


class PictureAndText(_Part):
    type: Literal["picture_text"] = "picture_text"
    media: MediaId = ""
    alt: ShortText = ""
    side: Literal["left", "right"] = "left"
    title: ShortText = ""
    text: LongText = ""
    label: ShortText = ""
    link: Address = "offer"


class Products(_Part):
    """What sells best of the member's favourite category."""

    type: Literal["products"] = "products"
    title: ShortText = ""
    most: int = Field(default=3, ge=1, le=6)


class Divider(_Part):
    type: Literal["divider"] = "divider"


class Space(_Part):
    type: Literal["space"] = "space"
    height: int = Field(default=24, ge=4, le=120)


class Social(_Part):
    """Where else the shop is found, as the brand kit says."""

    type: Literal["social"] = "social"


class Mjml(_Part):
    """Sections of MJML, for who writes it by hand."""

    type: Literal["mjml"] = "mjml"
    source: str = Field(default="", max_length=LONGEST_MJML)


Block = (
    Heading
    | Text
    | Words
    | Button
    | Offer
    | Points
    | Picture
    | StepPicture
    | PictureAndText
    | Products
    | Divider
    | Space
    | Social
    | Mjml
)
BLOCKS: dict[str, type[_Part]] = {kind.model_fields["type"].default: kind for kind in get_args(Block)}
Blocks = Annotated[list[Annotated[Block, Field(discriminator="type")]], Field(max_length=MOST_BLOCKS)]


class Email(_Part):
    """An empty subject is the step's own."""

    subject: str = Field(default="", max_length=LONGEST_SUBJECT)
    preheader: ShortText = ""
    blocks: Blocks = Field(default_factory=list)


class TextMessage(_Part):
    text: str = Field(default="", max_length=1_000)


class Notification(_Part):
    title: str = Field(default="", max_length=LONGEST_SUBJECT)
    text: str = Field(default="", max_length=1_000)


class Content(_Part):
    """By language, such as en. A channel without words here says what the step says."""

    email: dict[str, Email] = Field(default_factory=dict)
    sms: dict[str, TextMessage] = Field(default_factory=dict)
    push: dict[str, Notification] = Field(default_factory=dict)

    def variants(self, channel: str) -> "dict[str, Any]":
        """What is said by `channel`, by language: Email, TextMessage or Notification. Raises KeyError."""
        by_channel: dict[str, dict[str, Any]] = {"email": self.email, "sms": self.sms, "push": self.push}
        return by_channel[channel]

    @property
    def languages(self) -> list[str]:
        return sorted({*self.email, *self.sms, *self.push})


# What a message wears when there is no template: the step's picture and words, and a button.
HOUSE = Content(email={"en": Email(blocks=[StepPicture(), Words(), Button()])})


class BadContent(ValueError):
    """The content has not the shape of one. Says where and why."""


def read(raw: object) -> Content:
    """Raises BadContent."""
    try:
        return Content.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"] if not str(part).startswith("function"))
        raise BadContent(f"{where}: {first['msg']}.") from error


def is_address(link: str) -> bool:
    """Whether `link`, which may hold Liquid, is written whole."""
    return ADDRESS.fullmatch(_LIQUID.sub("x", link)) is not None


def speaks_for_itself(content: Content, channel: str, language: str) -> bool:
    """Whether the step's own words have no place in what is said by `channel`."""
    if channel == "email" and (email := content.email.get(language)):
        return bool(email.subject) and not any(isinstance(block, Words) for block in email.blocks)
    if channel == "sms" and (message := content.sms.get(language)):
        return bool(message.text) and OWN_WORDS not in message.text
    if channel == "push" and (notification := content.push.get(language)):
        return bool(notification.title and notification.text) and OWN_WORDS not in notification.text
    return False
