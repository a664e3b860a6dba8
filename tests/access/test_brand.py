"""How the business looks: its name, its colour, its logo; readable whatever is chosen."""

import io
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, TestCase
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from loyalty.actions import business
from loyalty.actions.business import BadLogo
from loyalty.models import Business, User
from loyalty.rules import colours
from tests.world import picture

LOOK = {
    "name": "Vine & Co", "vertical": "LIQUOR", "accent": "#aa3355", "currency": "USD", "website": "", "address": "",
    "legal_age": "21",
}  # fmt: skip
ANY_COLOUR = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@settings(deadline=None, derandomize=True)
@given(ANY_COLOUR)
def test_any_colour_gives_readable_text_and_links(colour):
    assert colours.contrast(colours.readable_on(colour), colour) >= colours.ENOUGH
    for surface in (colours.LIGHT_PAGE, "#ffffff"):
        assert colours.contrast(colours.readable_against(colour, colours.LIGHT_PAGE), surface) >= colours.ENOUGH
    for surface in (colours.DARK_PAGE, "#000000"):
        assert colours.contrast(colours.readable_against(colour, colours.DARK_PAGE), surface) >= colours.ENOUGH


@settings(deadline=None, derandomize=True)
@given(ANY_COLOUR)
def test_a_colour_that_is_readable_already_is_left_alone(colour):
    for page in (colours.LIGHT_PAGE, colours.DARK_PAGE):
        if colours.contrast(colour, page) >= colours.ENOUGH:
            assert colours.readable_against(colour, page) == colour


def save(client: Client, **values: str):
    """As on a real server: what waits for the commit happens."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        return client.post("/staff/settings/", LOOK | values)


def upload(client: Client, content: bytes, name: str = "logo.png"):
    with TestCase.captureOnCommitCallbacks(execute=True):
        return client.post("/staff/settings/logo/", {"logo": SimpleUploadedFile(name, content)}, follow=True)


@pytest.fixture
def desk(manager: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(manager)


def test_a_new_name_and_colour_are_on_the_next_page_and_at_the_door(desk, client):
    assert "Vine" not in client.get("/accounts/login/").content.decode()
    assert save(desk).status_code == 302
    for page in (desk.get("/staff/"), client.get("/accounts/login/")):
        text = page.content.decode()
        assert "Vine &amp; Co" in text
        assert "accent.css?v=aa3355" in text
    css = client.get("/staff/brand/accent.css").content.decode()
    assert "--regulars-accent:#aa3355;" in css


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("accent", "red;}body{display:none", "at most 7 characters"),
        ("accent", "#12345g", "Write the colour as # and six digits"),
        ("currency", "usd", "three letters"),
        ("legal_age", "17", "greater than or equal to 18"),
        ("name", "", "required"),
        ("website", "javascript:alert(1)", "valid URL"),
    ],
)
def test_what_cannot_be_is_said_beside_the_field(field, value, said, desk):
    answer = save(desk, **{field: value})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert Business.objects.get().name == "Regulars"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_logo_is_made_anew_as_asmall_png_and_shown_everywhere(kind, desk, client):
    upload(desk, picture(kind, (4000, 1000)))
    for page in (desk.get("/staff/"), client.get("/accounts/login/")):
        assert "/staff/brand/logo?v=" in page.content.decode()
    answer = client.get("/staff/brand/logo")
    kept = Image.open(io.BytesIO(answer.content))
    assert (answer["Content-Type"], kept.format, kept.size) == ("image/png", "PNG", (1024, 256))


def test_what_else_the_file_carried_is_gone(desk, client):
    file, secret = io.BytesIO(), "taken at 12 Harbor Street"
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = secret, 6
    Image.new("RGB", (40, 20)).save(file, "JPEG", exif=exif)
    upload(desk, file.getvalue())
    content = client.get("/staff/brand/logo").content
    assert secret.encode() not in content
    assert Image.open(io.BytesIO(content)).size == (20, 40)


def bomb() -> bytes:
    """A PNG of 60,000 × 60,000 pixels in a few bytes."""
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d" + header + zlib.crc32(header).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "not a picture we can read"),
        (b"<html><script>alert(1)</script></html>", "not a picture we can read"),
        (picture("GIF"), "not a picture we can read"),
        (picture("JPEG")[:400], "not a picture we can read"),
        (b"\x89PNG" + b"\x00" * (2 * 2**20), "larger than 2 MB"),
        (picture(size=(6001, 2)), "more than 6,000 pixels"),
        (bomb(), "picture"),
        (b"", "Choose a picture first"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused_and_the_old_one_stays(content, said, desk, client):
    upload(desk, picture())
    before = client.get("/staff/brand/logo").content
    answer = desk.post(
        "/staff/settings/logo/",
        {"logo": SimpleUploadedFile("logo.png", content)},
        headers={"referer": "http://testserver/staff/settings/"},
        follow=True,
    )
    assert said in answer.content.decode()
    assert client.get("/staff/brand/logo").content == before


@settings(deadline=None, derandomize=True)
@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.integers(0, 10_000), st.binary(min_size=1, max_size=40))
def test_a_damaged_picture_is_read_or_refused_and_breaks_nothing(kind, place, damage):
    good = picture(kind)
    place %= len(good)
    with suppress(BadLogo):
        assert business.small_png(good[:place] + damage + good[place + len(damage) :])[:4] == b"\x89PNG"


def test_without_a_logo_of_its_own_the_default_is_back(desk, client):
    upload(desk, picture())
    with TestCase.captureOnCommitCallbacks(execute=True):
        desk.post("/staff/settings/logo/", {"remove": "1"})
    assert client.get("/staff/brand/logo").status_code == 404
    assert "/staff/brand/logo" not in desk.get("/staff/").content.decode()


def test_only_managers_and_admins_change_the_look_and_others_are_told_so(viewer, marketer, manager, client_of):
    for user in (viewer, marketer):
        client = client_of(user)
        assert save(client).status_code == upload(client, picture()).status_code == 403
        page = client.get("/staff/settings/").content.decode()
        assert "<fieldset disabled>" in page
        assert "Only managers and admins change this." in page
    assert "Only managers and admins" not in client_of(manager).get("/staff/settings/").content.decode()
    assert Business.objects.get().name == "Regulars"
