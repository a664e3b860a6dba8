"""What the server gives the shoppers' app."""

import datetime as dt
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageDraw

from config import locales
from loyalty.actions import business, members, referrals
from loyalty.models import Business
from loyalty.pwa import assets, icons

LOOK = {
    "name": "Corner Cellar",
    "vertical": "LIQUOR",
    "accent": "#7c2d12",
    "currency": "USD",
    "website": "",
    "address": "",
    "legal_age": 21,
}


@pytest.fixture
def shop(db: None, django_capture_on_commit_callbacks: Any) -> Callable[..., Business]:
    def change(**changes: Any) -> Business:
        with django_capture_on_commit_callbacks(execute=True):
            return business.change_business(**LOOK | changes)

    change()
    return change


@pytest.fixture
def invite(shop: Any, now: dt.datetime) -> str:
    ada = members.join(name="Ada Lovelace", email="ada@example.com", source="till", now=now)
    return referrals.invite_of(ada, now=now).code


@pytest.mark.parametrize("path", ["/", "/app/card", "/app/rewards/anything", "/join/nobody", "/app/offline"])
def test_a_page_of_the_app_holds_the_policy_and_is_asked_for_again(shop: Any, client: Client, path: str) -> None:
    answer = client.get(path)
    policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
    assert policy["script-src"] == "'self'"
    assert answer["Cache-Control"] == "no-cache"
    assert "Accept-Language" in answer["Vary"]
    assert not answer.cookies


def test_the_app_alone_may_ask_for_the_camera(shop: Any, client: Client) -> None:
    assert "camera=(self)" in client.get("/app/scan")["Permissions-Policy"]
    assert "camera=()" in client.get("/accounts/login/")["Permissions-Policy"]


def test_the_page_tells_the_age_that_is_asked_for_and_nothing_that_is_sold(shop: Any, client: Client) -> None:
    shop(legal_age=19)
    text = client.get("/").content.decode()
    found = re.search(r'<script id="boot" type="application/json">(.*?)</script>', text)
    assert found
    boot = json.loads(found[1])
    assert (boot["legal_age"], boot["name"], boot["currency"]) == (19, "Corner Cellar", "USD")
    assert set(boot) == {"name", "currency", "legal_age", "logo", "mark", "language", "languages", "words", "version"}


def test_the_service_worker_serves_every_screen_and_is_never_kept(shop: Any, client: Client) -> None:
    answer = client.get("/sw.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cache-Control"] == "no-cache"
    assert answer["Service-Worker-Allowed"] == "/"


def test_every_file_the_worker_keeps_is_there(shop: Any, client: Client) -> None:
    app = worker(client)
    assert {"/static/pwa/main.js", "/static/pwa/app.css", "/static/vendor/qr/index.js"} <= set(app["files"])
    for url in [app["shell"], app["offline"], *app["files"]]:
        assert client.get(url).status_code == 200, url


def test_another_look_or_age_is_another_version(shop: Any, client: Client) -> None:
    versions = {worker(client)["version"]}
    for changes in ({"accent": "#123456"}, {"legal_age": 19}, {"name": "Cellar"}):
        shop(**changes)
        versions.add(worker(client)["version"])
    assert len(versions) == 4


def worker(client: Client) -> dict[str, Any]:
    text = client.get("/sw.js").content.decode()
    found = re.match(r"const APP = (\{.*?\n\})\n", text, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_files_of_the_first_view_exist() -> None:
    assert set(assets.first_modules()) <= {assets.url(name) for name in assets.files()}


def test_the_manifest_can_be_installed_from(shop: Any, client: Client) -> None:
    answer = client.get(reverse("pwa:manifest"))
    assert answer["Content-Type"] == "application/manifest+json"
    told = answer.json()
    assert (told["name"], told["short_name"], told["theme_color"]) == ("Corner Cellar", "Corner", "#7c2d12")
    assert (told["start_url"], told["scope"], told["display"]) == ("/", "/", "standalone")
    assert {(icon["sizes"], icon["purpose"]) for icon in told["icons"]} == {
        (f"{size}x{size}", purpose) for size in (192, 512) for purpose in ("any", "maskable")
    }
    for icon in told["icons"]:
        picture = Image.open(io.BytesIO(client.get(icon["src"]).content))
        assert f"{picture.width}x{picture.height}" == icon["sizes"]


def test_an_icon_is_kept_for_good_and_has_another_address_for_another_look(shop: Any, client: Client) -> None:
    before = client.get(reverse("pwa:manifest")).json()["icons"][0]["src"]
    assert "immutable" in client.get(before)["Cache-Control"]
    shop(accent="#123456")
    assert client.get(reverse("pwa:manifest")).json()["icons"][0]["src"] != before
    assert client.get(reverse("pwa:icon", args=["any", 777])).status_code == 404
    assert client.get(reverse("pwa:icon", args=["other", 192])).status_code == 404


@pytest.mark.parametrize(("size", "ink"), [((300, 300), "#ff0000"), ((300, 200), "#ffffff"), ((1000, 100), "#000000")])
@pytest.mark.parametrize("purpose", icons.PURPOSES)
def test_any_logo_becomes_a_square_icon_that_can_be_seen(size: tuple[int, int], ink: str, purpose: str) -> None:
    logo = Image.new("RGBA", (size[0] + 40, size[1] + 40), (0, 0, 0, 0))
    ImageDraw.Draw(logo).ellipse((20, 20, size[0] + 20, size[1] + 20), fill=ink)
    logo.save(kept := io.BytesIO(), "PNG")
    drawn = icons.draw(logo=kept.getvalue(), name="Corner Cellar", accent="#7c2d12", purpose=purpose, size=192)
    icon = Image.open(io.BytesIO(drawn)).convert("RGBA")
    assert icon.size == (192, 192)
    colours = {colour for _, colour in icon.getcolors(192 * 192) or []}
    assert len(colours) > 1
    if purpose != "any":
        assert {colour[3] for colour in colours} == {255}


def test_an_invitation_says_who_invites_and_what_both_get(client: Client, invite: str) -> None:
    text = client.get(reverse("pwa:join", args=[invite])).content.decode()
    assert "Ada invites you to Corner Cellar" in text
    assert "Lovelace" not in text
    assert "ada@example.com" not in text
    assert "<strong>100</strong>" in text
    assert "<strong>200</strong>" in text
    assert f"/app/sign-in?invite={invite}" in text


def test_an_invitation_nobody_gave_still_lets_one_join(shop: Any, client: Client) -> None:
    answer = client.get("/join/NOBODY")
    assert answer.status_code == 404
    assert "This invitation has ended" in answer.content.decode()
    assert "/app/sign-in" in answer.content.decode()


def test_pages_speak_the_visitors_language(client: Client, invite: str) -> None:
    address = reverse("pwa:join", args=[invite])
    answer = client.get(address, headers={"accept-language": "es-MX,es;q=0.9"})
    assert "Ada te invita a Corner Cellar" in answer.content.decode()
    assert answer["Content-Language"] == "es"
    client.cookies["django_language"] = "en"
    assert "Ada invites you" in client.get(address, headers={"accept-language": "es"}).content.decode()


def test_the_words_of_a_language_are_those_of_the_scripts(shop: Any, client: Client) -> None:
    spanish = client.get(reverse("pwa:words", args=["es"])).json()
    assert spanish["Rewards"] == "Recompensas"
    assert spanish["{count} point"] == ["{count} punto", "{count} puntos"]
    assert "You are invited to %(shop)s" not in spanish
    assert client.get(reverse("pwa:words", args=["en"])).json() == {}
    assert client.get(reverse("pwa:words", args=["xx"])).status_code == 404


@pytest.mark.parametrize("code", locales.codes()[1:])
def test_every_text_is_translated_and_keeps_its_places(code: str) -> None:
    """`python -m config.locales` adds what is missing."""
    translated, found = locales.catalogue(code), locales.found()
    assert ids(translated) == ids(found)
    for message in translated:
        if not message.id:
            continue
        originals = [message.id] if isinstance(message.id, str) else list(message.id)
        texts = [message.string] if isinstance(message.string, str) else list(message.string)
        assert all(texts), message.id
        for text in texts:
            assert places(text) == places(originals[-1]), message.id


def ids(catalog: Catalog) -> set[str]:
    return {str(message.id) for message in catalog if message.id}


def places(text: str) -> set[str]:
    return set(re.findall(r"\{\w+\}|%\(\w+\)s", text))


def test_a_compiled_language_is_written_once_and_anew_after_a_change(tmp_path: Any) -> None:
    compiled = locales.compiled_into(tmp_path) / "es" / "LC_MESSAGES" / "django.mo"
    first = compiled.stat()
    assert locales.compiled_into(tmp_path) == tmp_path
    assert compiled.stat().st_ino == first.st_ino
    compiled.unlink()
    locales.compiled_into(tmp_path)
    assert compiled.read_bytes()
