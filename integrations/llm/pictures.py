"""The port every image model stands behind: a brief in, pictures out, which may be any bytes."""

from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from integrations.llm.base import Listener, Usage, nobody_listens


@dataclass(frozen=True)
class Drawn:
    """`pictures` as they came, unchecked; `text` is what the model says it drew, if it says so."""

    pictures: list[bytes]
    text: str
    usage: Usage | None


class ImageModel(Protocol):
    name: str

    def draw(self, brief: str, *, count: int, heard: Listener = nobody_listens) -> Drawn:
        """Raises ModelUnavailable, and whatever `heard` raises, which is called several times a second."""
        ...


def image_model() -> ImageModel | None:
    """None where the settings name none: then briefs are written for people."""
    return import_string(settings.IMAGE_MODEL)() if settings.IMAGE_MODEL else None
