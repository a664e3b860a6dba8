"""The picture of a step: briefed by rules, models and people, made by a server over real HTTP, chosen by a person."""

import datetime as dt
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from PIL import Image

from campaigns.actions import calls, copywriting, picturing, review, revising, templates
from campaigns.actions.calls import CannotAsk
from campaigns.actions.media import BadPicture
from campaigns.actions.picturing import BadBrief, CannotPicture
from campaigns.actions.review import ChangedMeanwhile
from campaigns.ai.writer import Wish
from campaigns.models import DrawnPicture, ImageBrief, MediaFile, ModelCall, Plan, PlanStep
from campaigns.queries.calls import bill_of
from campaigns.queries.media import address_of
from campaigns.queries.workspace import brief_in_force, last_refusal, writing_of
from campaigns.rules import briefs
from campaigns.rules import content as c
from campaigns.rules.briefs import Brief
from campaigns.rules.guard import House
from campaigns.writing import press
from integrations import outgoing
from integrations.llm import openai_pictures as adapter
from integrations.llm.base import ModelUnavailable
from integrations.llm.pictures import image_model
from loyalty.models import Member, User
from tests.campaigns.scripted import Scripted
from tests.campaigns.test_media import drawn
from tests.campaigns.world import Shop, first_of, rule
from tests.language_models import Failed, ModelServer, Painted, Said, facts_of, open_model

Status = ModelCall.Status
SOUND = Brief(
    scene="A table with unopened bottles and a bowl of olives", style="A photograph by a window", avoid="",
    alt="Bottles and olives on a table",
)  # fmt: skip


def a_picture(colour: str = "#7f1d1d", size: tuple[int, int] = (300, 200)) -> bytes:
    return drawn("PNG", size, colour=colour)


@pytest.fixture
def server(settings: Any) -> Iterator[ModelServer]:
    with open_model(settings) as model:
        yield model


@pytest.fixture
def step(plan: Plan) -> PlanStep:
    return first_of(plan)


@pytest.fixture
def briefed(step: PlanStep, marketer: User, now: dt.datetime) -> ImageBrief:
    return picturing.save_brief(step=step, brief=SOUND, by=marketer, now=now)


@pytest.fixture
def make(step: PlanStep, briefed: ImageBrief, marketer: User, now: dt.datetime) -> Callable[..., ModelCall]:
    """Asked for, and answered by a worker."""

    def asked(count: int = 2) -> ModelCall:
        call = picturing.request_pictures(step=step, count=count, by=marketer, now=now)
        assert picturing.picture_step(call.pk, now=now)
        call.refresh_from_db()
        return call

    return asked


# --- The brief ------------------------------------------------------------------------------------------------------


def test_without_any_account_the_rules_write_a_brief_from_playbook_category_and_offer(
    step: PlanStep, marketer: User, now: dt.datetime
) -> None:
    call = picturing.request_brief(step=step, note="", by=marketer, now=now)
    assert picturing.picture_step(call.pk, now=now)
    row = brief_in_force(step)
    assert row
    assert "unopened bottle of wine" in row.scene  # what the group likes best
    assert ("blank card" in row.scene) == (step.offer is not None)
    assert (row.written_by, row.by) == ("Built-in rules", marketer)
    call.refresh_from_db()
    assert (call.status, call.cost) == ("ANSWERED", 0)


def test_without_any_account_what_somebody_asked_for_is_what_is_to_be_seen(
    step: PlanStep, marketer: User, now: dt.datetime
) -> None:
    wish = "A bottle of red on a wooden counter, in autumn light."
    assert picturing.picture_step(picturing.request_brief(step=step, note=wish, by=marketer, now=now).pk, now=now)
    row = brief_in_force(step)
    assert row
    assert (row.scene.startswith(wish), row.alt) == (True, wish)
    assert "Nobody is in the picture" in row.scene
    call = picturing.request_brief(step=step, note="Children around a bottle " * 11, by=marketer, now=now)
    assert picturing.picture_step(call.pk, now=now)
    assert brief_in_force(step) == row
    assert "No picture may show minors" in step.calls.latest("pk").faults_text


def test_a_language_model_writes_a_brief_and_is_told_what_must_not_be_seen(
    step: PlanStep, scripted: type[Scripted], marketer: User, now: dt.datetime
) -> None:
    scripted.answers.append(json.dumps(vars(SOUND)))
    call = picturing.request_brief(step=step, note="with olives", by=marketer, now=now)
    assert picturing.picture_step(call.pk, now=now)
    facts = scripted.asked[0].facts
    assert facts["note"] == "with olives"
    assert any("under 25" in line for line in facts["never_seen"])
    row = step.briefs.get()
    assert (row.scene, row.written_by, row.call) == (SOUND.scene, "Scripted", call)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"scene": "Children play beside the bottles"}, "No picture may show minors"),
        ({"avoid": "boredom: show teens at a party"}, "No picture may show minors"),
        ({"scene": "A man drinking wine on a bench"}, "No picture may show anybody consuming"),
        ({"style": "Like an advertisement with a doctor"}, "No picture may promise health"),
        ({"scene": "A sign that says: our wine cures a cold"}, "No message may promise health"),
        ({"scene": "A bottle for {{ member.first_name }}"}, "the same for everybody"),
        ({"scene": "A big sign: 75% off"}, "names “75%”"),
        ({"alt": ""}, "Say what it shows, in words"),
    ],
)
def test_a_brief_of_a_model_against_the_rules_is_asked_for_once_more_and_then_refused(
    step: PlanStep, scripted: type[Scripted], marketer: User, now: dt.datetime, said: dict[str, str], told: str
) -> None:
    scripted.answers += [json.dumps(vars(SOUND) | said)] * 2
    call = picturing.request_brief(step=step, note="", by=marketer, now=now)
    assert picturing.picture_step(call.pk, now=now)
    assert not ImageBrief.objects.exists()
    refusal = last_refusal(step, pictures=True)
    assert refusal
    assert (refusal.status, refusal.attempt) == ("FAULTY", 2)
    assert told in refusal.faults_text
    assert "faults_of_your_last_answer" in scripted.asked[1].facts
    assert last_refusal(step) is None  # its words are another matter


def test_a_person_may_write_what_is_doubtful_but_not_what_the_law_forbids(
    step: PlanStep, marketer: User, now: dt.datetime
) -> None:
    def write(**said: str) -> ImageBrief:
        return picturing.save_brief(step=step, brief=Brief(**(vars(SOUND) | said)), by=marketer, now=now)

    with pytest.raises(BadBrief, match="No picture may show minors"):
        write(scene="A student with a bottle")
    doubtful = write(scene="A prize cup beside the bottles")
    assert "promises" in " ".join(
        briefs.warnings(SOUND.__class__(**(vars(SOUND) | {"scene": doubtful.scene})), House())
    )
    assert (doubtful.written_by, doubtful.by) == (marketer.get_short_name(), marketer)
    write(scene="Only bottles")
    assert [row.scene for row in step.briefs.all()] == ["Only bottles", "A prize cup beside the bottles"]


def test_each_trade_says_what_no_picture_of_it_shows() -> None:
    for vertical in ("LIQUOR", "CANNABIS"):
        told = briefs.told(SOUND, vertical)
        assert "under 25" in told
        assert "anybody consuming" in told
    assert "smoke" in briefs.told(SOUND, "CANNABIS")
    assert "smoke" not in briefs.told(SOUND, "LIQUOR")


# --- The endpoint ---------------------------------------------------------------------------------------------------


def test_pictures_are_asked_for_in_the_documented_shape_and_kept_beside_their_brief(
    make: Callable[..., ModelCall], server: ModelServer, briefed: ImageBrief, settings: Any
) -> None:
    settings.OPENAI_IMAGE_PRICE = Decimal("0.04")
    server.paints = Painted((a_picture(), a_picture("#14532d")), revised="Bottles in the sun")
    call = make(2)
    (asked,) = server.painted
    assert (asked["model"], asked["n"], asked["size"]) == ("gpt-image-1", 2, "1024x1024")
    assert SOUND.scene in asked["prompt"]
    assert "under 25" in asked["prompt"]
    assert (call.status, call.pictures, call.cost, call.raw) == (
        "ANSWERED", 2, Decimal("0.08"), "Bottles in the sun\n\nBottles in the sun",
    )  # fmt: skip
    assert [(one.width, one.content_type) for one in briefed.pictures.all()] == [(300, "image/png")] * 2
    assert not MediaFile.objects.exists()
    bill = bill_of(call.plan)
    assert (bill.pictures, bill.cost) == (2, Decimal("0.08"))


def test_what_comes_as_an_address_is_fetched(
    make: Callable[..., ModelCall], server: ModelServer, settings: Any
) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    large = a_large_picture()
    assert len(large) > outgoing.LONGEST_REPLY
    server.paints = Painted((large,), at_addresses=True)
    assert make(1).status == "ANSWERED"
    assert DrawnPicture.objects.get().width == 600


def a_large_picture() -> bytes:
    """Noise, which no format makes small."""
    out = io.BytesIO()
    Image.effect_noise((600, 400), 90).convert("RGB").save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/a.png", "https://169.254.169.254/latest/meta-data/", "https://[::1]/"]
)
def test_an_address_inside_is_never_fetched(make: Callable[..., ModelCall], server: ModelServer, url: str) -> None:
    server.paints = Painted(urls=(url,))
    call = make(1)
    assert call.status == "UNAVAILABLE"
    assert "inside a private network" in call.faults_text
    assert call.pictures == 1  # it was made, and is paid for


@pytest.mark.parametrize("url", ["http://203.0.113.1/a.png", "file:///etc/passwd", "gopher://x", "https://"])
def test_an_address_that_is_not_of_the_secure_web_is_never_fetched(
    make: Callable[..., ModelCall], server: ModelServer, url: str
) -> None:
    server.paints = Painted(urls=(url,))
    assert "could not be fetched" in make(1).faults_text


@pytest.mark.parametrize(
    ("failure", "status", "says", "counted"),
    [
        (Failed(400, code="moderation_blocked"), "REFUSED", "refuses this brief for what it is to show", 0),
        (Failed(400, "rejected by our safety system"), "REFUSED", "Change the brief", 0),
        (Failed(400, param="n"), "UNAVAILABLE", "does not make so many pictures at once", 0),
        (Failed(401), "UNAVAILABLE", "check OPENAI_IMAGE_API_KEY", 0),
        (Failed(404), "UNAVAILABLE", "check OPENAI_IMAGE_MODEL", 0),
        (Failed(429, headers={"Retry-After": "40"}), "RATE_LIMITED", "try again in 40 seconds", 0),
        (Failed(429, code="insufficient_quota"), "UNAVAILABLE", "look at your account", 0),
        (Failed(500), "UNAVAILABLE", "answered with status 500", 2),
        (Failed(200, body=b"<html>Sign in to the proxy</html>"), "UNAVAILABLE", "answered with no pictures", 2),
        (Failed(200, body=b'{"data": []}'), "UNAVAILABLE", "answered with no pictures", 2),
        (Failed(200, body=b'{"data": [{}]}'), "UNAVAILABLE", "neither a picture nor an address", 2),
    ],
)
def test_what_goes_wrong_is_said_in_words_a_person_can_act_on_and_asked_for_no_second_time(
    make: Callable[..., ModelCall], server: ModelServer, step: PlanStep, failure: Failed, status: str, says: str,
    counted: int,
) -> None:  # fmt: skip
    server.paints = Failed(failure.status, f"sk-secret {failure.message}", failure.code, failure.param,
                           failure.headers, failure.body)  # fmt: skip
    call = make(2)
    assert (call.status, call.pictures) == (status, counted)
    assert says in call.faults_text
    assert "sk-" not in call.faults_text
    assert len(server.painted) == 1
    assert last_refusal(step, pictures=True) == call
    assert not DrawnPicture.objects.exists()


@pytest.mark.parametrize(
    "content", [b"GIF89a no", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", b"", b"MZ\x90\x00" * 99]
)
def test_what_is_no_picture_is_not_kept(make: Callable[..., ModelCall], server: ModelServer, content: bytes) -> None:
    server.paints = Painted((content or b"\x00",))
    call = make(1)
    assert call.status == "MALFORMED"
    assert "cannot be used" in call.faults_text
    assert not DrawnPicture.objects.exists()


def test_one_good_picture_among_bad_ones_is_kept(make: Callable[..., ModelCall], server: ModelServer) -> None:
    for paints in (Painted((b"no picture", a_picture())), Painted((a_picture(),), urls=("https://127.0.0.1/a.png",))):
        server.paints = paints
        assert make(2).status == "ANSWERED"
        assert DrawnPicture.objects.count() == 1
        DrawnPicture.objects.all().delete()


def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    make: Callable[..., ModelCall], server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "LARGEST_PICTURE", 2**20)
    server.paints = Painted(body=b"x" * 4 * 2**20)
    assert "more than 1 MB" in make(1).faults_text


def test_more_pictures_than_were_asked_for_are_left_alone(make: Callable[..., ModelCall], server: ModelServer) -> None:
    server.paints = Painted(tuple(a_picture(f"#0000{number}0") for number in range(1, 6)))
    assert make(2).pictures == DrawnPicture.objects.count() == 2


def test_a_server_that_falls_silent_is_not_waited_for_for_ever(
    make: Callable[..., ModelCall], server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "LONGEST_SECONDS", 0.6)
    server.paints = Painted((a_picture(),), hangs=True)
    call = make(2)
    assert (call.status, call.pictures) == ("TIMEOUT", 2)  # what it may have made stays counted


def test_a_server_that_is_not_there_costs_nothing(
    make: Callable[..., ModelCall], server: ModelServer, settings: Any
) -> None:
    settings.OPENAI_IMAGES = settings.OPENAI_IMAGES | {"base_url": "http://127.0.0.1:9/v1"}
    call = make(2)
    assert "check OPENAI_IMAGE_BASE_URL" in call.faults_text
    assert call.pictures == 0


@pytest.mark.django_db(transaction=True)
def test_cancelling_takes_effect_while_nothing_comes(
    make: Callable[..., ModelCall], server: ModelServer, step: PlanStep, now: dt.datetime
) -> None:
    def cancel() -> None:
        call = writing_of(step, pictures=True)
        assert call
        calls.cancel(call=call, now=now)
        connection.close()

    server.paints = Painted((a_picture(),), hangs=True, meanwhile=cancel)
    call = make(3)
    assert (call.status, call.pictures) == ("CANCELLED", 3)
    assert not DrawnPicture.objects.exists()


# --- What it may cost -----------------------------------------------------------------------------------------------


def test_no_picture_is_asked_for_beyond_the_caps_of_its_plan(
    make: Callable[..., ModelCall], server: ModelServer, settings: Any
) -> None:
    server.paints = Painted((a_picture(), a_picture("#111111"), a_picture("#222222")))
    rule(plan_pictures=4)
    assert make(3).status == "ANSWERED"
    call = make(2)
    assert call.status == "CAPPED"
    assert "Raise “Pictures for one plan”" in call.faults_text
    rule(plan_pictures=20, plan_cost=Decimal("0.50"))
    settings.OPENAI_IMAGE_PRICE = Decimal("0.20")
    call = make(3)
    assert "3 pictures cost $0.60. Raise “US dollars for one plan”" in call.faults_text
    assert len(server.painted) == 1


@pytest.mark.django_db(transaction=True)
def test_what_a_call_may_use_is_held_back_while_it_is_under_way(
    make: Callable[..., ModelCall], server: ModelServer, settings: Any
) -> None:
    settings.OPENAI_IMAGE_PRICE = Decimal("0.04")
    held: list[tuple[int, Decimal | None]] = []

    def look() -> None:
        under_way = ModelCall.objects.get(status="ASKING")
        held.append((under_way.pictures, under_way.cost))
        connection.close()

    server.paints = Painted((a_picture(),), meanwhile=look)
    call = make(2)
    assert held == [(2, Decimal("0.08"))]
    assert (call.pictures, call.cost) == (1, Decimal("0.04"))  # fewer came


# --- Asking, choosing -----------------------------------------------------------------------------------------------


def test_pictures_need_a_model_a_brief_and_a_plan_under_review(
    step: PlanStep, marketer: User, server: ModelServer, now: dt.datetime, settings: Any
) -> None:
    def ask(count: int = 1) -> ModelCall:
        return picturing.request_pictures(step=step, count=count, by=marketer, now=now)

    with pytest.raises(CannotPicture, match="Write a brief first"):
        ask()
    picturing.save_brief(step=step, brief=SOUND, by=marketer, now=now)
    with pytest.raises(CannotPicture, match="one to 4"):
        ask(5)
    ask()
    with pytest.raises(CannotAsk, match="made for this step already"):
        ask()
    with pytest.raises(CannotAsk, match="for this step already"):
        copywriting.request_texts(step=step, wish=Wish(ModelCall.Task.WRITE_VARIANTS), by=marketer, now=now)
    settings.IMAGE_MODEL = ""
    with pytest.raises(CannotPicture, match="No image model is connected"):
        ask()


def test_the_chosen_picture_goes_into_the_library_and_into_the_message(
    make: Callable[..., ModelCall], server: ModelServer, step: PlanStep, marketer: User, now: dt.datetime
) -> None:
    server.paints = Painted((a_picture(), a_picture("#14532d")))
    make(2)
    first, second = DrawnPicture.objects.order_by("pk")
    with pytest.raises(CannotPicture, match="Say what the picture shows"):
        picturing.choose_picture(picture=first, alt=" ", by=marketer, now=now)
    with pytest.raises(CannotPicture, match="No picture may show minors"):
        picturing.choose_picture(picture=first, alt="A child", by=marketer, now=now)
    changed = picturing.choose_picture(picture=second, alt="Green bottles", by=marketer, now=now)
    kept = MediaFile.objects.get()
    assert (changed.picture, kept.alt, kept.uploaded_by) == (kept, "Green bottles", marketer)
    (letter, *_) = press.letters_of(changed, now=now)
    assert f'src="{address_of(kept)}"' in letter.html
    assert 'alt="Green bottles"' in letter.html
    assert "Green bottles" in letter.text
    second.refresh_from_db()
    assert (second.media, second.chosen_by) == (kept, marketer)

    revising.undo_change(plan=step.plan, number=1, by=marketer, now=now)
    step.refresh_from_db()
    assert step.picture is None
    assert address_of(kept) not in press.letters_of(step, now=now)[0].html
    revising.redo_change(plan=step.plan, number=1, by=marketer, now=now)
    step.refresh_from_db()
    picturing.drop_picture(step=step, by=marketer, now=now)
    step.refresh_from_db()
    assert step.picture is None


def test_a_template_without_a_place_shows_none_and_says_so(
    make: Callable[..., ModelCall],
    server: ModelServer,
    step: PlanStep,
    marketer: User,
    now: dt.datetime,
    client_of: Any,
) -> None:
    content = c.Content(email={"en": c.Email(blocks=[c.Words(), c.Button()])})
    template = templates.create_template(name="Bare", content=content, by=marketer, now=now)
    PlanStep.objects.filter(pk=step.pk).update(template=template)
    server.paints = Painted((a_picture(),))
    make(1)
    changed = picturing.choose_picture(picture=DrawnPicture.objects.get(), alt="Bottles", by=marketer, now=now)
    assert changed.picture
    assert address_of(changed.picture) not in press.letters_of(changed, now=now)[0].html
    page = client_of(marketer).get(f"/staff/campaigns/steps/{step.public_id}/picture/").text
    assert "has no place for its picture" in page


def test_an_approved_letter_keeps_its_picture(
    make: Callable[..., ModelCall], server: ModelServer, step: PlanStep, manager: User, now: dt.datetime
) -> None:
    server.paints = Painted((a_picture(),))
    make(1)
    changed = picturing.choose_picture(picture=DrawnPicture.objects.get(), alt="Bottles", by=manager, now=now)
    assert changed.picture
    review.approve_plan(plan=step.plan, by=manager, now=now)
    assert address_of(changed.picture) in changed.letters.get(language="en").html
    with pytest.raises(review.CannotEdit):
        picturing.drop_picture(step=changed, by=manager, now=now)


def test_what_nobody_chose_goes_after_a_month(
    make: Callable[..., ModelCall], server: ModelServer, now: dt.datetime
) -> None:
    server.paints = Painted((a_picture(),))
    make(1)
    assert picturing.forget_drawn(now=now + dt.timedelta(days=29)) == 0
    assert picturing.forget_drawn(now=now + dt.timedelta(days=31)) == 1


def test_who_chose_a_picture_and_in_which_words_stays_known(
    make: Callable[..., ModelCall], server: ModelServer, step: PlanStep, marketer: User, now: dt.datetime
) -> None:
    server.paints = Painted((a_picture(),))
    make(1)
    picture = DrawnPicture.objects.get()
    picturing.choose_picture(picture=picture, alt="First words", by=marketer, now=now)
    picturing.drop_picture(step=step, by=marketer, now=now)
    changed = picturing.choose_picture(picture=picture, alt="Better words", by=marketer, now=now)
    assert 'alt="Better words"' in press.letters_of(changed, now=now)[0].html
    assert picturing.forget_drawn(now=now + dt.timedelta(days=31)) == 0


def test_what_was_chosen_too_late_is_not_kept(
    make: Callable[..., ModelCall], server: ModelServer, step: PlanStep, marketer: User, now: dt.datetime
) -> None:
    server.paints = Painted((a_picture(),))
    make(1)
    with pytest.raises(ChangedMeanwhile):
        picturing.choose_picture(
            picture=DrawnPicture.objects.get(), alt="Bottles", by=marketer, now=now, seen=step.revision - 1
        )
    assert not MediaFile.objects.exists()


def test_a_picture_that_has_become_unreadable_is_refused_like_any_upload(
    make: Callable[..., ModelCall], server: ModelServer, marketer: User, now: dt.datetime
) -> None:
    server.paints = Painted((a_picture(),))
    make(1)
    DrawnPicture.objects.update(content=b"no picture")
    with pytest.raises(BadPicture):
        picturing.choose_picture(picture=DrawnPicture.objects.get(), alt="Bottles", by=marketer, now=now)


# --- The page -------------------------------------------------------------------------------------------------------


def test_without_an_endpoint_the_brief_is_shown_copied_and_downloaded(
    step: PlanStep, marketer: User, viewer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    client, at = client_of(marketer), f"/staff/campaigns/steps/{step.public_id}/"
    assert "Write a brief" in client.get(f"{at}picture/").text
    wrong = client.post(f"{at}brief/", vars(SOUND) | {"scene": "A student"})
    assert wrong.status_code == 422
    assert "No picture may show minors" in wrong.text
    assert client.post(f"{at}brief/", vars(SOUND)).status_code == 302
    page = client.get(f"{at}picture/").text
    assert SOUND.scene in page
    assert "No image model is connected" in page
    assert "Make pictures" not in page
    file = client.get(f"{at}brief.txt")
    assert "attachment" in file["Content-Disposition"]
    assert "Must not be seen:\n- anybody who is under 25" in file.text
    assert client_of(viewer).post(f"{at}picture/", {"wish": "brief"}).status_code == 403
    assert "Write the brief anew" not in client_of(viewer).get(f"{at}picture/").text


def test_pictures_are_shown_to_choose_from_as_bytes_that_run_nothing(
    make: Callable[..., ModelCall], server: ModelServer, step: PlanStep, marketer: User,
    client_of: Callable[[User], Client], settings: Any, now: dt.datetime,
) -> None:  # fmt: skip
    settings.OPENAI_IMAGE_PRICE = Decimal("0.04")
    server.paints = Painted((a_picture(), a_picture("#14532d")))
    make(2)
    client = client_of(marketer)
    page = client.get(f"/staff/campaigns/steps/{step.public_id}/picture/").text
    assert page.count("Use this one") == 2
    assert "4 pictures, $0.16" in page
    one = DrawnPicture.objects.latest("pk")
    shown = client.get(f"/staff/campaigns/drawn/{one.public_id}/")
    assert (shown["Content-Type"], "sandbox" in shown["Content-Security-Policy"]) == ("image/png", True)
    picturing.choose_picture(picture=one, alt="Bottles", by=marketer, now=now)
    page = client.get(f"/staff/campaigns/steps/{step.public_id}/picture/").text
    assert "In your pictures" in page
    assert page.count("Use this one") == 1


# --- What leaves the house ------------------------------------------------------------------------------------------


def test_nothing_about_a_person_leaves_for_a_brief_or_a_picture(
    shop: Shop, server: ModelServer, make_campaign: Callable[..., Any], make_plan: Callable[[Any], Any], marketer: User,
    now: dt.datetime, settings: Any,
) -> None:  # fmt: skip
    member = shop.join("Zuleika Brontesaurus", email="zuleika.b@private.example", born=dt.date(1987, 11, 23))
    others = [shop.join(f"Marigold{place} Featherstone") for place in range(9)]
    shop.sell(*((one, 7 * place + 1, "31.41") for place, one in enumerate([member, *others])))
    shop.score()
    language_model = settings.LANGUAGE_MODEL
    settings.LANGUAGE_MODEL = "integrations.llm.rules.RulesModel"
    step = first_of(make_plan(make_campaign()))
    settings.LANGUAGE_MODEL = language_model
    server.always = Said(json.dumps(vars(SOUND)))
    note = "Like the one for zuleika.b@private.example, call +1 207 555 0199"
    assert picturing.picture_step(picturing.request_brief(step=step, note=note, by=marketer, now=now).pk, now=now)
    typed = Brief(**(vars(SOUND) | {"scene": "Bottles, ask zoe@elsewhere.example or +1 207 555 0199"}))
    picturing.save_brief(step=step, brief=typed, by=marketer, now=now)
    server.paints = Painted((a_picture(),))
    assert picturing.picture_step(picturing.request_pictures(step=step, count=1, by=marketer, now=now).pk, now=now)
    assert len(server.wire) == 2
    assert facts_of(server.calls[0])["note"].startswith("Like the one for")
    sent = b"\n".join(server.wire).decode()
    assert "Bottles, ask" in sent
    for private in ("Zuleika", "Brontesaurus", "private.example", "elsewhere", "555 0199", "Marigold", "1987", "@"):
        assert private not in sent
    for person in Member.objects.all():
        for known in (person.name, person.email, str(person.public_id), f'"{person.external_id}"'):
            assert known not in sent


def test_an_adapter_without_settings_is_none(settings: Any) -> None:
    assert image_model() is None
    settings.IMAGE_MODEL = "integrations.llm.openai_pictures.OpenAIPictures"
    settings.OPENAI_IMAGES = {"api_key": "sk-wrong", "base_url": "http://127.0.0.1:9/v1", "model": "x"}
    model = image_model()
    assert model
    with pytest.raises(ModelUnavailable):
        model.draw("A brief", count=1)
