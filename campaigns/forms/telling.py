"""What a template says in the words of its editor, for the page that compares two versions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.conf import settings

from campaigns.forms.blocks import ELSEWHERE, BlockForm
from campaigns.forms.editing import AROUND
from campaigns.rules import content as c
from campaigns.rules.differences import CHANNELS, Part

LANGUAGES = dict(settings.LANGUAGES)
_AROUND_IS_CALLED = {"email": "Subject and preview line", "sms": "The text", "push": "The notification"}


def outline(content: c.Content, pictures: Mapping[str, str]) -> dict[str, Sequence[Part]]:
    """By channel and language, first what stands around the blocks, then the blocks. `pictures` are names by id."""
    return {
        f"{label}, {LANGUAGES.get(language, language)}": list(_parts(channel, variant, pictures))
        for channel, label in CHANNELS.items()
        for language, variant in content.variants(channel).items()
    }


def _parts(
    channel: str, variant: c.Email | c.TextMessage | c.Notification, pictures: Mapping[str, str]
) -> Iterator[Part]:
    around = AROUND[channel](initial=variant.model_dump(exclude={"blocks"}))
    yield Part(_AROUND_IS_CALLED[channel], tuple(_told(around, pictures)))
    for block in variant.blocks if isinstance(variant, c.Email) else ():
        form = BlockForm.of(block, prefix="b0")
        yield Part(form.called, tuple(_told(form, pictures)))


def _told(form: forms.Form, pictures: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(label, what stands there) of each field that is filled in."""
    for field in form:
        value = field.value()
        if value in ("", None) or (field.name == "place" and value == ELSEWHERE):
            continue
        if field.name == "picture":
            yield "Picture", pictures.get(str(value), "A picture that is gone")
        else:
            choices: Any = getattr(field.field, "choices", ())
            yield str(field.label), str(dict(choices).get(value, value))
