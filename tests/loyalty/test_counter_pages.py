"""The staff's pages of rewards, redemptions, codes, referrals, wishes and policies."""

import re
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.actions import codes, redemptions, shop
from loyalty.models import Picture, Product, ProductCode, Redemption, Referral, Reward, RewardPolicy, User
from tests.loyalty.counter import Counted, balance, pin, wrong_pin
from tests.world import World, picture

REWARD = {"name": "Corkscrew", "kind": "merchandise", "cost": "60", "value": "3.20", "stock": "5", "is_active": "on"}
SignIn = Callable[[User], Client]


@pytest.fixture
def today(db: None) -> Counted:
    """The counter at this moment: pages look at the clock."""
    return Counted(timezone.now())


def test_a_marketer_makes_a_reward_and_shows_it(client_of: SignIn, marketer):
    client = client_of(marketer)
    made = client.post(reverse("loyalty:reward-new"), REWARD)
    reward = Reward.objects.get()
    assert made.url == reverse("loyalty:reward", args=[reward.public_id])
    upload = reverse("loyalty:reward-picture", args=[reward.public_id])
    with_picture = {"picture": _file(picture("JPEG", (1_600, 800)))}
    assert client.post(upload, with_picture).url == made.url
    kept = Picture.objects.get()
    assert (kept.width, kept.height) == (640, 320)
    assert f"/pictures/{kept.digest}" in client.get(reverse("loyalty:rewards")).content.decode()
    client.post(upload, {"remove": "1"})
    reward.refresh_from_db()
    assert reward.picture is None


def test_a_picture_is_served_to_everybody_for_good(client_of: SignIn, world: World):
    address = reverse("loyalty-api:picture", args=[world.counter.reward.picture.digest])
    answer = Client().get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    assert "immutable" in answer["Cache-Control"]
    assert Client().get(reverse("loyalty-api:picture", args=["0000"])).status_code == 404


@pytest.mark.parametrize("content", [b"", b"<svg onload='alert(1)'/>", b"GIF89a" + b"\0" * 99, picture()[:60]])
def test_what_is_no_picture_is_refused(client_of: SignIn, marketer, today: Counted, content):
    reward = today.reward()
    client_of(marketer).post(
        reverse("loyalty:reward-picture", args=[reward.public_id]),
        {"picture": _file(content)},
        headers={"referer": f"http://testserver{reverse('loyalty:reward', args=[reward.public_id])}"},
    )
    assert not Picture.objects.exists()


def test_editing_a_reward_does_not_undo_what_members_took_meanwhile(client_of: SignIn, marketer, today: Counted):
    reward = today.reward("Corkscrew", stock=5)
    redemptions.hold(member=today.member(points=100), reward=reward, now=today.now)
    form = REWARD | {"cost": "70", "initial-stock": "5"}
    client_of(marketer).post(reverse("loyalty:reward", args=[reward.public_id]), form)
    reward.refresh_from_db()
    assert (reward.cost, reward.stock) == (70, 4)
    client_of(marketer).post(reverse("loyalty:reward", args=[reward.public_id]), form | {"stock": "9"})
    reward.refresh_from_db()
    assert reward.stock == 9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "item"}, "Say which product is free"),
        ({"sku": "NONE"}, "No product has this SKU"),
        ({"starts_at": "2026-05-02T10:00", "ends_at": "2026-05-01T10:00"}, "The end is before the start"),
    ],
)
def test_a_reward_that_makes_no_sense_is_refused_in_words(client_of: SignIn, marketer, change, words):
    answer = client_of(marketer).post(reverse("loyalty:reward-new"), REWARD | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_manager_redeems_by_the_pin_and_a_wrong_one_is_counted(client_of: SignIn, manager, today: Counted):
    store, ada = today.store(), today.member(points=100)
    held = redemptions.hold(member=ada, reward=today.reward(), now=today.now)
    url, client = reverse("loyalty:redemption", args=[held.public_id]), client_of(manager)
    assert pin(held) not in client.get(url).content.decode()
    redeem, referer = (
        reverse("loyalty:redemption-redeem", args=[held.public_id]),
        {"referer": f"http://testserver{url}"},
    )
    wrong = client.post(redeem, {"proof": wrong_pin(held), "store": store.pk}, headers=referer, follow=True)
    assert "4 more tries" in wrong.content.decode()
    client.post(redeem, {"proof": pin(held), "store": store.pk})
    held.refresh_from_db()
    assert (held.status, held.by, held.store) == (Redemption.Status.REDEEMED, manager, store)


def test_a_reward_is_given_back_with_a_note(client_of: SignIn, manager, today: Counted):
    ada = today.member(points=100)
    held = redemptions.hold(member=ada, reward=today.reward(), now=today.now)
    url = reverse("loyalty:redemption-release", args=[held.public_id])
    client = client_of(manager)
    client.post(url, {"note": ""})
    assert balance(ada) == 0
    client.post(url, {"note": "Changed their mind"})
    assert balance(ada) == 100


def test_a_code_typed_at_the_counter_finds_its_reward(client_of: SignIn, viewer, world: World):
    held = world.counter.held
    answer = client_of(viewer).get(reverse("loyalty:redemptions"), {"q": held.code.lower()})
    assert reverse("loyalty:redemption", args=[held.public_id]) in answer.content.decode()
    nothing = client_of(viewer).get(reverse("loyalty:redemptions"), {"q": "ZZZZZZ"}).content.decode()
    assert "No redemption fits" in nothing


def test_codes_are_made_printed_and_withdrawn(client_of: SignIn, marketer, db):
    client = client_of(marketer)
    form = {"name": "Shelf", "size": "30", "use": "single", "per_member": "1", "points": "5"}
    page = client.post(reverse("loyalty:code-batch-new"), form).url
    batch = ProductCode.objects.first().batch
    sheet = client.get(reverse("loyalty:code-batch-sheet", args=[batch.public_id, 1]))
    assert sheet.content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", sheet.content)) == 2
    lines = b"".join(client.get(reverse("loyalty:code-batch-csv", args=[batch.public_id]))).decode().splitlines()
    assert len(lines) == 31
    assert re.fullmatch(r"([A-Z2-7]{4}-){5}[A-Z2-7]{4},http\S+/app/scan\?code=\S+", lines[1])
    client.post(reverse("loyalty:code-batch-withdraw", args=[batch.public_id]))
    assert "Withdrawn" in client.get(page).content.decode()


def test_who_may_only_look_cannot_print_codes(client_of: SignIn, viewer, world: World):
    for name, more in (("code-batch-sheet", [1]), ("code-batch-csv", [])):
        url = reverse(f"loyalty:{name}", args=[world.counter.batch.public_id, *more])
        assert client_of(viewer).get(url).status_code == 403


def test_a_sheet_of_many_codes_comes_in_parts(client_of: SignIn, marketer, now):
    batch = codes.make(
        name="Many", product=None, use="single", per_member=1, size=241, points=0, expires_at=None, by=None, now=now
    )
    page = client_of(marketer).get(reverse("loyalty:code-batch", args=[batch.public_id])).content.decode()
    assert "Codes 241 to 241" in page
    second = client_of(marketer).get(reverse("loyalty:code-batch-sheet", args=[batch.public_id, 2]))
    assert len(re.findall(rb"/Type\s*/Page\b", second.content)) == 1


def test_a_held_referral_is_shown_with_its_reason_and_accepted(client_of: SignIn, manager, viewer, world: World):
    url = reverse("loyalty:referrals")
    page = client_of(manager).get(url).content.decode()
    assert "Same email address or phone, spelled differently" in page
    assert "192.0.2.7" in page
    assert "192.0.2.7" not in client_of(viewer).get(url).content.decode()
    review = reverse("loyalty:referral-review", args=[world.counter.referral.pk])
    client_of(manager).post(review, {"verdict": "accept", "note": "Two people."})
    referral = Referral.objects.get(pk=world.counter.referral.pk)
    assert (referral.status, referral.reviewed_by) == (Referral.Status.JOINED, manager)
    assert "Nothing waits for you" in client_of(manager).get(url).content.decode()


def test_a_policy_is_put_in_force_by_a_manager(client_of: SignIn, manager, db):
    policy = RewardPolicy.objects.get(state="TX", kind="discount")
    client = client_of(manager)
    client.post(reverse("loyalty:reward-policy-switch", args=[policy.pk]), {"is_in_force": "yes"})
    policy.refresh_from_db()
    assert policy.is_in_force
    assert "In force" in client.get(reverse("loyalty:reward-policies")).content.decode()


def test_a_second_policy_for_the_same_is_refused(client_of: SignIn, manager, db):
    form = {
        "state": "TX",
        "vertical": "LIQUOR",
        "kind": "discount",
        "reason": "r",
        "source": "s",
        "as_of": "2026-01-01",
    }
    answer = client_of(manager).post(reverse("loyalty:reward-policy-new"), form)
    assert "There is a policy for this" in answer.content.decode()


def test_price_and_stock_of_a_wished_product_are_changed(client_of: SignIn, manager, db):
    wine = shop.save_product(product=None, sku="W1", name="Wine", brand="", category="", kind="", size="")
    url = reverse("loyalty:product", args=[wine.pk])
    client_of(manager).post(url, {"price": "12.50", "is_in_stock": "no"})
    wine = Product.objects.get(pk=wine.pk)
    assert (str(wine.price), wine.is_in_stock) == ("12.50", False)
    client_of(manager).post(url, {"price": "", "is_in_stock": ""})
    wine.refresh_from_db()
    assert (wine.price, wine.is_in_stock) == (None, None)


@pytest.mark.parametrize("name", ["redemptions", "scans", "referrals", "wishlist"])
def test_lists_can_be_taken_away(client_of: SignIn, viewer, world: World, name):
    url = reverse("loyalty:referrals-by-status", args=["all"]) if name == "referrals" else reverse(f"loyalty:{name}")
    answer = client_of(viewer).get(url, {"format": "csv"})
    assert answer["Content-Type"].startswith("text/csv")
    assert len(b"".join(answer).splitlines()) == 2


@pytest.mark.parametrize("name", ["rewards", "redemptions", "codes", "scans", "referrals", "wishlist"])
def test_an_empty_list_says_what_comes_here(client_of: SignIn, manager, db, name):
    assert "blank-title" in client_of(manager).get(reverse(f"loyalty:{name}")).content.decode()


def test_the_page_of_a_member_shows_rewards_scans_friends_and_wishes(client_of: SignIn, viewer, world: World):
    client, ada = client_of(viewer), world.ada.public_id
    shown = {
        "redemptions": "Corkscrew",
        "scans": "Beer",
        "referrals": "Adele",
        "wishlist": "Beer",
    }
    whole = client.get(reverse("loyalty:member", args=[ada])).content.decode()
    for name, words in shown.items():
        url = reverse(f"loyalty:member-{name}", args=[ada])
        assert url in whole
        assert words in client.get(url).content.decode()


def _file(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("picture.jpg", content, "image/jpeg")
