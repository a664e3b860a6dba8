"""The app's icon on a phone's home screen: the business's logo, or its first letter on its colour."""

import io

from PIL import Image, ImageDraw, ImageFont

from loyalty.rules import colours

# A maskable icon may be cut to a circle of four fifths; the others show all of it.
SHARES = {"any": 0.86, "maskable": 0.6, "apple": 0.72}
PURPOSES = tuple(SHARES)
SIZES = (180, 192, 512)
# A logo wider than this is a line of words, which nobody reads on an icon.
_WIDEST = 2.2
_WHITE, _INK = "#ffffff", "#18191c"


def draw(*, logo: bytes, name: str, accent: str, purpose: str, size: int) -> bytes:
    """A square PNG. `logo` is a PNG or empty; `purpose` is one of PURPOSES."""
    picture = _logo(logo) if logo else None
    icon = _of_letter(name, accent, purpose, size) if picture is None else _of_logo(picture, purpose, size)
    out = io.BytesIO()
    icon.save(out, "PNG", optimize=True)
    return out.getvalue()


def _logo(content: bytes) -> Image.Image | None:
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    picture = picture.crop(picture.getbbox())
    return picture if picture.width <= picture.height * _WIDEST else None


def _of_logo(picture: Image.Image, purpose: str, size: int) -> Image.Image:
    side = round(size * (1 if purpose == "any" else SHARES[purpose]))
    scale = side / max(picture.size)
    small = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    ground = (0, 0, 0, 0) if purpose == "any" else _ground(picture)
    icon = Image.new("RGBA", (size, size), ground)
    icon.alpha_composite(small, ((size - small.width) // 2, (size - small.height) // 2))
    return icon


def _ground(picture: Image.Image) -> str:
    """The logo's own ground when it has one, else white, or ink below a white logo."""
    red, green, blue, alpha = picture.getpixel((0, 0))  # type: ignore[misc]
    if alpha == 255:
        return f"#{red:02x}{green:02x}{blue:02x}"
    shades, opaque = picture.convert("L"), picture.getchannel("A").point(lambda value: 255 if value > 127 else 0)
    bright = shades.resize((1, 1), box=opaque.getbbox()).getpixel((0, 0))
    return _INK if isinstance(bright, int) and bright > 200 else _WHITE


def _of_letter(name: str, accent: str, purpose: str, size: int) -> Image.Image:
    icon = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    pen = ImageDraw.Draw(icon)
    corner = size * 0.22 if purpose == "any" else 0
    pen.rounded_rectangle((0, 0, size - 1, size - 1), corner, fill=accent)
    font = ImageFont.load_default(size * SHARES[purpose] * 0.72)
    letter = (name.strip() or "R")[0].upper()
    on = colours.readable_on(accent)
    pen.text((size / 2, size / 2), letter, on, font, anchor="mm", stroke_width=size / 90, stroke_fill=on)
    return icon
