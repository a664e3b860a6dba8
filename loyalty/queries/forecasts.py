"""What is foretold of members, by which version, and how it came."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import connection
from django.db.models import QuerySet, Sum
from django.utils import timezone

from loyalty.models import Forecast, ForecastRun, ForecastVersion, GroupMove, Member, Score

HORIZON = 90
LEAST_MEMBERS, LEAST_REPEATERS, LEAST_DAYS = 100, 30, 60
LEAST_DRIFT = timedelta(weeks=1)


@dataclass(frozen=True)
class Extent:
    """What there is to fit on. The last `holdout` days are kept from the first of two fits."""

    as_of: date
    first_day: date
    members: int
    repeaters: int
    orders: int
    spent: float

    @property
    def days(self) -> int:
        return (self.as_of - self.first_day).days

    @property
    def holdout(self) -> int:
        """The last 90 days, or a third of a shorter past."""
        return min(HORIZON, self.days // 3)

    @property
    def missing(self) -> str:
        """In words; empty where there is enough to fit on."""
        if self.members < LEAST_MEMBERS:
            return f"{self.members:,} members have an order; {LEAST_MEMBERS} are needed."
        if self.repeaters < LEAST_REPEATERS:
            return f"{self.repeaters:,} members came back on another day; {LEAST_REPEATERS} are needed."
        if self.days < LEAST_DAYS:
            return f"The orders reach back {self.days} days; {LEAST_DAYS} are needed."
        return ""


def extent(*, now: datetime) -> Extent:
    today = timezone.localdate(now)
    with connection.cursor() as cursor:
        cursor.execute(_EXTENT)
        members, repeaters, orders, spent, first_at = cursor.fetchone()
    first_day = timezone.localdate(first_at) if first_at else today
    return Extent(
        as_of=today, first_day=first_day, members=members, repeaters=repeaters, orders=orders, spent=float(spent)
    )


def version_in_use() -> ForecastVersion | None:
    return ForecastVersion.objects.select_related("pinned_by").filter(is_in_use=True).first()


def versions() -> QuerySet[ForecastVersion]:
    """The newest first."""
    return ForecastVersion.objects.order_by("-pk")


def open_run() -> ForecastRun | None:
    """The one at work, or else the first that waits."""
    unfinished = ForecastRun.objects.filter(status__in=[ForecastRun.Status.RUNNING, ForecastRun.Status.WAITING])
    return unfinished.select_related("version").order_by("status", "pk").first()


def last_run() -> ForecastRun | None:
    over = ForecastRun.objects.filter(status__in=[ForecastRun.Status.DONE, ForecastRun.Status.FAILED])
    return over.order_by("-pk").first()


def forecast_of(member: Member) -> Forecast | None:
    return Forecast.objects.select_related("next_product").filter(member=member).first()


@dataclass(frozen=True)
class Judged:
    """How all members, as they are today, were shared out when a version's bands were judged. The numbers add up to
    `everybody`, who was forgotten among them; only `judged` are in the bands.

    `laid` set where the bands lie, `new` first bought within the holdout, `not_drawn` were not among those that were
    fitted on, and `without` had no order by the version's day.
    """

    judged: int
    laid: int
    new: int
    not_drawn: int
    without: int

    @property
    def everybody(self) -> int:
        return self.judged + self.laid + self.new + self.not_drawn + self.without


def judged_of(version: ForecastVersion) -> Judged:
    held, tried = version.holdout, version.trained.get("members", version.fitted_on)
    judged = sum(band["members"] for band in held["bands"])
    return Judged(
        judged=judged,
        laid=held["members"] - judged,
        new=tried - held["members"],
        not_drawn=version.members - tried,
        without=max(0, Member.objects.filter(merged_into=None).count() - version.members),
    )


# --- How it came ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Week:
    """The seven days from `first_day` on: orders that a version expected of its members, and those they made."""

    first_day: date
    expected: float
    actual: int


@dataclass(frozen=True)
class Drift:
    """How a version's forecast held up in the weeks since."""

    version: ForecastVersion
    weeks: list[Week]

    @property
    def expected(self) -> float:
        return sum(week.expected for week in self.weeks)

    @property
    def actual(self) -> int:
        return sum(week.actual for week in self.weeks)

    @property
    def error(self) -> float | None:
        """+0.10: ten in a hundred more were expected than came."""
        return self.expected / self.actual - 1 if self.actual else None


def drift_since(version: ForecastVersion, *, now: datetime) -> Drift | None:
    """Of this version; where it is younger than a week, of the oldest whose forecast still runs. None without any."""
    today = timezone.localdate(now)
    if version.as_of > today - LEAST_DRIFT:
        still = today - timedelta(days=HORIZON)
        older = ForecastVersion.objects.filter(as_of__gte=still, as_of__lte=today - LEAST_DRIFT)
        found = older.order_by("as_of", "pk").first()
        if found is None:
            return None
        version = found
    over = min((today - version.as_of).days // 7, len(version.expected_by_week))
    actual = _actual_by_week(version, over)
    first = version.as_of + timedelta(days=1)
    weeks = [
        Week(first + timedelta(weeks=number), version.expected_by_week[number], actual.get(number, 0))
        for number in range(over)
    ]
    return Drift(version, weeks)


def _actual_by_week(version: ForecastVersion, weeks: int) -> dict[int, int]:
    """Days with a purchase in each whole week after the fit, by members who had bought by then."""
    since = version.as_of + timedelta(days=1)
    zone = timezone.get_default_timezone()
    begins = timezone.make_aware(datetime.combine(since, time.min), zone)
    ends = timezone.make_aware(datetime.combine(since + timedelta(weeks=weeks), time.min), zone)
    with connection.cursor() as cursor:
        cursor.execute(_ACTUAL, {"zone": str(zone), "first": since, "since": begins, "until": ends})
        return dict(cursor.fetchall())


# --- From group to group -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
    from_group: str
    from_label: str
    to_group: str
    to_label: str
    members: int


@dataclass(frozen=True)
class Movement:
    """Moves between score groups in the last `days`, the most frequent first; `since` is the first day counted."""

    days: int
    since: date | None
    moves: list[Move]

    @property
    def members(self) -> int:
        return sum(move.members for move in self.moves)


def movement(*, days: int, now: datetime) -> Movement:
    """A member who moved twice is counted twice. First scores and lost ones are no moves between groups."""
    first = timezone.localdate(now) - timedelta(days=days - 1)
    moved = GroupMove.objects.filter(day__gte=first).exclude(from_group="").exclude(to_group="")
    summed = moved.order_by().values_list("from_group", "to_group").annotate(members=Sum("members"))
    labels = dict(Score.Group.choices)
    moves = [Move(one, labels[one], other, labels[other], members) for one, other, members in summed]
    moves.sort(key=lambda move: (-move.members, move.from_label, move.to_label))
    oldest = moved.order_by("day").values_list("day", flat=True).first()
    return Movement(days, oldest, moves)


_EXTENT = """
    SELECT count(*), count(*) FILTER (WHERE purchase_days > 1), coalesce(sum(purchase_days), 0)::bigint,
           coalesce(sum(spent), 0), min(first_ordered_at)
    FROM loyalty_memberstats WHERE orders > 0
"""
_ACTUAL = """
    SELECT week, count(*) FROM (
        SELECT DISTINCT o.member_id, day, (day - %(first)s::date) / 7 AS week
        FROM loyalty_order o
        JOIN loyalty_memberstats stats ON stats.member_id = o.member_id
        CROSS JOIN LATERAL (SELECT (o.ordered_at AT TIME ZONE %(zone)s)::date AS day) local
        WHERE o.ordered_at >= %(since)s AND o.ordered_at < %(until)s AND o.voided_at IS NULL AND o.total >= 0
          AND stats.first_ordered_at < %(since)s
    ) purchases
    GROUP BY week
"""
