"""Pictures for messages: what is taken in, how it is kept and shown, and a store of somebody else's."""

import datetime as dt
import io
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageCms

from campaigns.actions import media as actions
from campaigns.models import MediaFile
from campaigns.queries.media import address_of, pictures
from campaigns.rules.pictures import LARGEST, NotForMail, fitted, named
from config import media
from loyalty.models import User

SHELF = "/staff/campaigns/pictures/"


def drawn(kind: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, options.pop("colour", None) or 0).save(out, kind, **options)
    return out.getvalue()


def moving(kind: str = "GIF", size: tuple[int, int] = (60, 30), frames: int = 3, **options: Any) -> bytes:
    out = io.BytesIO()
    first, *others = (Image.new("RGB", size, (80 * number % 256, 0, number)) for number in range(frames))
    first.save(out, kind, save_all=True, append_images=others, duration=120, loop=0, **options)
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.fixture
def kept(marketer: User, now: dt.datetime) -> Callable[..., MediaFile]:
    def keep(content: bytes | None = None, *, name: str = "Shelf", alt: str = "") -> MediaFile:
        return actions.keep(content=content or drawn(), name=name, alt=alt, by=marketer, now=now)

    return keep


@pytest.fixture
def desk(marketer: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(marketer)


# --- What becomes of a file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "becomes"),
    [
        (drawn("PNG"), "image/png"),
        (drawn("JPEG"), "image/jpeg"),
        (drawn("GIF"), "image/gif"),
        (drawn("WEBP"), "image/jpeg"),
        (drawn("WEBP", mode="RGBA"), "image/png"),
        (drawn("JPEG", mode="CMYK"), "image/jpeg"),
        (drawn("PNG", mode="I;16"), "image/png"),
    ],
)
def test_every_picture_becomes_one_that_outlook_shows(content: bytes, becomes: str) -> None:
    made = fitted(content)
    assert made.content_type == becomes == Image.MIME[opened(made.content).format or ""]
    assert opened(made.content).size == (made.width, made.height) == (40, 20)


def test_a_picture_is_at_most_twice_as_wide_as_a_letter() -> None:
    made = fitted(drawn("JPEG", (3000, 1500)))
    assert (made.width, made.height) == (1200, 600)


def test_an_animation_goes_on_moving() -> None:
    made = fitted(moving(size=(1500, 100), comment=b"made at home"))
    again = opened(made.content)
    assert (again.n_frames, again.size, again.info["duration"], again.info["loop"]) == (3, (1200, 80), 120, 0)  # type: ignore[attr-defined]
    assert b"made at home" not in made.content


def test_a_photo_stands_upright_and_says_nothing_of_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A phone of Ada's"
    made = fitted(drawn("JPEG", exif=exif))
    assert (made.width, made.height) == (20, 40)
    assert not opened(made.content).getexif()
    assert b"Ada" not in made.content


def test_a_photo_with_colours_of_its_own_is_brought_to_those_of_the_web() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = fitted(drawn("JPEG", icc_profile=profile, colour=(200, 30, 30)))
    assert "icc_profile" not in opened(made.content).info
    red, green, _ = opened(made.content).getpixel((5, 5))  # type: ignore[misc]
    assert (abs(red - 200) < 6, abs(green - 30) < 6) == (True, True)
    assert fitted(drawn("JPEG", icc_profile=b"no profile at all")).content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Mail programs show no SVG"),
        (b"\xef\xbb\xbf <?xml version='1.0'?>\n<!-- drawn --><svg/>", "Mail programs show no SVG"),
        (moving("WEBP"), "Save it as GIF"),
        (b"%PDF-1.7", "not a picture we can read"),
        (drawn("TIFF"), "not a picture we can read"),
        (drawn()[:50], "not a picture we can read"),
        (b"", "not a picture we can read"),
        (b"\0" * (LARGEST + 1), "larger than 10 MB"),
        (drawn(size=(8001, 2), mode="1"), "8,001 by 2 pixels"),
        (drawn(size=(6000, 6000), mode="1"), "6,000 by 6,000 pixels"),
        (moving(size=(1000, 1000), frames=31), "too long for its size"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_what_to_do_instead(content: bytes, said: str) -> None:
    with pytest.raises(NotForMail, match=said):
        fitted(content)


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("summer_sale-2.png", "summer sale 2"), ("C:\\Photos\\Bar.JPG", "Bar"), (".png", ".png"),
        ("___.png", "Picture"), ("x" * 300 + ".png", "x" * 120),
    ],
)  # fmt: skip
def test_a_file_says_what_its_picture_is_called(file_name: str, name: str) -> None:
    assert named(file_name) == name


# --- Kept, described, put aside -----------------------------------------------------------------------------------


def test_the_same_picture_again_is_the_same_row_and_in_use_again(
    kept: Callable[..., MediaFile], now: dt.datetime
) -> None:
    first = kept(name="Shelf")
    actions.archive(media=first, now=now)
    again = kept(name="Another name", alt="A shelf")
    assert MediaFile.objects.get() == again == first
    assert (again.name, again.alt, again.archived_at) == ("Shelf", "A shelf", None)


def test_a_picture_is_found_by_what_it_is_called_and_by_what_it_shows(kept: Callable[..., MediaFile]) -> None:
    kept(drawn(size=(9, 9)), name="Bar", alt="Two people laugh")
    kept(drawn(size=(8, 8)), name="Rum")
    assert [row.name for row in pictures(q="people bar")] == ["Bar"]
    assert [row.name for row in pictures(shelf="silent")] == ["Rum"]
    assert not pictures(q="gin")


def test_what_is_archived_is_offered_no_more_and_shown_for_ever(
    kept: Callable[..., MediaFile], desk: Client, now: dt.datetime
) -> None:
    picture = kept()
    desk.post(reverse("campaigns:picture-archive", args=[picture.public_id]))
    assert "Shelf" not in desk.get(f"{SHELF}choose/").content.decode()
    assert "Shelf" not in desk.get(SHELF, {"shelf": ""}).content.decode().partition('class="pictures"')[2]
    assert "Shelf" in desk.get(SHELF, {"shelf": "archived"}).content.decode()
    assert Client().get(picture.file.url).status_code == 200
    desk.post(reverse("campaigns:picture-archive", args=[picture.public_id]), {"back": "yes"})
    assert [row.name for row in pictures()] == ["Shelf"]


# --- Shown to anybody ---------------------------------------------------------------------------------------------


def test_a_picture_is_shown_to_anybody_kept_by_browsers_and_can_do_nothing(
    kept: Callable[..., MediaFile], settings: Any
) -> None:
    settings.PUBLIC_URL = "https://shop.example"
    picture = kept()
    assert address_of(picture) == f"https://shop.example/media/messages/{picture.digest}.png"
    answer = Client().get(picture.file.url)
    assert answer.content == picture.file.read()
    assert answer["Content-Type"] == "image/png"
    assert {"public", "immutable", "max-age=31536000"} == set(answer["Cache-Control"].replace(" ", "").split(","))
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert "Set-Cookie" not in answer
    known = Client().get(picture.file.url, headers={"if-none-match": answer["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert Client().head(picture.file.url).content == b""


@pytest.mark.parametrize("name", ["0" * 64 + ".png", "0" * 64 + ".svg", "..%2f..%2fsecret-key.png", "x.png/y"])
def test_nothing_else_is_shown(name: str, db: None) -> None:
    assert Client().get(f"/media/messages/{name}").status_code == 404


# --- The shelf ----------------------------------------------------------------------------------------------------


def test_several_are_uploaded_at_once_and_what_is_refused_is_named(desk: Client) -> None:
    files = [
        SimpleUploadedFile("bar_at-night.png", drawn(size=(30, 30))),
        SimpleUploadedFile("logo.svg", b"<svg/>"),
        SimpleUploadedFile("rum.webp", drawn("WEBP")),
    ]
    answer = desk.post(SHELF, {"pictures": files})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "logo.svg: Mail programs show no SVG" in page
    assert "2 pictures are kept." in page
    assert {row.name for row in pictures()} == {"bar at night", "rum"}


def test_nothing_chosen_and_too_much_chosen_are_said_beside_the_choice(desk: Client) -> None:
    empty = desk.post(SHELF)
    assert (empty.status_code, "Choose a picture first." in empty.content.decode()) == (422, True)
    many = [SimpleUploadedFile(f"{number}.png", drawn()) for number in range(21)]
    refused = desk.post(SHELF, {"pictures": many})
    assert (refused.status_code, "Take up to 20 at once" in refused.content.decode()) == (422, True)
    assert not MediaFile.objects.exists()


def test_a_picture_without_words_is_flagged_until_somebody_writes_them(
    kept: Callable[..., MediaFile], desk: Client
) -> None:
    picture = kept()
    assert "Text missing" in desk.get(SHELF).content.decode()
    url = reverse("campaigns:picture", args=[picture.public_id])
    assert desk.post(url, {"name": "", "alt": "x"}).status_code == 422
    desk.post(url, {"name": "Our shelf", "alt": "Bottles of rum on a shelf"})
    page = desk.get(SHELF).content.decode()
    assert "Text missing" not in page
    assert 'alt="Bottles of rum on a shelf"' in page


def test_a_writer_is_offered_pictures_as_buttons_of_a_form(kept: Callable[..., MediaFile], desk: Client) -> None:
    picture = kept(alt="A “shelf”")
    fragment = desk.get(f"{SHELF}choose/", {"q": "shelf"}).content.decode()
    assert f'<button class="picture" type="submit" name="media" value="{picture.public_id}"' in fragment
    assert f'data-url="{address_of(picture)}"' in fragment
    assert "<html" not in fragment
    assert "No picture fits" in desk.get(f"{SHELF}choose/", {"q": "gin"}).content.decode()


def test_a_viewer_looks_and_changes_nothing(
    kept: Callable[..., MediaFile], viewer: User, client_of: Callable[[User], Client]
) -> None:
    picture, client = kept(), client_of(viewer)
    url = reverse("campaigns:picture", args=[picture.public_id])
    assert "Upload" not in client.get(SHELF).content.decode()
    assert client.get(url).status_code == 200
    upload = {"pictures": SimpleUploadedFile("a.png", drawn(size=(5, 5)))}
    assert client.post(SHELF, upload).status_code == 403
    assert client.post(url, {"name": "Mine", "alt": ""}).status_code == 403
    assert client.post(f"{url}archive/").status_code == 403
    assert MediaFile.objects.get().name == "Shelf"


# --- Somebody else's store ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The host and port of a server that keeps to S3's contract, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]},
    ) as server:  # fmt: skip
        try:
            _wait_for(port, server)
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        with socket.socket() as visitor:
            if visitor.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            server.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError("The server of S3 did not start")


@pytest.fixture
def bucket(s3: str) -> str:
    """MEDIA_STORAGE_URL of a bucket that everybody may read."""
    client = boto3.client(
        "s3", endpoint_url=f"http://{s3}", region_name="us-east-1", aws_access_key_id="KEY",
        aws_secret_access_key="se/cret",
    )  # fmt: skip
    client.create_bucket(Bucket="pictures", ACL="public-read")
    return f"s3://KEY:se%2Fcret@{s3}/pictures?region=us-east-1&scheme=http"


@pytest.fixture
def use_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Callable[[str], None]:
    def use(url: str) -> None:
        store = storages.create_storage(media.storage(media.checked(url), tmp_path))
        monkeypatch.setattr(MediaFile._meta.get_field("file"), "storage", store)

    return use


def test_a_bucket_keeps_pictures_and_shows_them_to_anybody(
    kept: Callable[..., MediaFile], bucket: str, s3: str, use_store: Callable[[str], None], desk: Client
) -> None:
    use_store(bucket)
    picture = kept(drawn("JPEG", colour=(10, 200, 10)))
    address = address_of(picture)
    assert address == f"http://{s3}/pictures/messages/{picture.digest}.jpg"
    with urllib.request.urlopen(address) as answer:
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert "immutable" in answer.headers["Cache-Control"]
        assert len(answer.read()) == picture.size
    assert kept(drawn("JPEG", colour=(10, 200, 10))) == picture
    assert address in desk.get(SHELF).content.decode()


def test_letters_from_before_the_move_to_a_bucket_still_find_their_pictures(
    kept: Callable[..., MediaFile], bucket: str, s3: str, use_store: Callable[[str], None]
) -> None:
    picture = kept()
    before = picture.file.url
    use_store(bucket)
    answer = Client().get(before)
    assert (answer.status_code, answer["Location"]) == (302, f"http://{s3}/pictures/messages/{picture.digest}.png")


def test_pictures_may_be_read_under_another_address_than_they_are_written(
    kept: Callable[..., MediaFile], bucket: str, use_store: Callable[[str], None]
) -> None:
    use_store(f"{bucket}&public=https://cdn.shop.example/p/")
    picture = kept()
    assert address_of(picture) == f"https://cdn.shop.example/p/messages/{picture.digest}.png"
    assert media.origins(f"{bucket}&public=https://cdn.shop.example/p/") == ["https://cdn.shop.example"]


def test_a_store_that_is_away_or_refuses_us_is_said_and_nothing_is_kept(
    kept: Callable[..., MediaFile], s3: str, use_store: Callable[[str], None], desk: Client
) -> None:
    for url in ("s3://KEY:secret@127.0.0.1:9/pictures?scheme=http", f"s3://KEY:secret@{s3}/no-such-bucket?scheme=http"):
        use_store(url)
        with pytest.raises(actions.StoreAway, match="MEDIA_STORAGE_URL"):
            kept()
        answer = desk.post(SHELF, {"pictures": SimpleUploadedFile("a.png", drawn())})
        assert (answer.status_code, "does not take it now" in answer.content.decode()) == (422, True)
    assert not MediaFile.objects.exists()


def test_a_folder_that_cannot_be_written_is_said(
    kept: Callable[..., MediaFile], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "file").write_text("in the way")
    store = storages.create_storage(media.storage(None, tmp_path / "file"))
    monkeypatch.setattr(MediaFile._meta.get_field("file"), "storage", store)
    with pytest.raises(actions.StoreAway):
        kept()
