"""The pictures of a pass, drawn of the shop's logo and colours at the sizes that wallets ask for."""

import io
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont, ImageStat

from integrations.wallets.base import Look

ICON = 29  # a square, shown on the lock screen
LOGO_WIDTH, LOGO_HEIGHT = 160, 50  # at most, at the pass's upper left
SCALES = {"": 1, "@2x": 2, "@3x": 3}
# A logo wider than this is a line of words, which nobody reads on a square.
_WIDEST = 2.2
_SHARE = 0.76
_WHITE, _INK = "#ffffff", "#18191c"


@lru_cache(maxsize=8)
def pictures_of(look: Look) -> dict[str, bytes]:
    """`icon.png` and `logo.png`, each at three scales."""
    logo = _logo(look.logo)
    drawn = {}
    for suffix, scale in SCALES.items():
        drawn[f"icon{suffix}.png"] = _png(_icon(look, logo, ICON * scale))
        drawn[f"logo{suffix}.png"] = _png(_mark(look, logo, scale))
    return drawn


def _logo(content: bytes) -> Image.Image | None:
    if not content:
        return None
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    return picture.crop(picture.getbbox())


def _icon(look: Look, logo: Image.Image | None, size: int) -> Image.Image:
    if logo is None or logo.width > logo.height * _WIDEST:
        return _with_letter(Image.new("RGBA", (size, size), look.background), look)
    return _on_its_ground(logo, size, size)


def _mark(look: Look, logo: Image.Image | None, scale: int) -> Image.Image:
    """The name stands beside it as text, so a shop without a logo shows its letter."""
    width, height = LOGO_WIDTH * scale, LOGO_HEIGHT * scale
    if logo is None:
        return _with_letter(Image.new("RGBA", (height, height), (0, 0, 0, 0)), look)
    shape = min(width / height, max(1.0, logo.width / logo.height))
    return _on_its_ground(logo, round(height * shape), height)


def _on_its_ground(logo: Image.Image, width: int, height: int) -> Image.Image:
    """A logo is made for a page, in any colour: on the accent of the shop it could vanish."""
    ground = _ground(logo)
    share = 1.0 if logo.getpixel((0, 0))[3] == 255 else _SHARE  # type: ignore[index]
    small = _fitted(logo, round(width * share), round(height * share))
    picture = Image.new("RGBA", (width, height), ground)
    picture.alpha_composite(small, ((width - small.width) // 2, (height - small.height) // 2))
    return picture


def _ground(logo: Image.Image) -> str:
    """The logo's own where it has one, else white, or ink below a white logo."""
    red, green, blue, alpha = logo.getpixel((0, 0))  # type: ignore[misc]
    if alpha == 255:
        return f"#{red:02x}{green:02x}{blue:02x}"
    opaque = logo.getchannel("A").point(lambda value: 255 if value > 127 else 0)
    shades = ImageStat.Stat(logo.convert("L"), opaque)
    return _INK if shades.count[0] and shades.mean[0] > 200 else _WHITE


def _with_letter(picture: Image.Image, look: Look) -> Image.Image:
    pen, middle = ImageDraw.Draw(picture), picture.width / 2
    letter = (look.shop.strip() or "R")[0].upper()
    pen.text((middle, middle), letter, look.text, ImageFont.load_default(picture.width * 0.6), anchor="mm")
    return picture


def _fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    scale = min(width / picture.width, height / picture.height)
    return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
