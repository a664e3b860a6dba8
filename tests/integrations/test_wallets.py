"""A member's card in Apple Wallet: its file, what phones ask about it, and how they hear that it changed."""

import datetime as dt
import hashlib
import io
import json
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from PIL import Image, ImageColor, ImageDraw

from campaigns.actions.wallets import keep_wallets, look_at_certificate
from config.wallet import apple_identity
from integrations.models import StaffAlert
from integrations.wallets import apns
from integrations.wallets.base import Word, wallet
from loyalty.actions import cards, merging, points, profiles, tiers, till_keys
from loyalty.actions import wallet as passes
from loyalty.actions.members import join
from loyalty.api.shoppers import access_token
from loyalty.models import Business, Device, Member, Store, User, WalletPass, WalletPhone
from tests.apple import ENDS, PASS_TYPE, TEAM, Authority, PushService, authority, open_push_service

SECONDS = dt.timedelta(seconds=1)
APPLE = WalletPass.Kind.APPLE
SETTLED = passes.SETTLES + SECONDS


@pytest.fixture(scope="session")
def apple() -> Authority:
    return authority()


@pytest.fixture
def push(apple: Authority, settings: Any, tmp_path: Path) -> Iterator[PushService]:
    with open_push_service(apple, tmp_path) as service:
        settings.APPLE_PASS = apple_identity(apple.variables())
        settings.WALLETS = {"apple": "integrations.wallets.apple.AppleWallet"}
        settings.APNS_URL = f"https://localhost:{service.port}"
        settings.APNS_CA_FILE = str(tmp_path / "trusted.pem")
        settings.PUBLIC_URL = "https://shop.example"
        yield service


@pytest.fixture
def now() -> dt.datetime:
    """Views look at the clock."""
    return timezone.now()


@pytest.fixture
def ada(db: None, now: dt.datetime) -> Member:
    Business.objects.filter(pk=1).update(name="Harbor Wines", accent="#0f766e")
    return join(name="Ada Lovelace", email="ada@example.com", source="till", now=now)


@pytest.fixture
def app(ada: Member, now: dt.datetime) -> "App":
    return App(ada, now)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the clock of signed links be so many seconds later."""

    def go_on(seconds: float) -> None:
        at = time.time() + seconds
        monkeypatch.setattr(time, "time", lambda: at)

    return go_on


@pytest.fixture
def phone(app: "App", push: PushService) -> "Phone":
    """Ada's, with her card in its wallet, and told once since it registered, yesterday as it were."""
    phone = Phone("a" * 64)
    phone.add(app.card())
    settle(push, at=timezone.now() - dt.timedelta(days=1))
    return phone


def settle(push: PushService, *, at: dt.datetime) -> None:
    """Let all phones be told of what there is, and begin anew to count."""
    due = passes.claim_due(now=timezone.now() + SETTLED, most=100)
    passes.note_told(due, now=at)
    push.told.clear()


class App:
    """The shop's app, with somebody signed in."""

    def __init__(self, member: Member, now: dt.datetime) -> None:
        device = Device.objects.create(member=member, name="Phone", created_at=now, seen_at=now)
        self.client = Client(headers={"authorization": f"Bearer {access_token(device, now=now)}"})

    def ask(self, method: str = "post", kind: str = "apple") -> Any:
        return getattr(self.client, method)(f"/api/loyalty/v1/me/wallet/{kind}")

    def card(self) -> bytes:
        answer = Client().get(self.ask().json()["url"])
        assert answer["Content-Type"] == "application/vnd.apple.pkpass"
        return bytes(answer.content)


class Phone:
    """What Wallet does on a phone: https://developer.apple.com/documentation/walletpasses."""

    def __init__(self, push_token: str) -> None:
        self.device_id, self.push_token, self.tag = uuid4().hex, push_token, ""
        self.client = Client(enforce_csrf_checks=True)
        self.shown: dict[str, Any] = {}
        self.modified = ""

    def add(self, file: bytes) -> Any:
        self.shown = read(file)
        return self.register()

    def register(self, **changed: Any) -> Any:
        return self._call("post", self._registration(), {"pushToken": self.push_token} | changed)

    def throw_away(self) -> Any:
        return self._call("delete", self._registration())

    def what_changed(self) -> list[str]:
        path = f"devices/{self.device_id}/registrations/{PASS_TYPE}"
        answer = self.client.get(f"/wallet/v1/{path}", {"passesUpdatedSince": self.tag} if self.tag else {})
        if answer.status_code == 204:
            return []
        self.tag = answer.json()["lastUpdated"]
        return list(answer.json()["serialNumbers"])

    def fetch(self) -> int:
        how = {"if-modified-since": self.modified} if self.modified else {}
        answer = self._call("get", f"passes/{PASS_TYPE}/{self.shown['serialNumber']}", **how)
        if answer.status_code == 200:
            self.shown, self.modified = read(answer.content), answer["Last-Modified"]
        return int(answer.status_code)

    def woken(self) -> None:
        """What it does when it was told that something changed."""
        for serial in self.what_changed():
            assert serial == self.shown["serialNumber"]
            assert self.fetch() == 200

    def values(self) -> dict[str, Any]:
        card = self.shown["storeCard"]
        return {each["key"]: each["value"] for each in [*card["headerFields"], *card["secondaryFields"]]}

    def _registration(self) -> str:
        return f"devices/{self.device_id}/registrations/{PASS_TYPE}/{self.shown['serialNumber']}"

    def _call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        shown = {"authorization": f"ApplePass {self.shown['authenticationToken']}"} | headers
        how = {"content_type": "application/json", "data": body} if body is not None else {}
        return getattr(self.client, method)(f"/wallet/v1/{path}", headers=shown, **how)


def parts(file: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def read(file: bytes) -> dict[str, Any]:
    return dict(json.loads(parts(file)["pass.json"]))


def give(member: Member, number: int, now: dt.datetime, by: User) -> None:
    points.correct(member=member, points=number, note="A gift", reference=uuid4().hex, by=by, now=now)


# --- The file -------------------------------------------------------------------------------------------------------


def test_a_card_is_signed_so_that_a_phone_trusts_it_and_every_part_is_in_the_manifest(
    push: PushService, app: App, apple: Authority, tmp_path: Path
) -> None:
    found = parts(app.card())
    manifest = json.loads(found["manifest.json"])
    assert manifest == {
        name: hashlib.sha1(content).hexdigest()
        for name, content in found.items()
        if name not in ("manifest.json", "signature")
    }
    for name, content in {**found, "root.pem": apple.root.pem}.items():
        (tmp_path / name).write_bytes(content)
    verify = "openssl smime -verify -inform DER -in signature -content manifest.json -CAfile root.pem -purpose any"
    done = subprocess.run(verify.split(), cwd=tmp_path, capture_output=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    (tmp_path / "manifest.json").write_bytes(found["manifest.json"].replace(b"icon", b"ikon"))
    forged = subprocess.run(verify.split(), cwd=tmp_path, capture_output=True, check=False, timeout=30)
    assert forged.returncode != 0


def test_a_card_shows_the_shop_the_member_and_their_points(
    push: PushService, app: App, ada: Member, manager: User, now: dt.datetime
) -> None:
    give(ada, 120, now, manager)
    shown = read(app.card())
    assert (shown["passTypeIdentifier"], shown["teamIdentifier"]) == (PASS_TYPE, TEAM)
    assert (shown["organizationName"], shown["webServiceURL"]) == ("Harbor Wines", "https://shop.example/wallet")
    assert (shown["backgroundColor"], shown["foregroundColor"]) == ("rgb(15, 118, 110)", "rgb(255, 255, 255)")
    assert shown["storeCard"]["headerFields"] == [{"key": "points", "label": "Points", "value": 120}]
    assert shown["storeCard"]["secondaryFields"] == [{"key": "name", "label": "Member", "value": "Ada Lovelace"}]
    assert len(shown["authenticationToken"]) >= 16
    assert "voided" not in shown


def test_a_card_speaks_its_members_language(push: PushService, app: App, ada: Member) -> None:
    Member.objects.filter(pk=ada.pk).update(language="es")
    shown = read(app.card())
    assert shown["storeCard"]["headerFields"][0]["label"] == "Puntos"


def test_a_cards_pictures_have_the_sizes_wallets_ask_for(push: PushService, app: App, ada: Member) -> None:
    def sizes() -> dict[str, tuple[int, int]]:
        found = parts(app.card())
        return {name: Image.open(io.BytesIO(found[name])).size for name in found if name.endswith(".png")}

    icons = {"icon.png": (29, 29), "icon@2x.png": (58, 58), "icon@3x.png": (87, 87)}
    assert sizes() == icons | {"logo.png": (50, 50), "logo@2x.png": (100, 100), "logo@3x.png": (150, 150)}
    picture = io.BytesIO()
    Image.new("RGB", (640, 100), "#aa2233").save(picture, "PNG")
    Business.objects.filter(pk=1).update(logo=picture.getvalue(), logo_digest="1" * 16)
    assert sizes() == icons | {"logo.png": (160, 50), "logo@2x.png": (320, 100), "logo@3x.png": (480, 150)}


@pytest.mark.parametrize(
    ("logo", "ground"), [("#0f766e", (255, 255, 255)), ("#000000", (255, 255, 255)), ("#ffffff", (24, 25, 28))]
)
def test_a_logo_of_any_colour_is_seen_on_a_card_of_any_colour(
    push: PushService, app: App, logo: str, ground: tuple[int, int, int]
) -> None:
    content, picture = io.BytesIO(), Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((0, 0, 99, 99), fill=logo)
    picture.save(content, "PNG")
    Business.objects.filter(pk=1).update(logo=content.getvalue(), logo_digest="2" * 16)
    found = parts(app.card())
    for name in ("icon@3x.png", "logo@3x.png"):
        drawn = Image.open(io.BytesIO(found[name])).convert("RGB")
        assert drawn.getpixel((1, 1)) == ground
        assert drawn.getpixel((drawn.width // 2, drawn.height // 2)) == ImageColor.getrgb(logo)


def test_the_link_to_a_card_runs_out_and_opens_no_other(
    push: PushService, app: App, later: Callable[[float], None]
) -> None:
    url = app.ask().json()["url"]
    assert Client().get(url).status_code == 200
    assert Client().get(url[:-1]).status_code == 410
    later(660)
    assert Client().get(url).status_code == 410


def test_a_shop_without_certificates_offers_no_card(app: App, client: Client) -> None:
    assert client.get("/api/loyalty/v1/programme").json()["wallets"] == []
    assert app.ask().status_code == 404
    assert not WalletPass.objects.exists()
    assert client.get(f"/wallet/v1/devices/d/registrations/{PASS_TYPE}").status_code == 204


def test_a_shop_with_certificates_says_so_and_a_member_has_one_card(push: PushService, app: App) -> None:
    assert Client().get("/api/loyalty/v1/programme").json()["wallets"] == ["apple"]
    assert read(app.card()) == read(app.card())
    assert app.ask(kind="google").status_code == 404


# --- At the till ----------------------------------------------------------------------------------------------------


def test_the_till_reads_the_card_as_often_as_it_is_shown(phone: Phone, ada: Member, now: dt.datetime) -> None:
    code = phone.shown["barcodes"][0]["message"]
    assert cards.holder_of(text=code, now=now) == cards.holder_of(text=f" {code}\n", now=now) == ada


def test_a_till_finds_a_member_by_the_card_over_the_api_and_on_its_page(
    phone: Phone, ada: Member, manager: User, client: Client, now: dt.datetime
) -> None:
    code = phone.shown["barcodes"][0]["message"]
    store = Store.objects.create(code="harbor", name="Harbor")
    key = till_keys.make_till_key(store=store, name="Till", scopes=["members"], by=manager, now=now)
    headers = {"authorization": f"Bearer {key.shown}"}
    for _twice in range(2):
        answer = client.get("/api/loyalty/v1/till/members", {"card": code}, headers=headers)
        assert [row["id"] for row in answer.json()["results"]] == [str(ada.public_id)]
    assert client.get("/api/loyalty/v1/till/members", {"card": code[:-1]}, headers=headers).status_code == 409
    client.force_login(manager)
    found = client.get(reverse("loyalty:till"), {"q": code})
    assert found["Location"] == reverse("loyalty:till-member", args=[ada.public_id])


def test_no_till_reads_a_forged_card(phone: Phone, now: dt.datetime) -> None:
    code = phone.shown["barcodes"][0]["message"]
    for forged in (code[:-1], f"{code}A", "RGW1.x.y", "RGW1..", "RGW1", f"RGW1.{code.split('.')[1]}.AAAA"):
        with pytest.raises(cards.CardNotRead):
            cards.holder_of(text=forged, now=now)


def test_a_card_made_under_an_earlier_key_of_this_copy_counts(phone: Phone, settings: Any, now: dt.datetime) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-of-this-copy"
    assert cards.holder_of(text=phone.shown["barcodes"][0]["message"], now=now)
    assert phone.fetch() == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert phone.fetch() == 304  # it was given another token with the card


# --- What phones ask ------------------------------------------------------------------------------------------------


def test_a_phone_registers_asks_fetches_and_throws_away(phone: Phone, ada: Member) -> None:
    assert phone.register().status_code == 200  # it was new when it was added
    assert phone.what_changed() == [phone.shown["serialNumber"]]
    assert phone.what_changed() == []
    assert phone.fetch() == 200
    assert phone.fetch() == 304
    assert phone.throw_away().status_code == 200
    assert not WalletPhone.objects.exists()
    phone.tag = ""
    assert phone.what_changed() == []


def test_a_new_registration_is_created(push: PushService, app: App) -> None:
    assert Phone("b" * 64).add(app.card()).status_code == 201


def test_nobody_gets_a_card_without_its_token(phone: Phone, ada: Member) -> None:
    right = phone.shown["authenticationToken"]
    for wrong in ("", right[:-1], "é", right.upper()):
        phone.shown["authenticationToken"] = wrong
        assert phone.fetch() == 401
        assert phone.register().status_code == 401
        assert phone.throw_away().status_code == 401
    assert WalletPhone.objects.count() == 1


def test_a_token_opens_its_own_card_and_no_other(phone: Phone, now: dt.datetime) -> None:
    bob = join(name="Bob", email="bob@example.com", source="till", now=now)
    phone.shown["serialNumber"] = str(passes.issue(member=bob, kind=APPLE, now=now).public_id)
    assert phone.fetch() == 401
    for nonsense in ("x", str(uuid4()), "1" * 300):
        phone.shown["serialNumber"] = nonsense
        assert phone.fetch() == 401


@pytest.mark.parametrize("token", ["", "xyz", "../../1", "a" * 300, None, 7, ["a"]])
def test_what_is_no_token_of_a_phone_is_refused(phone: Phone, token: Any) -> None:
    assert phone.register(pushToken=token).status_code == 400
    assert WalletPhone.objects.get().push_token == "a" * 64


def test_of_the_phones_of_a_card_the_newest_are_kept(phone: Phone, app: App) -> None:
    card = app.card()
    for number in range(passes.MOST_PHONES + 3):
        assert Phone(f"{number:064x}").add(card).status_code == 201
    kept = set(WalletPhone.objects.values_list("push_token", flat=True))
    assert kept == {f"{number:064x}" for number in range(3, passes.MOST_PHONES + 3)}


def test_what_a_phone_complains_of_is_logged_shortly_and_without_addresses(
    push: PushService, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="campaigns.api.wallet")
    lines = ["ada@example.com\nCRITICAL forged", "x" * 5_000, *map(str, range(50))]
    answer = client.post("/wallet/v1/log", {"logs": lines}, content_type="application/json")
    assert answer.status_code == 200
    assert len(caplog.messages) == 10
    assert max(map(len, caplog.messages)) < 400
    assert not any("ada@example.com" in line or "\n" in line for line in caplog.messages)
    for nonsense in ("[]", "{", '{"logs": 1}', "[" * 20_000):
        assert client.post("/wallet/v1/log", nonsense, content_type="application/json").status_code == 200


def test_nothing_a_phone_complains_of_steers_the_screen_of_who_reads_the_log(
    push: PushService, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="campaigns.api.wallet")
    client.post("/wallet/v1/log", {"logs": ["\x1b[2JNo\x00 pass\u202e for\x9b you"]}, content_type="application/json")
    assert [message.partition(": ")[2] for message in caplog.messages] == ["[2JNo pass for you"]


def test_nobody_fills_the_log_of_a_shop(
    push: PushService, client: Client, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    caplog.set_level("INFO", logger="campaigns.api.wallet")

    def complain(**how: Any) -> int:
        return client.post("/wallet/v1/log", {"logs": ["Oh"]}, content_type="application/json", **how).status_code

    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": {"stranger": 2}}
    assert [complain() for _ in range(3)] == [200, 200, 429]
    assert complain(REMOTE_ADDR="192.0.2.7") == 200
    settings.WALLETS = {}
    assert complain(REMOTE_ADDR="192.0.2.8") == 404
    assert len([message for message in caplog.messages if "A phone says" in message]) == 3


# --- Changes --------------------------------------------------------------------------------------------------------


def test_a_card_updates_by_itself_when_points_change(
    phone: Phone, push: PushService, ada: Member, manager: User, now: dt.datetime
) -> None:
    phone.woken()
    give(ada, 50, now, manager)
    keep_wallets(now=now + SECONDS)
    assert push.told == []
    keep_wallets(now=now + SECONDS + SETTLED)
    assert push.tokens == [phone.push_token]
    [call] = push.told
    assert (call["body"], call["headers"]["apns-topic"]) == (b"{}", PASS_TYPE)
    assert push.callers == {PASS_TYPE}
    phone.woken()
    assert phone.values() == {"points": 50, "name": "Ada Lovelace"}


def test_a_card_updates_by_itself_when_its_member_reaches_a_tier(
    phone: Phone, push: PushService, ada: Member, manager: User, now: dt.datetime
) -> None:
    tiers.save_tier(tier=None, name="Silver", threshold=Decimal(0), colour="#888888", perks="")
    keep_wallets(now=now + SECONDS)
    keep_wallets(now=now + SECONDS + SETTLED)
    phone.woken()
    assert phone.values() == {"points": 0, "name": "Ada Lovelace", "tier": "Silver"}


def test_many_changes_within_seconds_are_one_push(
    phone: Phone, push: PushService, ada: Member, manager: User, now: dt.datetime
) -> None:
    for second in range(5):
        give(ada, 10, now + second * SECONDS, manager)
        keep_wallets(now=now + second * SECONDS)
    keep_wallets(now=now + 10 * SECONDS)
    keep_wallets(now=now + 20 * SECONDS)
    assert push.tokens == [phone.push_token]
    phone.woken()
    assert phone.values()["points"] == 50


def test_what_changes_while_a_phone_is_told_is_told_once_more(
    phone: Phone, push: PushService, ada: Member, manager: User, now: dt.datetime
) -> None:
    give(ada, 10, now, manager)
    passes.bring_up_to_date(now=now)
    [due] = passes.claim_due(now=now + SETTLED, most=10)
    give(ada, 10, now, manager)
    passes.bring_up_to_date(now=now + SETTLED)
    passes.note_told([due], now=now + SETTLED)
    keep_wallets(now=now + 2 * SETTLED)
    assert push.tokens == [phone.push_token]


def test_a_phone_that_registers_while_another_is_told_is_told_too(
    phone: Phone, app: App, push: PushService, ada: Member, manager: User, now: dt.datetime
) -> None:
    other = Phone("b" * 64)
    other.shown = read(app.card())
    give(ada, 10, now, manager)
    keep_wallets(now=now)
    due = passes.claim_due(now=now + SETTLED, most=10)
    assert other.register().status_code == 201
    passes.note_told(due, now=now + SETTLED)
    keep_wallets(now=timezone.now() + 2 * SETTLED)
    assert other.push_token in push.tokens
    other.woken()
    assert other.values()["points"] == 10


def test_a_change_before_a_phone_had_registered_reaches_it(
    push: PushService, ada: Member, manager: User, now: dt.datetime
) -> None:
    """However long it took between the card and the word that it is there."""
    row = passes.issue(member=ada, kind=APPLE, now=now)
    give(ada, 10, now, manager)
    keep_wallets(now=now + SECONDS)
    later = now + dt.timedelta(hours=1)
    passes.register(wallet_pass=row, device_id="slow", push_token="c" * 64, now=later)
    keep_wallets(now=later + SETTLED)
    assert push.tokens == ["c" * 64]


def test_however_many_cards_changed_they_are_compared_once_and_noted_together(
    push: PushService, manager: User, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        member = join(name=f"P{number}", email=f"p{number}@example.com", source="till", now=now)
        row = passes.issue(member=member, kind=APPLE, now=now)
        passes.register(wallet_pass=row, device_id=f"d{number}", push_token=f"{number:064x}", now=now)
    monkeypatch.setattr("campaigns.actions.wallets.AT_ONCE", 3)
    with CaptureQueriesContext(connection) as asked:
        assert keep_wallets(now=now + SETTLED) == 6
    written = [query["sql"] for query in asked if "UPDATE loyalty_walletpass" in query["sql"]]
    assert len([sql for sql in written if "facts" in sql]) == 1
    assert len([sql for sql in written if "pushed_at" in sql]) == 2
    assert len(push.told) == 6


def test_cards_that_could_not_be_told_of_are_put_off_together_each_for_its_own_time(
    push: PushService, db: None, now: dt.datetime, django_assert_num_queries: Any
) -> None:
    rows = []
    for number in range(4):
        member = join(name=f"P{number}", email=f"p{number}@example.com", source="till", now=now)
        rows.append(passes.issue(member=member, kind=APPLE, now=now))
    waits = {passes.Due(row.pk, row.revision, now, ()): dt.timedelta(minutes=minute) for minute, row in enumerate(rows)}
    with django_assert_num_queries(4):  # a savepoint and its end, the lock, and one statement
        passes.put_off(waits, now=now)
    due = WalletPass.objects.order_by("pk").values_list("push_due_at", flat=True)
    assert list(due) == [now + dt.timedelta(minutes=minute) for minute in range(4)]


def test_nothing_changed_tells_nobody(phone: Phone, push: PushService, now: dt.datetime) -> None:
    for minute in range(5):
        keep_wallets(now=now + dt.timedelta(minutes=minute))
    assert push.told == []


def test_a_phone_is_told_so_often_a_day_and_of_the_rest_tomorrow(
    phone: Phone, push: PushService, ada: Member, manager: User
) -> None:
    morning = timezone.now().replace(hour=6)
    for minute in range(passes.MOST_PUSHES_A_DAY + 5):
        at = morning + dt.timedelta(minutes=minute)
        give(ada, 1, at, manager)
        keep_wallets(now=at)
        keep_wallets(now=at + SETTLED)
    assert len(push.told) == passes.MOST_PUSHES_A_DAY
    keep_wallets(now=morning + dt.timedelta(days=1))
    assert len(push.told) == passes.MOST_PUSHES_A_DAY + 1
    phone.woken()
    assert phone.values()["points"] == passes.MOST_PUSHES_A_DAY + 5


def test_every_phone_of_a_member_is_told_over_one_connection(
    phone: Phone, app: App, push: PushService, ada: Member, manager: User, now: dt.datetime
) -> None:
    others = [Phone(f"{number:064x}") for number in range(passes.MOST_PHONES - 1)]
    for each in others:
        each.add(app.card())
    settle(push, at=now)
    give(ada, 5, now, manager)
    keep_wallets(now=now)
    keep_wallets(now=now + SETTLED)
    assert sorted(push.tokens) == sorted([phone.push_token, *(each.push_token for each in others)])
    assert push.connections == 1


def test_a_phone_that_apple_calls_gone_is_forgotten(
    phone: Phone, push: PushService, ada: Member, manager: User, now: dt.datetime
) -> None:
    push.answers[phone.push_token] = [(410, "Unregistered", {})]
    give(ada, 5, now, manager)
    keep_wallets(now=now)
    keep_wallets(now=now + SETTLED)
    assert not WalletPhone.objects.exists()
    give(ada, 5, now, manager)
    keep_wallets(now=now + dt.timedelta(hours=1))
    keep_wallets(now=now + dt.timedelta(hours=2))
    assert len(push.told) == 1


@pytest.mark.parametrize("reason", ["BadDeviceToken", "DeviceTokenNotForTopic", "MissingDeviceToken"])
def test_a_certificate_of_another_kind_costs_no_phone_its_card_and_staff_are_told_once(
    phone: Phone, push: PushService, ada: Member, manager: User, now: dt.datetime, reason: str
) -> None:
    push.answers[phone.push_token] = [(400, reason, {}), (400, reason, {})]
    give(ada, 5, now, manager)
    keep_wallets(now=now)
    at = now + SETTLED
    for after in (SETTLED, dt.timedelta(minutes=59), dt.timedelta(minutes=61), dt.timedelta(hours=3)):
        keep_wallets(now=now + after)
    assert len(push.told) == 3
    assert WalletPhone.objects.get().push_token == phone.push_token
    assert WalletPass.objects.get().push_due_at is None
    alert = StaffAlert.objects.get()
    assert alert.created_at >= at
    assert reason in alert.text
    assert "APPLE_PASS_CERTIFICATE" in alert.text


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        ((429, "TooManyRequests", {}), dt.timedelta(minutes=10)),
        ((429, "TooManyRequests", {"retry-after": "1800"}), dt.timedelta(minutes=30)),
        ((503, "ServiceUnavailable", {}), dt.timedelta(minutes=10)),
        ((500, "InternalServerError", {}), dt.timedelta(minutes=1)),
        ((403, "BadCertificate", {}), dt.timedelta(minutes=1)),
    ],
)
def test_a_phone_that_could_not_be_told_is_told_later(
    phone: Phone, push: PushService, ada: Member, manager: User, now: dt.datetime, answer: Any, wait: dt.timedelta
) -> None:
    push.answers[phone.push_token] = [answer]
    give(ada, 5, now, manager)
    keep_wallets(now=now)
    at = now + SETTLED
    keep_wallets(now=at)
    keep_wallets(now=at + wait - SECONDS)
    assert len(push.told) == 1
    keep_wallets(now=at + wait + SECONDS)
    assert len(push.told) == 2
    assert WalletPass.objects.get().push_due_at is None


def test_apple_may_end_the_connection_and_every_phone_is_told_all_the_same(push: PushService) -> None:
    push.goes_away_after = [3, 2]
    tokens = [f"{number:064x}" for number in range(10)]
    answers = wallet("apple").tell_changed(tokens)
    told = {token for token, answer in zip(tokens, answers, strict=True) if answer.word == Word.TOLD}
    assert told <= set(push.tokens)
    assert all(answer.word in (Word.TOLD, Word.REFUSED) for answer in answers)
    again = [token for token in tokens if token not in told]
    assert all(answer.word == Word.TOLD for answer in wallet("apple").tell_changed(again))
    assert set(push.tokens) == set(tokens)


def test_apple_falls_silent_or_is_not_there(push: PushService, settings: Any) -> None:
    settings.OUTGOING_TIMEOUT = 0.3
    push.is_silent = True
    [answer] = wallet("apple").tell_changed(["a" * 64])
    assert answer.word == Word.REFUSED
    settings.APNS_URL = "https://localhost:1"
    [answer] = wallet("apple").tell_changed(["a" * 64])
    assert answer.word == Word.REFUSED
    settings.APNS_CA_FILE = ""
    settings.APNS_URL = f"https://localhost:{push.port}"
    [stranger] = wallet("apple").tell_changed(["a" * 64])
    assert stranger.word == Word.REFUSED


def test_what_is_no_token_is_never_made_an_address(push: PushService, settings: Any) -> None:
    answers = apns.tell_changed(["../../admin", "a" * 64], identity=settings.APPLE_PASS, url=settings.APNS_URL)
    assert [answer.word for answer in answers] == [Word.GONE, Word.TOLD]
    assert push.tokens == ["a" * 64]


def test_a_worker_that_dies_while_it_tells_leaves_the_phone_to_the_next(
    phone: Phone, push: PushService, ada: Member, manager: User, now: dt.datetime
) -> None:
    give(ada, 5, now, manager)
    passes.bring_up_to_date(now=now)
    assert passes.claim_due(now=now + SETTLED, most=10)
    keep_wallets(now=now + SETTLED + SECONDS)
    assert push.told == []
    keep_wallets(now=now + SETTLED + passes.LEASE + SECONDS)
    assert push.tokens == [phone.push_token]


# --- Leaving, merging, losing a phone -------------------------------------------------------------------------------


def test_the_card_of_a_member_who_leaves_is_emptied_on_their_phone(
    phone: Phone, push: PushService, ada: Member, manager: User, now: dt.datetime
) -> None:
    give(ada, 50, now, manager)
    keep_wallets(now=now)
    phone.woken()
    code = phone.shown["barcodes"][0]["message"]
    profiles.forget(ada, now=now + SECONDS)
    row = WalletPass.objects.get()
    assert (row.name, row.points, row.tier) == ("", 0, "")
    keep_wallets(now=now + 2 * SECONDS)
    assert push.tokens == [phone.push_token]
    phone.woken()
    assert phone.shown["voided"] is True
    assert phone.values() == {}
    assert "barcodes" not in phone.shown
    with pytest.raises(cards.CardNotRead):
        cards.holder_of(text=code, now=now)
    passes.forget_phones_of_emptied(now=now + dt.timedelta(days=31))
    assert not WalletPhone.objects.exists()


def test_whoever_loses_a_phone_empties_its_card_and_adds_a_new_one(
    phone: Phone, app: App, ada: Member, now: dt.datetime
) -> None:
    old = phone.shown["barcodes"][0]["message"]
    assert app.ask("delete", kind="google").status_code == 404
    assert cards.holder_of(text=old, now=now) == ada
    assert app.ask("delete").status_code == 204
    with pytest.raises(cards.CardNotRead):
        cards.holder_of(text=old, now=now)
    new = read(app.card())
    assert new["serialNumber"] != phone.shown["serialNumber"]
    assert cards.holder_of(text=new["barcodes"][0]["message"], now=now) == ada
    phone.woken()
    assert phone.shown["voided"] is True


def test_a_member_who_turns_out_to_be_another_keeps_their_card_and_it_shows_what_both_have(
    phone: Phone, push: PushService, ada: Member, manager: User, now: dt.datetime
) -> None:
    other = join(name="A. Lovelace", email="other@example.com", source="till", now=now)
    give(ada, 30, now, manager)
    give(other, 40, now, manager)
    row = merging.merge(kept=other, merged=ada, from_merged={}, by=manager, now=now)
    keep_wallets(now=now + SECONDS)
    phone.woken()
    assert phone.values() == {"points": 70, "name": "A. Lovelace"}
    assert cards.holder_of(text=phone.shown["barcodes"][0]["message"], now=now) == other
    merging.undo(row=row, now=now + SECONDS)
    keep_wallets(now=now + 2 * SECONDS)
    phone.woken()
    assert phone.values() == {"points": 30, "name": "Ada Lovelace"}


def test_a_new_look_reaches_a_card_with_its_next_change(
    phone: Phone, ada: Member, manager: User, now: dt.datetime
) -> None:
    phone.fetch()
    Business.objects.filter(pk=1).update(accent="#7c2d12")
    assert phone.fetch() == 304
    give(ada, 5, now, manager)
    keep_wallets(now=now)
    phone.woken()
    assert phone.shown["backgroundColor"] == "rgb(124, 45, 18)"


# --- The certificate ------------------------------------------------------------------------------------------------


def test_staff_are_told_in_time_that_the_certificate_ends_and_not_every_day(push: PushService, db: None) -> None:
    for days_before in (40, 31, 29, 20, 8, 7, 5, 1, -1, -2):
        look_at_certificate(now=ENDS - dt.timedelta(days=days_before))
    told = list(StaffAlert.objects.order_by("pk").values_list("created_at", "severity"))
    assert [(ENDS - at).days for at, _ in told] == [29, 7, -1]
    assert [severity for _, severity in told] == ["warning", "warning", "error"]
