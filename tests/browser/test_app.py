"""The shoppers' app in a real browser, against the real API: joining, points, scans, rewards, and all of it offline."""

import datetime as dt
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import qrcode
from django.conf import settings
from django.utils import timezone
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.actions.login_codes import send_codes
from config.wallet import apple_identity
from loyalty.actions import (
    business,
    cards,
    codes,
    products,
    programme,
    purchases,
    redemptions,
    referrals,
    rewards,
    shop,
    sign_in,
    wishlist,
)
from loyalty.models import CodeBatch, Device, Member, Product, Redemption, Reward, Scan, Tier, WishlistItem
from loyalty.queries import brand
from loyalty.rules.codes import text_of
from tests.apple import authority
from tests.browser.conftest import A_PERSONS_BROWSER, CHROMIUM, FLAGS
from tests.loyalty.counter import Counted, balance, pin
from tests.post_office import PostOffice, letters_to, open_post_office

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AN_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"
)
ADA, BORN = "ada@example.com", "1981-12-10"
A_CHILD = f"{timezone.now().year - 12}-01-01"
PHONE = {"width": 390, "height": 844}
SCREENS = (
    *("/", "/app/card", "/app/rewards", "/app/scan", "/app/activity", "/app/wishlist", "/app/friends"),
    *("/app/messages", "/app/programme", "/app/preferences", "/app/more", "/app/nowhere"),
)


# How far what is seen has moved by itself, as the browser reckons it.
SUM_OF_JUMPS = """
    window.jumped = 0
    new PerformanceObserver((seen) => seen.getEntries().forEach(({ value }) => (window.jumped += value)))
        .observe({ type: 'layout-shift', buffered: true })
"""


@pytest.fixture
def now() -> dt.datetime:
    """The browser looks at the clock."""
    return timezone.now()


@pytest.fixture
def counter(now: dt.datetime) -> Counted:
    business.change_business(
        **{
            "name": "Corner Cellar",
            "vertical": "LIQUOR",
            "accent": "#7c2d12",
            "currency": "USD",
            "website": "",
            "address": "1 Main Street",
            "legal_age": 21,
        }
    )
    return Counted(now)


@dataclass
class Phone:
    """A browser the size of a phone, and whoever holds it."""

    page: Page
    context: BrowserContext
    url: str
    errors: list[str]

    def open(self, path: str = "/") -> None:
        self.page.goto(self.url + path)

    def show_age(self, born: str = BORN) -> None:
        self.page.get_by_label("Date of birth").fill(born)
        self.page.get_by_role("button", name="Continue").click()

    def ask_for_code(self, contact: str = ADA) -> None:
        self.page.get_by_label("Email or mobile number").fill(contact)
        self.page.get_by_role("button", name="Send me a code").click()

    def type_code(self, code: str) -> None:
        self.page.get_by_label("Code", exact=True).fill(code)
        self.page.get_by_role("button", name="Continue").click()

    def sign_in(self, contact: str = ADA, *, at: str = "/") -> None:
        self.open(at)
        self.show_age()
        self.ask_for_code(contact)
        expect(self.page.get_by_role("heading", name="Enter your code")).to_be_visible()
        self.type_code(code_in_mail(contact))
        expect(self.page.get_by_role("navigation", name="Main")).to_be_visible()

    def kept_for_offline(self) -> None:
        """Wait until the service worker has every file, and works for this page."""
        self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        self.page.wait_for_function("() => navigator.serviceWorker.controller !== null")

    def wait_until(self, condition: str) -> None:
        """Until what a script promises is so. `wait_for_function` takes the promise itself for a yes."""
        self.page.evaluate(
            f"async () => {{ while (!(await ({condition})())) await new Promise(requestAnimationFrame) }}"
        )

    def lose_connection(self) -> None:
        self.context.set_offline(True)

    def find_connection(self) -> None:
        self.context.set_offline(False)


def code_in_mail(email: str) -> str:
    send_codes(now=timezone.now())
    found = re.search(r"\b(\d{6})\b", letters_to(email)[-1].get_content())
    assert found
    return found[1]


@pytest.fixture(autouse=True)
def post_office(settings: Any) -> Iterator[PostOffice]:
    with open_post_office(settings) as office:
        yield office


@pytest.fixture
def phone_with(_browser: Browser, live_server: LiveServer, counter: Counted) -> Iterator[Callable[..., Phone]]:
    """`phone_with(camera=file)`: its camera sees the file. What its pages complain about fails the test."""
    opened: list[tuple[Phone, Browser | None]] = []

    def make(*, camera: Path | None = None, locale: str = "en-US", **how: Any) -> Phone:
        own = _with_camera(_browser, camera) if camera else None
        context = (own or _browser).new_context(
            viewport=PHONE, reduced_motion="reduce", locale=locale, has_touch=True,
            **{"user_agent": A_PERSONS_BROWSER} | how,
        )  # fmt: skip
        context.set_default_timeout(10_000)
        page, errors = context.new_page(), list[str]()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
        phone = Phone(page, context, live_server.url, errors)
        opened.append((phone, own))
        return phone

    yield make
    for phone, own in opened:
        phone.context.close()
        if own:
            own.close()
    assert [error for phone, _ in opened for error in phone.errors if not _is_expected(error)] == []


def _with_camera(browser: Browser, film: Path) -> Browser:
    fake = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"
    flags = [*FLAGS, *fake, f"--use-file-for-fake-video-capture={film}"]
    return browser.browser_type.launch(executable_path=CHROMIUM, args=flags)


def _is_expected(error: str) -> bool:
    """A browser notes every refused or failed call; the app shows them to the person, which is what is tested."""
    return "Failed to load resource" in error or "net::ERR_INTERNET_DISCONNECTED" in error


@pytest.fixture
def phone(phone_with: Callable[..., Phone]) -> Phone:
    return phone_with()


@pytest.fixture
def ada(counter: Counted) -> Member:
    return counter.member("Ada Lovelace", email=ADA, points=900)


@pytest.fixture
def totes(counter: Counted, now: dt.datetime) -> Reward:
    reward = counter.reward("Canvas tote", cost=500, stock=3, description="Carries six bottles home.")
    rewards.change_picture(reward=reward, content=a_picture(), now=now)
    return reward


def a_picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "#c2410c").save(out, "PNG")
    return out.getvalue()


def a_product_code(now: dt.datetime, *, points: int = 40, times: int = 1) -> str:
    """A code that a member may scan so many times."""
    ale = shop.save_product(product=None, sku="ALE", name="Pale Ale", brand="Sierra", category="Beer", kind="", size="")
    batch = codes.make(
        name="Autumn",
        product=ale,
        use=CodeBatch.Use.SINGLE if times == 1 else CodeBatch.Use.MEMBERS,
        per_member=times,
        size=1,
        points=points,
        expires_at=None,
        by=None,
        now=now,
    )
    return text_of(batch.codes.get().pk, settings.SECRET_KEY)


# --- Coming in ----------------------------------------------------------------------------------------------------


def test_nothing_is_shown_before_a_date_of_birth_and_nothing_to_a_child(phone: Phone, totes: Reward) -> None:
    asked: list[str] = []
    phone.page.on("request", lambda request: asked.append(request.url))
    phone.open("/app/rewards")
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()
    phone.show_age(A_CHILD)
    expect(phone.page.get_by_role("heading", name="Come back when you are 21")).to_be_visible()
    phone.page.reload()
    expect(phone.page.get_by_role("heading", name="Come back when you are 21")).to_be_visible()
    assert not [url for url in asked if "/api/" in url]
    expect(phone.page.get_by_text("Canvas tote")).to_have_count(0)


def test_a_friend_joins_by_an_invitation_and_agrees_to_what_they_choose(phone: Phone, ada: Member) -> None:
    invite = invite_of(ada)
    phone.open(f"/join/{invite}")
    expect(phone.page.get_by_role("heading", name="Ada invites you to Corner Cellar")).to_be_visible()
    phone.page.get_by_role("link", name="Join now").click()
    phone.show_age("1990-05-01")
    phone.ask_for_code("grace@example.com")
    expect(phone.page.get_by_role("heading", name="Enter your code")).to_be_visible()
    phone.type_code(code_in_mail("grace@example.com"))
    phone.page.get_by_label("Your name").fill("Grace Hopper")
    expect(phone.page.get_by_label("Invitation code")).to_have_value(invite)
    boxes = phone.page.get_by_role("switch")
    assert [box.is_checked() for box in boxes.all()] == [False] * boxes.count()
    phone.page.get_by_role("switch", name="Email me offers").check()
    phone.page.get_by_role("button", name="Join", exact=True).click()
    expect(phone.page.get_by_text("Hello Grace")).to_be_visible()

    grace = Member.objects.get(email="grace@example.com")
    assert grace.birth_date == dt.date(1990, 5, 1)
    assert grace.referred_by.referrer == ada
    consent = grace.consents.get()
    assert (consent.channel, consent.topic, consent.is_granted) == ("email", "marketing", True)
    assert "Email me offers" in consent.wording


def invite_of(member: Member) -> str:
    return referrals.invite_of(member, now=timezone.now()).code


def test_a_wrong_code_is_said_beside_its_field_and_the_right_one_still_opens(phone: Phone, ada: Member) -> None:
    phone.open()
    phone.show_age()
    phone.ask_for_code()
    expect(phone.page.get_by_role("heading", name="Enter your code")).to_be_visible()
    right = code_in_mail(ADA)
    phone.type_code(f"{(int(right) + 1) % 1_000_000:06}")
    expect(phone.page.get_by_role("alert")).to_contain_text("not the code")
    phone.type_code(right)
    expect(phone.page.get_by_text("Hello Ada")).to_be_visible()


def test_what_is_neither_an_email_nor_a_number_is_said_before_anything_is_sent(phone: Phone, ada: Member) -> None:
    phone.open()
    phone.show_age()
    phone.ask_for_code("ada")
    expect(phone.page.get_by_role("alert")).to_contain_text("Enter your email or your mobile number.")
    assert not letters_to("ada")


def test_a_reload_keeps_the_session_and_signing_out_forgets_everything(phone: Phone, ada: Member) -> None:
    phone.sign_in()
    phone.page.reload()
    expect(phone.page.get_by_text("900")).to_be_visible()
    phone.open("/app/preferences")
    phone.page.get_by_role("button", name="Sign out", exact=True).click()
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()
    assert phone.page.evaluate(KEPT_ON_THE_PHONE) == 0
    assert Device.objects.get().ended_at is not None


def test_a_phone_asks_its_next_visitor_for_their_own_date_of_birth(phone: Phone, ada: Member) -> None:
    phone.sign_in()
    phone.open("/app/preferences")
    phone.page.get_by_role("button", name="Sign out", exact=True).click()
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()
    expect(phone.page.get_by_label("Date of birth")).to_have_value("")
    phone.open("/app/sign-in")
    phone.show_age(A_CHILD)
    expect(phone.page.get_by_role("heading", name="Come back when you are 21")).to_be_visible()


def test_who_signs_out_without_a_connection_is_out_and_the_server_is_told_when_it_is_back(
    phone: Phone, ada: Member
) -> None:
    phone.sign_in()
    phone.kept_for_offline()
    phone.open("/app/preferences")
    out = phone.page.get_by_role("button", name="Sign out", exact=True)
    expect(out).to_be_visible()
    phone.lose_connection()
    out.click()
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()
    phone.page.reload()
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()
    assert Device.objects.get().ended_at is None, "the server cannot know yet"
    phone.find_connection()
    phone.wait_until(THE_SERVER_KNOWS)  # from the page, or the service worker was quicker
    assert Device.objects.get().ended_by == Device.Ended.SIGNED_OUT
    assert [cookie["name"] for cookie in phone.context.cookies() if cookie["name"] == "rg_refresh"] == []
    phone.page.reload()
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()


def test_nothing_is_asked_of_a_server_that_has_not_heard_of_a_sign_out(
    phone_with: Callable[..., Phone], ada: Member, counter: Counted
) -> None:
    """Whoever signs in next on this phone does so after the one before has gone."""
    phone = phone_with(service_workers="block")  # which would tell the server meanwhile
    counter.member("Grace Hopper", email="grace@example.com")
    asked, answers = list[str](), [429, 503]

    def refuse_at_first(route: Route) -> None:
        asked.append(route.request.method + route.request.url.partition("/v1")[2])
        if answers and route.request.method == "DELETE":
            return route.fulfill(status=answers.pop(), body="")
        return route.continue_()

    phone.sign_in()
    phone.open("/app/preferences")
    expect(phone.page.get_by_text("This phone")).to_be_visible()
    phone.page.route("**/sign-in/**", refuse_at_first)
    phone.page.get_by_role("button", name="Sign out", exact=True).click()
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()
    phone.show_age()
    phone.ask_for_code("grace@example.com")
    expect(phone.page.get_by_role("alert")).to_contain_text("That was too often")
    assert Device.objects.get().ended_at is None
    phone.page.get_by_role("button", name="Send me a code").click()
    expect(phone.page.get_by_role("heading", name="Enter your code")).to_be_visible()
    assert asked == [*["DELETE/sign-in/tokens"] * 3, "POST/sign-in/codes"]
    assert Device.objects.get().ended_by == Device.Ended.SIGNED_OUT
    phone.type_code(code_in_mail("grace@example.com"))
    expect(phone.page.get_by_text("Hello Grace")).to_be_visible()
    assert Device.objects.get(ended_at=None).member.email == "grace@example.com"


THE_SERVER_KNOWS = """
() => new Promise((resolve) => {
  const request = indexedDB.open('regulars')
  request.onsuccess = () => {
    const mark = request.result.transaction('session').objectStore('session').get('signed-out')
    mark.onsuccess = () => resolve(mark.result === undefined)
  }
})
"""


KEPT_ON_THE_PHONE = """
() => new Promise((resolve) => {
  const request = indexedDB.open('regulars')
  request.onsuccess = () => {
    const stores = ['session', 'answers', 'scans']
    const transaction = request.result.transaction(stores)
    const counts = stores.map((name) => transaction.objectStore(name).count())
    transaction.oncomplete = () => resolve(counts.reduce((sum, count) => sum + count.result, 0))
  }
})
"""


def test_a_device_that_staff_or_another_phone_ended_is_asked_to_sign_in(phone: Phone, ada: Member) -> None:
    phone.sign_in()
    expect(phone.page.locator("[aria-busy=true]")).to_have_count(0)
    sign_in.end_device(Device.objects.get(), now=timezone.now())
    phone.open()
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()
    expect(phone.page.get_by_text("You have been signed out")).to_be_visible()


def test_two_tabs_that_open_at_once_stay_signed_in(phone: Phone, ada: Member) -> None:
    """Each needs a new access token, and a refresh token is good for one use."""
    phone.sign_in()
    other = phone.context.new_page()
    for _ in range(3):
        phone.page.evaluate("location.reload()")
        other.goto(phone.url)
        for page in (phone.page, other):
            expect(page.get_by_text("Hello Ada")).to_be_visible()
            expect(page.get_by_text("900")).to_be_visible()
    assert Device.objects.get().ended_at is None


# --- Points, rewards and the card ---------------------------------------------------------------------------------


def test_an_order_at_the_till_shows_as_points(
    phone: Phone, ada: Member, counter: Counted, follow_events: Callable[[], None]
) -> None:
    phone.sign_in()
    expect(phone.page.get_by_text("900")).to_be_visible()
    purchases.record_order(
        number="T-1",
        member=ada,
        store=counter.store(),
        ordered_at=timezone.now(),
        lines=[purchases.SoldLine(key="1", sku="ALE", name="Ale", quantity=Decimal(1), amount=Decimal("25.00"))],
        now=timezone.now(),
    )
    follow_events()
    earned = balance(ada) - 900
    assert earned > 0
    phone.page.reload()
    expect(phone.page.get_by_text(str(900 + earned))).to_be_visible()
    phone.page.get_by_role("link", name="More").click()
    phone.page.get_by_role("link", name="Activity").click()
    expect(phone.page.get_by_role("listitem").filter(has_text="Order T-1")).to_contain_text(f"+{earned}")


def test_points_are_said_to_run_out_when_they_soon_do_and_not_a_year_before(
    phone: Phone, ada: Member, counter: Counted
) -> None:
    programme.change_terms(expiry="rolling", expiry_days=365)
    counter.give(ada, 40)
    phone.sign_in()
    expect(phone.page.get_by_text("940")).to_be_visible()
    expect(phone.page.get_by_text("run out on")).to_have_count(0)
    programme.change_terms(expiry="rolling", expiry_days=10)
    counter.give(ada, 60)
    phone.page.reload()
    expect(phone.page.get_by_text("60 points run out on")).to_be_visible()


def test_the_till_reads_the_card_that_the_phone_has_drawn_and_reads_it_once(phone: Phone, ada: Member) -> None:
    phone.sign_in()
    phone.page.get_by_role("link", name="Card", exact=True).click()
    expect(phone.page.get_by_role("img", name="Your member card as a QR code")).to_be_visible()
    text = phone.page.locator(".card-code").get_attribute("data-text")
    assert text is not None
    assert cards.read_card(text=text, now=timezone.now()).member == ada
    with pytest.raises(cards.CardNotRead):
        cards.read_card(text=text, now=timezone.now())


def on_the_card(phone: Phone) -> Locator:
    """The button that offers to keep it in the phone's wallet."""
    phone.sign_in()
    phone.open("/app/card")
    expect(phone.page.get_by_role("img", name="Your member card as a QR code")).to_be_visible()
    phone.page.wait_for_load_state("networkidle")
    return phone.page.get_by_role("button", name="Add to Apple Wallet")


@pytest.fixture
def apple_wallet(settings: Any) -> None:
    settings.APPLE_PASS = apple_identity(authority().variables())
    settings.WALLETS = {"apple": "integrations.wallets.apple.AppleWallet"}


def test_a_shop_without_a_certificate_offers_no_card_for_wallets(phone_with: Callable[..., Phone], ada: Member) -> None:
    expect(on_the_card(phone_with(user_agent=AN_IPHONE))).to_have_count(0)


def test_a_phone_of_another_make_is_offered_no_card_for_apple_wallet(
    phone_with: Callable[..., Phone], ada: Member, apple_wallet: None
) -> None:
    expect(on_the_card(phone_with())).to_have_count(0)


def test_a_member_adds_their_card_to_apple_wallet(
    phone_with: Callable[..., Phone],
    ada: Member,
    apple_wallet: None,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> None:
    iphone = phone_with(user_agent=AN_IPHONE)
    offer = on_the_card(iphone)
    expect(offer).to_be_visible()
    assert_accessible(iphone.page)
    shot(iphone.page, "app-card-wallet")
    with iphone.page.expect_download() as given:
        offer.press("Enter")
    assert given.value.suggested_filename == "card.pkpass"
    with zipfile.ZipFile(given.value.path()) as archive:
        shown = json.loads(archive.read("pass.json"))
    assert cards.holder_of(text=shown["barcodes"][0]["message"], now=timezone.now()) == ada


def test_a_reward_is_held_and_redeemed_and_the_phone_shows_it(
    phone: Phone, ada: Member, totes: Reward, counter: Counted
) -> None:
    phone.sign_in()
    phone.page.get_by_role("link", name="Rewards", exact=True).click()
    phone.page.get_by_role("link", name="Canvas tote").click()
    phone.page.get_by_role("button", name="Hold it for me").click()
    phone.page.get_by_role("dialog").get_by_role("button", name="Hold it").click()
    expect(phone.page.get_by_text("Show this at the counter.")).to_be_visible()
    held = Redemption.objects.get()
    expect(phone.page.get_by_text(held.code)).to_be_visible()
    expect(phone.page.get_by_text(pin(held))).to_be_visible()
    expect(phone.page.get_by_role("timer")).to_contain_text(re.compile(r"\d+:\d\d"))
    assert balance(ada) == 400
    redemptions.redeem(redemption=held, proof=pin(held), by=None, store=counter.store(), now=timezone.now())
    expect(phone.page.get_by_role("heading", name="Redeemed")).to_be_visible()


def test_a_held_reward_is_given_back_and_its_points_return(phone: Phone, ada: Member, totes: Reward) -> None:
    held = redemptions.hold(member=ada, reward=totes, now=timezone.now())
    phone.sign_in()
    phone.page.get_by_role("link", name=re.compile("Canvas tote Show it")).click()
    phone.page.get_by_role("button", name="Give it back").click()
    phone.page.get_by_role("dialog").get_by_role("button", name="Give it back").click()
    expect(phone.page.get_by_role("heading", name="Given back")).to_be_visible()
    held.refresh_from_db()
    assert held.status == Redemption.Status.RELEASED
    assert balance(ada) == 900


def test_what_cannot_be_had_says_why(phone: Phone, ada: Member, counter: Counted) -> None:
    counter.reward("Barrel", cost=5000)
    phone.sign_in()
    phone.open("/app/rewards")
    expect(phone.page.get_by_role("link", name="Barrel")).to_contain_text("4,100 more points to go")


def test_a_member_of_unknown_age_says_it_once_and_then_sees_what_they_can_have(
    phone: Phone, counter: Counted, totes: Reward
) -> None:
    ada = counter.member("Ada Lovelace", email=ADA, points=900, born=None)
    phone.sign_in()
    phone.open("/app/rewards")
    expect(phone.page.get_by_role("link", name="Canvas tote")).to_contain_text("Tell us your date of birth first")
    phone.open("/app/preferences")
    phone.page.get_by_label("Date of birth").fill(BORN)
    phone.page.get_by_role("button", name="Save").click()
    expect(phone.page.get_by_text("Saved.")).to_be_visible()
    expect(phone.page.get_by_label("Date of birth")).to_have_count(0)
    ada.refresh_from_db()
    assert ada.birth_date == dt.date.fromisoformat(BORN)
    phone.open("/app/rewards")
    expect(phone.page.get_by_role("link", name="Canvas tote")).to_contain_text("You can have it")


# --- Scanning -----------------------------------------------------------------------------------------------------


def test_the_camera_reads_a_code_and_it_counts_once(
    phone_with: Callable[..., Phone], ada: Member, now: dt.datetime, tmp_path: Path
) -> None:
    phone = phone_with(camera=a_film_of(a_product_code(now), tmp_path / "code.mjpeg"))
    phone.sign_in()
    phone.page.get_by_role("link", name="Scan", exact=True).click()
    if (start := phone.page.get_by_role("button", name="Open the camera")).is_visible():
        start.click()
    expect(phone.page.get_by_text("40 points for you!")).to_be_visible(timeout=20_000)
    expect(phone.page.get_by_text("Pale Ale").first).to_be_visible()
    assert Scan.objects.get().member == ada
    assert balance(ada) == 940


def a_film_of(text: str, path: Path) -> Path:
    """What the fake camera of Chromium plays: pictures in JPEG, one after the other."""
    frame = Image.new("RGB", (640, 480), "white")
    picture = qrcode.make(text).get_image().convert("RGB")
    picture.thumbnail((440, 440))
    frame.paste(picture, ((640 - picture.width) // 2, (480 - picture.height) // 2))
    ImageDraw.Draw(frame).text((10, 10), "Pale Ale", "black")
    frame.save(one := io.BytesIO(), "JPEG", quality=92)
    path.write_bytes(one.getvalue() * 10)
    return path


def test_a_code_is_typed_by_hand_and_one_of_others_is_refused_in_words(
    phone: Phone, ada: Member, now: dt.datetime
) -> None:
    code = a_product_code(now)
    phone.sign_in()
    phone.open("/app/scan")
    phone.page.get_by_label("Or type the code").fill("NOT-OURS")
    phone.page.get_by_role("button", name="Use this code").click()
    expect(phone.page.get_by_text("not one of our codes")).to_be_visible()
    phone.page.get_by_label("Or type the code").fill(code.lower())
    phone.page.get_by_role("button", name="Use this code").click()
    expect(phone.page.get_by_text("40 points for you!")).to_be_visible()
    assert balance(ada) == 940


def test_a_code_that_the_phones_own_camera_opened_says_at_once_what_it_was_worth(
    phone: Phone, ada: Member, now: dt.datetime
) -> None:
    """The app starts with it, and sends what waits while it does: the answer is told all the same."""
    code = a_product_code(now)
    phone.sign_in()
    phone.open(f"/app/scan?code={code}")
    expect(phone.page.get_by_text("40 points for you!")).to_be_visible()
    expect(phone.page.get_by_text("It is sent as soon as you are online")).to_have_count(0)
    assert balance(ada) == 940


def test_a_code_opened_before_anybody_signed_in_counts_once_they_have(
    phone: Phone, ada: Member, now: dt.datetime
) -> None:
    code = a_product_code(now)
    phone.sign_in(at=f"/app/scan?code={code}")
    expect(phone.page.get_by_text("40 points for you!")).to_be_visible()
    assert balance(ada) == 940


# --- Without a connection -----------------------------------------------------------------------------------------


def test_balance_card_and_catalogue_are_there_without_a_connection(phone: Phone, ada: Member, totes: Reward) -> None:
    phone.sign_in()
    phone.kept_for_offline()
    for path in ("/app/rewards", "/"):
        phone.open(path)
        expect(phone.page.get_by_text("Canvas tote").first).to_be_visible()
    phone.page.locator(".reward-picture").first.evaluate("picture => picture.decode()")
    phone.lose_connection()
    phone.open()
    expect(phone.page.get_by_text("You are offline")).to_be_visible()
    expect(phone.page.get_by_text("900")).to_be_visible()
    phone.page.get_by_role("link", name="Card", exact=True).click()
    expect(phone.page.get_by_role("img", name="Your member card as a QR code")).to_be_visible()
    text = phone.page.locator(".card-code").get_attribute("data-text") or ""
    assert cards.read_card(text=text, now=timezone.now()).member == ada
    phone.open("/app/rewards")
    expect(phone.page.get_by_role("link", name="Canvas tote")).to_be_visible()
    assert phone.page.locator(".reward-picture").evaluate(
        "picture => picture.decode().then(() => picture.naturalWidth)"
    )
    phone.open("/app/friends")
    expect(phone.page.get_by_text("This has not been on this phone before")).to_be_visible()
    phone.find_connection()
    expect(phone.page.get_by_role("heading", name="Invite a friend, and both of you get points")).to_be_visible()


def test_a_scan_without_a_connection_waits_and_counts_once_when_it_is_back(
    phone: Phone, ada: Member, now: dt.datetime
) -> None:
    code = a_product_code(now)
    phone.sign_in()
    phone.kept_for_offline()
    phone.lose_connection()
    phone.open("/app/scan")
    phone.page.get_by_label("Or type the code").fill(code)
    phone.page.get_by_role("button", name="Use this code").click()
    expect(phone.page.get_by_text("It is sent as soon as you are online")).to_be_visible()
    expect(phone.page.get_by_role("heading", name="Waiting to be sent")).to_be_visible()
    assert not Scan.objects.exists()
    phone.page.reload()
    expect(phone.page.get_by_role("heading", name="Waiting to be sent")).to_be_visible()
    phone.find_connection()
    expect(phone.page.get_by_role("heading", name="Waiting to be sent")).to_have_count(0)
    expect(phone.page.get_by_role("heading", name="Scanned before")).to_be_visible()
    assert Scan.objects.count() == 1
    assert balance(ada) == 940


def test_a_kept_scan_is_not_said_to_wait_once_it_was_sent(phone: Phone, ada: Member, now: dt.datetime) -> None:
    code = a_product_code(now)
    phone.sign_in()
    phone.kept_for_offline()
    phone.open("/app/scan")
    phone.lose_connection()
    phone.page.get_by_label("Or type the code").fill(code)
    phone.page.get_by_role("button", name="Use this code").click()
    expect(phone.page.get_by_text("It is sent as soon as you are online")).to_be_visible()
    phone.find_connection()
    expect(phone.page.get_by_role("heading", name="Scanned before")).to_be_visible()
    expect(phone.page.get_by_text("It is sent as soon as you are online")).to_have_count(0)


def test_a_scan_whose_answer_was_lost_is_sent_again_and_counts_once(
    phone: Phone, ada: Member, now: dt.datetime
) -> None:
    code, lost = a_product_code(now, times=9), [0]

    def lose_the_answer(route: Route) -> None:
        if route.request.method != "POST" or lost[0]:
            return route.continue_()
        lost[0] += 1
        route.fetch()
        return route.abort()

    phone.sign_in()
    phone.page.route("**/me/scans", lose_the_answer)
    phone.open("/app/scan")
    phone.page.get_by_label("Or type the code").fill(code)
    phone.page.get_by_role("button", name="Use this code").click()
    expect(phone.page.get_by_text("It is sent as soon as you are online")).to_be_visible()
    phone.page.reload()
    phone.wait_until(NOTHING_WAITS)  # the page sends it again, or the service worker was quicker
    assert lost == [1]
    expect(phone.page.get_by_role("heading", name="Waiting to be sent")).to_have_count(0)
    assert Scan.objects.count() == 1
    assert balance(ada) == 940


NOTHING_WAITS = """
() => new Promise((resolve) => {
  const request = indexedDB.open('regulars')
  request.onsuccess = () => {
    const count = request.result.transaction('scans').objectStore('scans').count()
    count.onsuccess = () => resolve(count.result === 0)
  }
})
"""


# --- What the member decides --------------------------------------------------------------------------------------


def test_wishes_are_found_added_and_taken_away(phone: Phone, ada: Member, now: dt.datetime) -> None:
    a_product_code(now)
    phone.sign_in()
    phone.open("/app/wishlist")
    expect(phone.page.get_by_role("heading", name="No wishes yet")).to_be_visible()
    phone.page.get_by_label("Find a product").fill("pale")
    phone.page.get_by_role("button", name="Pale Ale on my wishlist").click()
    expect(phone.page.get_by_role("heading", name="Your wishes")).to_be_visible()
    assert WishlistItem.objects.get().product.sku == "ALE"
    wishes = phone.page.locator("section", has=phone.page.get_by_role("heading", name="Your wishes"))
    wishes.get_by_role("button", name="Pale Ale on my wishlist").click()
    expect(phone.page.get_by_role("heading", name="No wishes yet")).to_be_visible()
    assert not WishlistItem.objects.exists()


def test_the_wishlist_says_what_buying_it_would_bring_and_which_reward_that_reaches(
    phone: Phone, ada: Member, counter: Counted, now: dt.datetime
) -> None:
    counter.reward("Corkscrew", cost=500)
    counter.reward("Decanter", cost=1_000)
    _wish(ada, "ALE", "Pale Ale", price=Decimal("24.00"), now=now)
    _wish(ada, "MALT", "Old Malt", price=None, now=now)
    asked: list[str] = []
    phone.page.on("request", lambda request: asked.append(request.url.rpartition("/v1/")[2]))
    phone.sign_in()
    phone.open("/app/wishlist")
    told = phone.page.get_by_role("status").filter(has_text="What you wish for would bring you about 24 points.")
    expect(told).to_contain_text("You would have 924 points.")
    expect(told.get_by_role("link")).to_have_count(0)
    assert asked.count("me/basket") == 1
    _wish(ada, "RYE", "Old Rye", price=Decimal("90.00"), now=now)
    phone.open("/app/wishlist")
    told = phone.page.get_by_role("status").filter(has_text="What you wish for would bring you about 114 points.")
    told.get_by_role("link", name="Enough for Decanter").click()
    expect(phone.page.get_by_role("heading", name="Decanter")).to_be_visible()
    assert balance(ada) == 900


def test_without_a_connection_or_a_price_the_wishlist_promises_no_points(
    phone: Phone, ada: Member, now: dt.datetime
) -> None:
    ale = _wish(ada, "ALE", "Pale Ale", price=None, now=now)
    asked: list[str] = []
    phone.page.on("request", lambda request: asked.append(request.url.rpartition("/v1/")[2]))
    phone.sign_in()
    phone.kept_for_offline()
    wished, told = phone.page.get_by_text("Pale Ale"), phone.page.get_by_text("would bring you")
    phone.open("/app/wishlist")
    expect(wished).to_be_visible()
    assert "me/basket" not in asked
    products.change_product(product=ale, price=Decimal("24.00"), is_in_stock=True, now=now)
    phone.open("/app/wishlist")
    expect(told).to_be_visible()
    phone.lose_connection()
    phone.page.reload()
    expect(wished).to_be_visible()
    expect(phone.page.get_by_text("You are offline")).to_be_visible()
    expect(told).to_have_count(0)


def _wish(member: Member, sku: str, name: str, *, price: Decimal | None, now: dt.datetime) -> Product:
    product = shop.save_product(product=None, sku=sku, name=name, brand="", category="", kind="", size="")
    products.change_product(product=product, price=price, is_in_stock=True, now=now)
    wishlist.add(member=member, product=product, now=now)
    return product


def test_a_consent_is_given_with_its_exact_words_and_taken_back(phone: Phone, ada: Member) -> None:
    phone.sign_in()
    phone.open("/app/preferences")
    box = phone.page.get_by_role("switch", name="Email me offers")
    words = (phone.page.locator("label", has=box).locator(".toggle-text > span").first.text_content() or "").strip()
    box.check()
    expect(phone.page.get_by_text("Switched on")).to_be_visible()
    consent = ada.consents.get(channel="email", topic="marketing")
    assert (consent.is_granted, consent.wording, consent.source) == (True, words, "app")
    phone.page.get_by_role("switch", name="Email me offers").uncheck()
    expect(phone.page.get_by_text("Switched off")).to_be_visible()
    consent.refresh_from_db()
    assert not consent.is_granted


def test_a_shop_that_sends_no_push_messages_offers_none(phone: Phone, ada: Member) -> None:
    phone.sign_in()
    phone.open("/app/preferences")
    expect(phone.page.get_by_role("switch", name="Email me offers")).to_be_visible()
    expect(phone.page.get_by_role("heading", name="Your data")).to_be_visible()
    expect(phone.page.locator("[aria-busy=true]")).to_have_count(0)
    expect(phone.page.get_by_text(re.compile("notif", re.IGNORECASE))).to_have_count(0)


@pytest.fixture
def _sends_push(settings: Any) -> None:
    settings.CHANNELS = settings.CHANNELS | {"push": "integrations.channels.mailbox_phone.MailboxPush"}


@pytest.mark.usefixtures("_sends_push")
def test_a_subscription_to_push_is_made_with_the_shops_key_and_kept(phone: Phone, ada: Member) -> None:
    """Chromium's push service is on the internet, so here the browser's part of it is played: the rest is real."""
    phone.context.grant_permissions(["notifications"], origin=phone.url)
    phone.context.add_init_script(A_PUSH_SERVICE)
    phone.sign_in()
    phone.kept_for_offline()
    phone.open("/app/preferences")
    phone.page.get_by_role("switch", name="Show notifications").check()
    phone.page.wait_for_function("() => globalThis.subscribedWith")
    expect(phone.page.get_by_role("switch", name="Show notifications")).to_be_enabled()
    assert phone.page.evaluate("globalThis.subscribedWith") == {
        "userVisibleOnly": True,
        "applicationServerKey": settings.VAPID_PUBLIC_KEY,
    }
    kept = Device.objects.get().push_subscriptions.get()
    assert (kept.endpoint, kept.gone_at) == ("https://push.example/ada", None)
    phone.lose_connection()
    phone.page.get_by_role("button", name="Sign out", exact=True).click()
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()
    assert phone.page.evaluate("globalThis.isUnsubscribed"), "nobody else reads what is meant for this member"


# Keys of a real subscription have 65 and 16 bytes.
A_PUSH_SERVICE = """
Object.defineProperty(Notification, 'requestPermission', { value: async () => 'granted' })
PushManager.prototype.subscribe = async function (options) {
  globalThis.subscribedWith = options
  const p256dh = btoa(String.fromCharCode(...new Uint8Array(65).fill(4))).replaceAll('=', '')
  const auth = btoa(String.fromCharCode(...new Uint8Array(16).fill(7))).replaceAll('=', '')
  const made = {
    endpoint: 'https://push.example/ada',
    toJSON: () => ({ endpoint: made.endpoint, keys: { p256dh, auth } }),
    unsubscribe: async () => (globalThis.isUnsubscribed = true),
  }
  PushManager.prototype.getSubscription = async () => (globalThis.isUnsubscribed ? null : made)
  return made
}
"""


def test_everything_kept_is_downloaded_and_an_account_deleted_only_with_the_shops_name(
    phone: Phone, ada: Member
) -> None:
    phone.sign_in()
    phone.open("/app/preferences")
    with phone.page.expect_download() as download:
        phone.page.get_by_role("button", name="Download my data").click()
    kept = json.loads(download.value.path().read_text())
    assert ADA in json.dumps(kept)
    phone.page.get_by_role("button", name="Delete my account").click()
    dialog = phone.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete for ever").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not the name of the shop")
    assert Member.objects.get(pk=ada.pk).left_at is None
    dialog.get_by_label("Type “Corner Cellar” to confirm").fill("Corner Cellar")
    dialog.get_by_role("button", name="Delete for ever").click()
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()
    gone = Member.objects.get(pk=ada.pk)
    assert (gone.name, gone.email) == ("", None)
    assert gone.left_at is not None


def test_the_app_speaks_spanish_to_a_spanish_phone_and_remembers_another_choice(
    phone_with: Callable[..., Phone], ada: Member
) -> None:
    phone = phone_with(locale="es-MX")
    phone.open()
    expect(phone.page.get_by_role("heading", name="¿Cuándo naciste?")).to_be_visible()
    assert phone.page.evaluate("document.documentElement.lang") == "es"
    phone.page.get_by_label("Idioma").select_option("en")
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()
    phone.sign_in()
    phone.open("/app/preferences")
    phone.page.get_by_label("Language").select_option("es")
    expect(phone.page.get_by_role("heading", name="Preferencias")).to_be_visible()
    phone.page.reload()
    expect(phone.page.get_by_role("heading", name="Preferencias")).to_be_visible()
    ada.refresh_from_db()
    assert ada.language == "es"


def test_what_the_server_says_is_spanish_for_who_reads_spanish(phone: Phone, ada: Member, counter: Counted) -> None:
    programme.change_terms(tier_basis="points")
    Tier.objects.create(name="Gold", threshold=500)
    counter.reward("Decanter", cost=2_150)
    phone.sign_in()
    phone.open("/app/preferences")
    phone.page.get_by_label("Language").select_option("es")
    expect(phone.page.get_by_role("heading", name="Preferencias")).to_be_visible()
    phone.open()
    expect(phone.page.get_by_text("500 puntos para llegar a Gold")).to_be_visible()
    # The server wrote the first number and the phone the second: both with their point.
    expect(phone.page.get_by_text("Faltan 1.250 puntos.")).to_be_visible()
    expect(phone.page.get_by_text("2.150 puntos")).to_be_visible()


# --- How it is made -----------------------------------------------------------------------------------------------


def test_the_way_around_tells_where_one_is(phone: Phone, ada: Member) -> None:
    """By keyboard and by ear: the first stop skips the menu, and each screen's heading takes the focus and is said."""
    phone.sign_in()
    phone.page.get_by_role("link", name="Rewards", exact=True).press("Enter")
    heading = phone.page.get_by_role("heading", name="Rewards", level=1)
    expect(heading).to_be_focused()
    expect(phone.page.locator("#news")).to_have_text("Rewards")
    expect(phone.page).to_have_title("Rewards · Corner Cellar")
    expect(phone.page.get_by_role("link", name="Rewards", exact=True)).to_have_attribute("aria-current", "page")
    phone.page.go_back()
    expect(phone.page.get_by_role("heading", name="Corner Cellar", level=1)).to_be_focused()
    phone.page.reload()
    expect(phone.page.get_by_text("Hello Ada")).to_be_visible()
    phone.page.keyboard.press("Tab")
    expect(phone.page.get_by_role("link", name="Skip to content")).to_be_focused()


def test_the_home_screen_is_offered_where_the_browser_offers_it(phone: Phone, ada: Member) -> None:
    phone.sign_in()
    expect(phone.page.get_by_role("complementary", name="Install the app")).to_have_count(0)
    phone.page.evaluate(
        """() => {
          const offer = new Event('beforeinstallprompt', { cancelable: true })
          offer.prompt = async () => { globalThis.prompted = true }
          dispatchEvent(offer)
        }"""
    )
    phone.page.get_by_role("complementary", name="Install the app").get_by_role("button", name="Install").click()
    expect(phone.page.get_by_role("complementary", name="Install the app")).to_have_count(0)
    assert phone.page.evaluate("globalThis.prompted") is True


def test_an_invitation_is_copied_where_it_cannot_be_shared(phone: Phone, ada: Member) -> None:
    phone.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=phone.url)
    phone.sign_in()
    phone.open("/app/friends")
    phone.page.get_by_role("button", name="Copy the link").click()
    expect(phone.page.get_by_text("Copied.")).to_be_visible()
    assert phone.page.evaluate("navigator.clipboard.readText()").endswith(f"/join/{invite_of(ada)}")


@pytest.mark.parametrize("accent", ["#7c2d12", "#facc15"])
def test_every_screen_is_accessible_and_fits_a_phone(
    phone: Phone, ada: Member, totes: Reward, accent: str, assert_accessible: Callable[[Page], None], now: dt.datetime
) -> None:
    look = {"name": "Corner Cellar", "vertical": "LIQUOR", "currency": "USD", "website": "", "address": ""}
    business.change_business(**look, accent=accent, legal_age=21)
    held = redemptions.hold(member=ada, reward=totes, now=now)
    phone.open()
    assert_accessible(phone.page)
    phone.sign_in()
    for path in (*SCREENS, f"/app/rewards/{totes.public_id}", f"/app/redemptions/{held.public_id}"):
        phone.open(path)
        expect(phone.page.locator("[aria-busy=true]")).to_have_count(0)
        assert_accessible(phone.page)
        phone.page.set_viewport_size(PHONE)
        assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        small = phone.page.evaluate(SMALL_TARGETS)
        assert small == [], path


SMALL_TARGETS = """
() => [...document.querySelectorAll('a[href], button, select, input:not([type=radio])')]
  .filter((target) => target.checkVisibility() && !target.closest('p, .notice, .skip, .part-head'))
  .map((target) => [target.outerHTML.slice(0, 80), target.closest('label') || target])
  .filter(([, target]) => target.getBoundingClientRect().height < 43.5)
  .map(([html]) => html)
"""


def test_the_app_can_be_installed(phone: Phone) -> None:
    """What browsers ask for before they offer it: a manifest with name, start, display and icons, and a worker."""
    phone.open()
    session = phone.context.new_cdp_session(phone.page)
    phone.kept_for_offline()
    told = session.send("Page.getAppManifest")
    assert told["errors"] == []
    manifest = json.loads(told["data"])
    assert (manifest["name"], manifest["start_url"], manifest["display"]) == ("Corner Cellar", "/", "standalone")
    for icon in manifest["icons"]:
        answer = phone.context.request.get(phone.url + icon["src"])
        picture = Image.open(io.BytesIO(answer.body()))
        assert f"{picture.width}x{picture.height}" == icon["sizes"]
    assert {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]} >= {
        ("192x192", "any"),
        ("512x512", "any"),
        ("512x512", "maskable"),
    }
    faults = {fault["errorId"] for fault in session.send("Page.getInstallabilityErrors")["installabilityErrors"]}
    assert faults <= {"in-incognito"}  # as every browser of a test is


def test_a_new_version_is_offered_and_taken_when_the_member_says_so(phone: Phone, ada: Member) -> None:
    phone.sign_in()
    phone.kept_for_offline()
    look = {"vertical": "LIQUOR", "accent": "#7c2d12", "currency": "USD", "website": "", "address": ""}
    business.change_business(name="Corner Cellar & Sons", **look, legal_age=21)
    assert brand.brand().name == "Corner Cellar & Sons"
    phone.page.evaluate("navigator.serviceWorker.getRegistration().then((registration) => registration.update())")
    expect(phone.page.get_by_text("A new version of the app is ready.")).to_be_visible()
    expect(phone.page.get_by_role("heading", name="Corner Cellar", exact=True)).to_be_visible()
    with phone.page.expect_navigation():
        phone.page.get_by_role("button", name="Update").click()
    expect(phone.page.get_by_role("heading", name="Corner Cellar & Sons")).to_be_visible()


def test_nothing_jumps_while_the_first_view_appears(phone: Phone) -> None:
    phone.page.add_init_script(SUM_OF_JUMPS)
    phone.open()
    expect(phone.page.get_by_label("Date of birth")).to_be_visible()
    phone.page.wait_for_load_state("networkidle")
    phone.wait_until("() => document.querySelector('.brand-mark').complete")
    assert phone.page.evaluate("window.jumped") == 0


def test_the_first_view_is_quick_on_a_slow_phone(phone_with: Callable[..., Phone]) -> None:
    """No file of it weighs over 100 kB, and it is there in 1.5 seconds at a quarter of the speed: the best of three."""
    seen = [_first_view(phone_with()) for _ in range(3)]
    assert min(seen) < 1500, seen


def _first_view(phone: Phone) -> float:
    phone.context.new_cdp_session(phone.page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
    phone.page.add_init_script(NOTE_WHEN_DRAWN)
    phone.open()
    expect(phone.page.get_by_role("heading", name="When were you born?")).to_be_visible()
    sizes = phone.page.evaluate(
        "performance.getEntriesByType('resource').map((entry) => [entry.name, entry.decodedBodySize])"
    )
    assert [name for name, size in sizes if size > 100_000] == []
    assert len(sizes) > 10
    return float(phone.page.evaluate("globalThis.drawnAt"))


NOTE_WHEN_DRAWN = """
new MutationObserver(() => {
  if (document.querySelector('h2')) globalThis.drawnAt ??= performance.now()
}).observe(document, { childList: true, subtree: true })
"""
