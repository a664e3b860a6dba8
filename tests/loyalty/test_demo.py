"""The demo shop: a real year, moved to now, under made-up names."""

# ruff: noqa: DTZ001  # tills write naive times

import datetime as dt
import stat
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db.models import Count, Sum
from django.db.models.functions import ExtractHour

from loyalty.actions import demo_programme, members
from loyalty.models import (
    Consent,
    Member,
    MemberStats,
    Order,
    OrderLine,
    PointsEntry,
    Redemption,
    Referral,
    Reward,
    Scan,
    User,
    WishlistItem,
)
from loyalty.queries.brand import business
from loyalty.queries.points import differences
from loyalty.rules import demo


@pytest.fixture
def var(settings, tmp_path):
    settings.DEMO_SHOP = True
    settings.UPLOADS = settings.MEDIA_ROOT = tmp_path / "uploads"
    settings.UPLOADS.mkdir()
    return tmp_path


def test_the_demo_is_a_whole_year_up_to_last_week_and_loads_once(db, var, follow_events):
    call_command("load_demo", "--if-empty")
    follow_events()
    counts = Member.objects.count(), Order.objects.count(), OrderLine.objects.count()
    assert counts == (1_548, 12_660, 16_665)
    assert OrderLine.objects.aggregate(Sum("amount"))["amount__sum"] == Decimal("147889.10")
    assert MemberStats.objects.aggregate(Sum("spent"))["spent__sum"] == Decimal("147889.10")
    assert not list(differences())

    last = Order.objects.latest("ordered_at").ordered_at
    assert dt.timedelta(0) <= dt.datetime.now(dt.UTC) - last < dt.timedelta(days=7, hours=2)
    local = last.astimezone(ZoneInfo("America/New_York"))
    assert (local.strftime("%A"), local.hour, local.minute) == ("Sunday", 22, 32)
    hours = Order.objects.annotate(hour=ExtractHour("ordered_at", tzinfo=ZoneInfo("America/New_York")))
    at_night = hours.filter(hour__gte=1, hour__lt=5).count()
    assert at_night < 0.005 * counts[1]
    assert hours.values_list("hour").annotate(Count("pk")).order_by("-pk__count")[0][0] in (16, 17, 18)

    today = dt.datetime.now(dt.UTC).date()
    ages = [member.age_on(today) for member in Member.objects.all()]
    assert 1 <= sum(age is not None and age < 21 for age in ages) <= 10
    assert 1 <= ages.count(None) <= 100
    agreed = {
        channel: Consent.objects.filter(channel=channel, is_granted=True).count() / 1_548
        for channel in ("email", "sms")
    }
    assert agreed["email"] == pytest.approx(0.80, abs=0.03)
    assert agreed["sms"] == pytest.approx(0.45, abs=0.03)
    assert "moved by" in business().demo_notice

    logins = var / "demo-logins.txt"
    assert stat.S_IMODE(logins.stat().st_mode) == 0o600
    assert User.objects.get(email="viewer@example.com").check_password(logins.read_text().split()[-1])

    entries = PointsEntry.objects.count()
    call_command("load_demo", "--if-empty")
    follow_events()
    assert (Member.objects.count(), Order.objects.count(), OrderLine.objects.count()) == counts
    assert PointsEntry.objects.count() == entries


def test_a_shop_with_members_of_its_own_is_left_alone(db, var, now):
    members.join(name="Ada", source="till", now=now)
    call_command("load_demo", "--if-empty")
    assert Member.objects.count() == 1
    assert not User.objects.exists()
    assert not business().demo_notice


def test_no_demo_where_it_is_switched_off(db, var, settings):
    settings.DEMO_SHOP = False
    call_command("load_demo", "--if-empty")
    assert not Member.objects.exists()


def test_the_same_people_are_made_up_everywhere():
    today = dt.date(2026, 3, 29)
    first, second = (list(demo.people(map(str, range(50)), {"7": "19-24"}, today=today)) for _ in range(2))
    assert first == second
    assert len({person.email for person in first}) == len({person.phone for person in first}) == 50


@pytest.mark.parametrize(
    ("now", "weeks"),
    [
        (dt.datetime(2018, 1, 1, 4, 0), 0),
        (dt.datetime(2018, 1, 8, 3, 32, 24), 0),
        (dt.datetime(2018, 1, 8, 3, 32, 25), 1),
    ],
)
def test_purchases_move_by_whole_weeks_and_never_into_the_future(now, weeks):
    assert demo.weeks_to_move(dt.datetime(2018, 1, 1, 3, 32, 25), now) == weeks


def test_the_programme_of_the_demo_is_in_use_and_furnished_once(db, var, follow_events):
    call_command("load_demo", "--if-empty")
    follow_events()

    def counts() -> dict[str, int]:
        kinds = (Reward, Redemption, Scan, WishlistItem, Referral, PointsEntry)
        return {kind.__name__: kind.objects.count() for kind in kinds}

    furnished = counts()
    assert (furnished["Reward"], furnished["Redemption"], furnished["Scan"]) == (6, 24, 80)
    assert set(Redemption.objects.values_list("status", flat=True)) == {"held", "redeemed", "released"}
    assert Referral.objects.filter(status=Referral.Status.REWARDED).count() >= 20
    assert Referral.objects.filter(status=Referral.Status.HELD).exists()
    assert not Reward.objects.filter(picture=None).exists()
    demo_programme.bring_friends()
    demo_programme.furnish(dt.datetime.now(dt.UTC))
    assert counts() == furnished
    assert not list(differences())
