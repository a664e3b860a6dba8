"""Pictures of the demo shop's rewards: flat shapes on a colour, drawn when the shop is opened."""

import io
from collections.abc import Callable

from PIL import Image, ImageDraw

SIDE = 1_280  # Made smaller when it is kept, which smooths the edges.
Draw = ImageDraw.ImageDraw
Colour = str


def drawn(shape: str, ground: Colour, ink: Colour) -> bytes:
    """A PNG, four by three."""
    picture = Image.new("RGB", (SIDE, SIDE * 3 // 4), ground)
    _SHAPES[shape](ImageDraw.Draw(picture), ground, ink)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _bottle(draw: Draw, ground: Colour, ink: Colour) -> None:
    draw.rounded_rectangle((510, 380, 770, 880), 56, ink)
    draw.polygon([(510, 440), (590, 280), (690, 280), (770, 440)], ink)
    draw.rounded_rectangle((590, 90, 690, 340), 18, ink)
    draw.rectangle((510, 520, 770, 720), ground)
    draw.rectangle((550, 580, 730, 600), ink)
    draw.rectangle((550, 640, 670, 660), ink)


def _glass(draw: Draw, ground: Colour, ink: Colour) -> None:
    for left in (380, 640):
        draw.pieslice((left, 100, left + 260, 620), 0, 180, ink)
        draw.rectangle((left, 200, left + 260, 362), ink)
        draw.rectangle((left + 18, 190, left + 242, 290), ground)
        draw.rectangle((left + 120, 600, left + 140, 820), ink)
        draw.rounded_rectangle((left + 50, 810, left + 210, 834), 12, ink)


def _bag(draw: Draw, ground: Colour, ink: Colour) -> None:
    draw.arc((500, 110, 780, 470), 180, 360, ink, 36)
    draw.rounded_rectangle((380, 300, 900, 850), 40, ink)
    for left in (460, 620, 780):
        draw.rounded_rectangle((left, 400, left + 40, 740), 18, ground)


def _corkscrew(draw: Draw, ground: Colour, ink: Colour) -> None:
    draw.rounded_rectangle((380, 150, 900, 260), 55, ink)
    draw.rectangle((620, 250, 660, 420), ink)
    for top in range(420, 780, 90):
        draw.arc((570, top, 710, top + 120), 100, 440, ink, 32)
    draw.polygon([(610, 800), (670, 800), (640, 890)], ink)


def _ticket(draw: Draw, ground: Colour, ink: Colour) -> None:
    draw.rounded_rectangle((290, 290, 990, 670), 44, ink)
    for middle in (290, 990):
        draw.ellipse((middle - 56, 424, middle + 56, 536), ground)
    for top in range(330, 640, 56):
        draw.rounded_rectangle((792, top, 804, top + 30), 6, ground)
    draw.ellipse((420, 380, 520, 480), outline=ground, width=22)
    draw.ellipse((560, 480, 660, 580), outline=ground, width=22)
    draw.line((440, 580, 640, 380), ground, 22)


_SHAPES: dict[str, Callable[[Draw, Colour, Colour], None]] = {
    "bag": _bag,
    "bottle": _bottle,
    "corkscrew": _corkscrew,
    "glass": _glass,
    "ticket": _ticket,
}
