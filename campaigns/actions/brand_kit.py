from django.db import transaction

from campaigns.models import BrandKit
from campaigns.queries.brand_kit import brand_kit
from config.shared.errors import DomainError
from loyalty.rules import colours


class HardToRead(DomainError):
    """The text and what it stands on, the colours named by `fields`, are too close to each other."""

    code = "hard_to_read"

    def __init__(self, words: str, *, fields: tuple[str, str]) -> None:
        super().__init__(words)
        self.fields = fields


def ship_brand_kit() -> None:
    BrandKit.objects.get_or_create(pk=1)


@transaction.atomic
def change_brand_kit(
    *,
    font: str,
    header: str,
    page_colour: str,
    card_colour: str,
    text_colour: str,
    button_colour: str,
    corner: int,
    footer: str,
    legal_line: str,
    instagram: str,
    facebook: str,
    tiktok: str,
    has_utm_tags: bool,
) -> BrandKit:
    """How messages look that are written from now on; an empty `button_colour` is the brand's accent.

    What stands on a button, and a link, are given a tone that can be read, so any colour will do there.
    Raises HardToRead.
    """
    _refuse_unreadable(text_colour, card_colour, field="card_colour", place="the letter")
    _refuse_unreadable(text_colour, page_colour, field="page_colour", place="the page, where the foot of the letter is")
    kit = brand_kit()
    kit.font, kit.header, kit.corner = font, header, corner
    kit.page_colour, kit.card_colour = page_colour, card_colour
    kit.text_colour, kit.button_colour = text_colour, button_colour
    kit.footer, kit.legal_line = footer, legal_line
    kit.instagram, kit.facebook, kit.tiktok = instagram, facebook, tiktok
    kit.has_utm_tags = has_utm_tags
    kit.save()
    return kit


def _refuse_unreadable(text: str, background: str, *, field: str, place: str) -> None:
    found = colours.contrast(text, background)
    if found < colours.ENOUGH:
        raise HardToRead(
            f"The text cannot be read well on {place}: the contrast is {found:.1f} to 1, and people need"
            f" {colours.ENOUGH} to 1. Make one of the two darker or lighter.",
            fields=(field, "text_colour"),
        )
