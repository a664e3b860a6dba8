"""A picture as every mail program can show it. What else the file carried, such as where it was taken, is gone."""

import hashlib
import io
import re
from dataclasses import dataclass

from PIL import Image, ImageCms, ImageOps

# Twice the width of a letter, for sharp screens.
WIDEST = 1_200
LARGEST = 10 * 2**20
LARGEST_SIDE = 8_000
MOST_PIXELS = 25_000_000
# Of all frames of an animation together: each is held in memory.
MOST_MOVING_PIXELS = 30_000_000
QUALITY = 82

READ = ("PNG", "JPEG", "GIF", "WEBP")
KINDS = {"PNG": ("png", "image/png"), "JPEG": ("jpg", "image/jpeg"), "GIF": ("gif", "image/gif")}
TYPES = dict(KINDS.values())
# What Pillow raises for bytes that are no picture, or one that was made to harm.
BROKEN = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


class NotForMail(ValueError):
    """Says what to do instead."""


@dataclass(frozen=True)
class Fitted:
    content: bytes
    extension: str
    content_type: str
    width: int
    height: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def fitted(content: bytes) -> Fitted:
    """PNG, JPEG and GIF stay what they are; WebP, which Outlook cannot show, becomes one of them. Raises NotForMail."""
    if len(content) > LARGEST:
        raise NotForMail(f"The picture is larger than {LARGEST // 2**20} MB. Save it smaller.")
    if _is_drawing(content):
        raise NotForMail("Mail programs show no SVG. Save the drawing as PNG.")
    try:
        with Image.open(io.BytesIO(content), formats=READ) as picture:
            _refuse_bombs(picture)
            return _moving(picture) if _moves(picture) else _still(picture)
    except NotForMail:
        raise
    except BROKEN as fault:
        raise NotForMail("This is not a picture we can read. Use PNG, JPEG, GIF or WebP.") from fault


def _is_drawing(content: bytes) -> bool:
    beginning = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return beginning.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in content[:100_000].lower()


def _refuse_bombs(picture: Image.Image) -> None:
    """By what the file says of itself, before a pixel of it is unpacked."""
    width, height = picture.size
    if max(width, height) > LARGEST_SIDE or width * height > MOST_PIXELS:
        raise NotForMail(f"The picture is {width:,} by {height:,} pixels. Letters show {WIDEST:,}; save it smaller.")


def _moves(picture: Image.Image) -> bool:
    if picture.format not in ("GIF", "WEBP") or not getattr(picture, "is_animated", False):
        return False
    if picture.format == "WEBP":
        raise NotForMail("Outlook and others show no moving WebP. Save it as GIF.")
    if picture.n_frames * picture.width * picture.height > MOST_MOVING_PIXELS:  # type: ignore[attr-defined]
        raise NotForMail("The animation is too long for its size. Save it smaller, or with fewer frames.")
    return True


def _moving(picture: Image.Image) -> Fitted:
    frames, shown = [], []
    for number in range(picture.n_frames):  # type: ignore[attr-defined]
        picture.seek(number)
        frames.append(_narrow(_bare(picture.convert("RGBA"))))
        shown.append(picture.info.get("duration", 100))
    again = {"loop": picture.info["loop"]} if "loop" in picture.info else {}
    out = io.BytesIO()
    # Every frame is whole, so each replaces the one before.
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=shown, disposal=2, **again)
    return _as("GIF", out, frames[0])


def _still(picture: Image.Image) -> Fitted:
    is_clear = picture.has_transparency_data
    kind = picture.format if picture.format in ("PNG", "GIF") else "PNG" if is_clear else "JPEG"
    picture.draft("RGB", (2 * WIDEST, 2 * WIDEST))  # a JPEG is unpacked no larger than needed
    upright = _narrow(_in_common_colours(ImageOps.exif_transpose(picture), is_clear))
    out = io.BytesIO()
    if kind == "JPEG":
        upright.save(out, kind, quality=QUALITY, optimize=True, progressive=True)
    else:
        upright.save(out, kind, optimize=True)
    return _as(kind, out, upright)


def _in_common_colours(picture: Image.Image, is_clear: bool) -> Image.Image:
    """In sRGB, which is what mail programs take for granted."""
    profile = picture.info.get("icc_profile")
    if profile and picture.mode in ("RGB", "CMYK"):
        try:
            theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            changed = ImageCms.profileToProfile(picture, theirs, ImageCms.createProfile("sRGB"), outputMode="RGB")
            picture = changed or picture
        except (ImageCms.PyCMSError, OSError):
            pass  # an unreadable profile says nothing about the picture
    return _bare(picture.convert("RGBA" if is_clear else "RGB"))


def _bare(picture: Image.Image) -> Image.Image:
    """Without comments and whatever else would be written into the new file."""
    picture.info = {}
    return picture


def _narrow(picture: Image.Image) -> Image.Image:
    picture.thumbnail((WIDEST, LARGEST_SIDE))
    return picture


def _as(kind: str, out: io.BytesIO, picture: Image.Image) -> Fitted:
    extension, content_type = KINDS[kind]
    return Fitted(out.getvalue(), extension, content_type, picture.width, picture.height)


def named(file_name: str) -> str:
    """What to call a picture before anybody said so: `summer_sale-2.png` is “summer sale 2”."""
    stem = file_name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or file_name
    return " ".join(re.split(r"[\s_-]+", stem)).strip()[:120] or "Picture"
