"""The page behind “unsubscribe”: one button that stops it all, and below it what a member wants to hear of."""

import datetime as dt
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from campaigns.models import Send, Touch
from campaigns.sending import links
from loyalty.actions import business
from loyalty.actions.members import change_member, join, set_consent
from loyalty.actions.merging import merge
from loyalty.actions.profiles import change_profile, forget
from loyalty.models import Consent, Member, User
from tests.world import picture
from tracking.models import Event

ADDRESS = "203.0.113.9"
MARKETING, POINTS, WISHES = "email:marketing", "email:points", "email:wishlist"
BY_EMAIL = f"{MARKETING} {POINTS} {WISHES}".split()


@pytest.fixture
def letter(one_send: Send) -> Send:
    """One message that has left."""
    Send.objects.filter(pk=one_send.pk).update(status=Send.Status.SENT, sent_at=one_send.due_at)
    return Send.objects.select_related("member", "campaign").get(pk=one_send.pk)


def page_of(send: Send) -> str:
    return urlsplit(links.unsubscribe_url(send)).path


def said(path: str, **headers: str) -> str:
    return Client().get(path, headers=headers).content.decode()


def boxes(page: str) -> dict[str, bool]:
    """Each choice on the page, and whether it is ticked."""
    parts = page.split('name="agreed" value="')[1:]
    return {part.partition('"')[0]: " checked>" in part.partition("<span")[0] for part in parts}


def save(send: Send, *, agreed: list[str], stood: dict[str, bool] | None = None, language: str = "") -> Any:
    """What a browser posts when the boxes that are ticked in the end are `agreed`; the page is of this moment."""
    shown = boxes(said(page_of(send))) if stood is None else stood
    form = {
        "agreed": agreed,
        "shown": [f"{key} {'yes' if on else 'no'}" for key, on in shown.items()],
        "language": language,
    }
    browser = Client(REMOTE_ADDR=ADDRESS, enforce_csrf_checks=True)
    return browser.post(f"{page_of(send)}/preferences", form)


def granted(member: Member) -> set[str]:
    return {f"{row.channel}:{row.topic}" for row in member.consents.filter(is_granted=True)}


def test_the_page_shows_what_the_member_agreed_to_and_may_agree_to(letter: Send) -> None:
    page = said(page_of(letter))
    assert boxes(page) == {MARKETING: True, POINTS: False, WISHES: False}
    assert "Email me about my points and rewards at" in page
    assert "Stop all marketing by email" in page


def test_choices_are_kept_with_the_words_that_were_shown(letter: Send) -> None:
    answer = save(letter, agreed=[MARKETING, POINTS])
    assert (answer.status_code, answer["Location"]) == (302, f"{page_of(letter)}?saved=yes")
    assert "Saved." in said(answer["Location"])
    consent = letter.member.consents.get(topic="points")
    assert (consent.is_granted, consent.source, consent.address) == (True, "preference page", ADDRESS)
    assert consent.wording.startswith("Email me about my points and rewards at ")
    assert consent.changed_by is None
    event = Event.objects.filter(name="consent.changed", subject=str(letter.member.public_id)).latest("pk")
    assert event.properties["wording"] == consent.wording
    untouched = letter.member.consents.get(topic="marketing")
    assert untouched.source == "till"
    assert not letter.member.consents.filter(topic="wishlist").exists()


def test_the_words_kept_are_those_of_the_readers_language(letter: Send) -> None:
    stood = boxes(said(page_of(letter)))
    form = {"agreed": [MARKETING, POINTS], "shown": [f"{key} {'yes' if on else 'no'}" for key, on in stood.items()]}
    spanish = {"accept_language": "es"}
    Client().post(f"{page_of(letter)}/preferences", form, headers=spanish)
    wording = letter.member.consents.get(topic="points").wording
    assert wording in said(page_of(letter), **spanish)
    assert wording not in said(page_of(letter))


def test_marketing_switched_off_counts_for_the_message_that_led_here(letter: Send) -> None:
    save(letter, agreed=[])
    assert granted(letter.member) == set()
    assert letter.member.consents.get(topic="marketing").source == "preference page"
    assert Touch.objects.filter(send=letter, kind=Touch.Kind.UNSUBSCRIBE).count() == 1
    assert Event.objects.filter(name="member.unsubscribed").count() == 1
    assert "You are unsubscribed" in said(page_of(letter))


def test_whoever_stopped_everything_may_come_back_by_the_same_page(letter: Send) -> None:
    Client().post(page_of(letter))
    assert granted(letter.member) == set()
    save(letter, agreed=[MARKETING])
    assert granted(letter.member) == {MARKETING}
    assert "Stop messages from" in said(page_of(letter))


def test_looking_changes_nothing_however_often_and_by_whom(letter: Send) -> None:
    before = Event.objects.count()
    for path in (page_of(letter), f"{page_of(letter)}?saved=yes", f"{page_of(letter)}/preferences"):
        assert Client().get(path, follow=True).status_code == 200
        assert Client().head(path, follow=True).status_code == 200
    assert (Event.objects.count(), Touch.objects.count(), granted(letter.member)) == (before, 0, {MARKETING})


@pytest.mark.parametrize("form", [{}, {"agreed": "email:points"}, {"shown": "nonsense"}, {"shown": "sms:marketing no"}])
def test_a_form_that_was_never_on_the_page_changes_nothing(letter: Send, form: dict[str, str]) -> None:
    Client().post(f"{page_of(letter)}/preferences", form)
    assert granted(letter.member) == {MARKETING}


def test_a_page_left_open_does_not_bring_back_what_was_ended_since(letter: Send) -> None:
    stood = boxes(said(page_of(letter)))
    Client().post(page_of(letter))
    save(letter, agreed=[MARKETING, POINTS], stood=stood)
    assert granted(letter.member) == {POINTS}


def test_only_channels_with_an_address_of_theirs_are_offered(letter: Send, settings: Any) -> None:
    settings.CHANNELS = settings.CHANNELS | {"sms": "tests.campaigns.world.Outlet"}
    assert set(boxes(said(page_of(letter)))) == set(BY_EMAIL)
    save(letter, agreed=[*BY_EMAIL, "sms:marketing"], stood=dict.fromkeys([*BY_EMAIL, "sms:marketing"], False))
    assert "sms:marketing" not in granted(letter.member)
    Member.objects.filter(pk=letter.member_id).update(phone="+12125550123")
    assert "sms:marketing" in boxes(said(page_of(letter)))
    save(letter, agreed=[*BY_EMAIL, "sms:marketing"])
    assert "sms:marketing" in granted(letter.member)


def test_a_letter_to_an_address_that_is_theirs_no_more_can_only_end_things(letter: Send) -> None:
    member = letter.member
    told = {"name": member.name, "email": "new@example.com", "phone": ""}
    change_member(member=member, **told, birth_date=member.birth_date, home_store=None)
    assert boxes(said(page_of(letter))) == {MARKETING: True}
    save(letter, agreed=BY_EMAIL, stood={POINTS: False})
    assert granted(member) == {MARKETING}
    save(letter, agreed=[])
    assert granted(member) == set()


def test_the_language_of_messages_is_theirs_to_choose(letter: Send) -> None:
    assert "None chosen" in said(page_of(letter))
    save(letter, agreed=[MARKETING], language="es")
    letter.member.refresh_from_db()
    assert letter.member.language == "es"
    assert '<option value="es" lang="es" selected>' in said(page_of(letter))
    for nonsense in ("", "xx", "es-MX-and-more"):
        save(letter, agreed=[MARKETING], language=nonsense)
    letter.member.refresh_from_db()
    assert letter.member.language == "es"


def test_a_dialect_stays_while_its_language_is_left_alone(letter: Send, now: dt.datetime) -> None:
    change_profile(member=letter.member, language="es-MX", now=now)
    save(letter, agreed=[MARKETING], language="es")
    letter.member.refresh_from_db()
    assert letter.member.language == "es-MX"


def test_who_became_another_member_decides_for_that_one(letter: Send, manager: User, now: dt.datetime) -> None:
    """The letter knows the card they had then."""
    kept = join(name="Ada", phone="+12125550123", source="till", now=now)
    merge(kept=kept, merged=letter.member, from_merged={"email": True}, by=manager, now=now)
    kept.refresh_from_db()
    assert kept.email == letter.recipient
    set_consent(member=kept, channel="email", is_granted=True, wording="Yes", source="till", now=now)
    assert boxes(said(page_of(letter)))[MARKETING]
    save(letter, agreed=[MARKETING, POINTS])
    assert granted(kept) == {MARKETING, POINTS}
    Client().post(page_of(letter), {"List-Unsubscribe": "One-Click"})
    assert granted(kept) == {POINTS}
    assert "You are unsubscribed" in said(page_of(letter))


def test_who_has_left_is_offered_nothing(letter: Send, now: dt.datetime) -> None:
    forget(letter.member, now=now)
    page = said(page_of(letter))
    assert "You are unsubscribed" in page
    assert boxes(page) == {}
    save(letter, agreed=BY_EMAIL, stood=dict.fromkeys(BY_EMAIL, False))
    assert granted(letter.member) == set()


def test_a_test_message_shows_the_page_and_keeps_nothing(db: None) -> None:
    trial = Send()
    page = said(page_of(trial))
    assert "This was a test" in page
    assert boxes(page) == dict.fromkeys(BY_EMAIL, False)
    assert Client().post(page_of(trial)).status_code == 200
    assert save(trial, agreed=BY_EMAIL)["Location"] == page_of(trial)
    assert not Consent.objects.exists()


def test_a_link_that_was_not_made_here_opens_nothing(letter: Send) -> None:
    forged = page_of(letter)[:-3] + "abc"
    for path in (forged, f"{forged}/preferences"):
        assert Client().get(path).status_code == 404
        assert Client().post(path).status_code == 404
    assert granted(letter.member) == {MARKETING}


def test_the_page_wears_the_brand_of_the_shop(letter: Send, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        business.change_logo(content=picture())
    page = said(page_of(letter))
    assert 'class="brand-logo"' in page
    assert "<span>Regulars</span>" in page
    spanish = said(page_of(letter), accept_language="es")
    assert "No recibir más publicidad por correo electrónico" in spanish
    assert "Idioma de los mensajes" in spanish
