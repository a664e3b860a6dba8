"""What a phone shows at the counter, and cards that tills read."""

import datetime as dt
import uuid

import pytest
from django.conf import settings

from loyalty.actions import cards
from loyalty.actions.cards import CardNotRead
from loyalty.models import Device
from loyalty.rules import proofs
from tests.loyalty.counter import Counted

SECRET, OTHER_SECRET = "a" * 40, "b" * 40
SECONDS = dt.timedelta(seconds=1)


def test_pins_are_six_digits_and_belong_to_one_redemption_and_one_copy():
    ids = [uuid.uuid4() for _ in range(300)]
    pins = [proofs.pin_of(each, SECRET) for each in ids]
    assert all(proofs.is_pin(pin) for pin in pins)
    assert len(set(pins)) > 290
    assert proofs.pin_of(ids[0], SECRET) == pins[0]
    assert [proofs.pin_of(each, OTHER_SECRET) for each in ids] != pins


def test_a_qr_code_is_read_back_and_any_change_spoils_it():
    redemption_id = uuid.uuid4()
    qr = proofs.qr_of(redemption_id, SECRET)
    assert proofs.redemption_in(f" {qr}\n", SECRET) == redemption_id
    spoilt = [qr[:place] + ("A" if qr[place] != "A" else "B") + qr[place + 1 :] for place in range(len(qr))]
    assert not any(proofs.redemption_in(text, SECRET) for text in [*spoilt, qr[:-1], qr + "A", "", "é.é.é"])
    assert proofs.redemption_in(qr, OTHER_SECRET) is None


@pytest.mark.parametrize(("late", "is_read"), [(0, True), (29, True), (60, False), (-60, False), (3_600, False)])
def test_a_card_is_read_for_a_minute_at_most(late, is_read):
    device_id, drawn = uuid.uuid4(), dt.datetime(2026, 3, 29, 15, 30, tzinfo=dt.UTC)
    text = proofs.card_text(device_id, proofs.card_key(device_id, SECRET), drawn)
    card = proofs.reads_card(text, keys=[SECRET], now=drawn + late * SECONDS)
    assert (card is not None and card.device_id == device_id) is is_read


def test_a_screenshot_of_a_card_is_worth_nothing_once_it_was_read(counter: Counted, now):
    ada = counter.member()
    phone = Device.objects.create(member=ada, name="Phone", created_at=now, seen_at=now)
    key = proofs.card_key(phone.public_id, settings.SECRET_KEY)

    def shown(at: dt.datetime) -> str:
        return proofs.card_text(phone.public_id, key, at)

    first, before = shown(now), shown(now - 30 * SECONDS)
    assert cards.read_card(text=first, now=now).member == ada
    for replayed, at in ((first, now), (before, now), (first, now + 60 * SECONDS), ("RGC1.x.y.z", now), ("", now)):
        with pytest.raises(CardNotRead):
            cards.read_card(text=replayed, now=at)
    assert cards.read_card(text=shown(now + 30 * SECONDS), now=now + 30 * SECONDS) == phone


def test_the_card_of_a_phone_that_was_signed_out_is_not_read(counter: Counted, now):
    phone = Device.objects.create(member=counter.member(), name="Phone", created_at=now, seen_at=now, ended_at=now)
    text = proofs.card_text(phone.public_id, proofs.card_key(phone.public_id, settings.SECRET_KEY), now)
    with pytest.raises(CardNotRead):
        cards.read_card(text=text, now=now)


def test_a_phone_keeps_its_card_when_the_key_is_changed_and_the_old_one_is_named(counter: Counted, settings, now):
    ada = counter.member()
    phone = Device.objects.create(member=ada, name="Phone", created_at=now, seen_at=now)
    text = proofs.card_text(phone.public_id, proofs.card_key(phone.public_id, settings.SECRET_KEY), now)
    before, settings.SECRET_KEY = settings.SECRET_KEY, OTHER_SECRET
    with pytest.raises(CardNotRead):
        cards.read_card(text=text, now=now)
    settings.SECRET_KEY_FALLBACKS = [before]
    assert cards.read_card(text=text, now=now).member == ada
