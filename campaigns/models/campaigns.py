import uuid
from calendar import day_name
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from config.shared.errors import DomainError
from config.shared.trail import note_change


class WrongState(DomainError):
    code = "wrong_state"


class Campaign(models.Model):
    """A goal in plain words, for whom, when, and what it may cost."""

    class Status(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        RUNNING = "RUNNING", "Running"
        PAUSED = "PAUSED", "Paused"
        FINISHED = "FINISHED", "Finished"
        CANCELLED = "CANCELLED", "Cancelled"

    MOVES: dict[str, set[str]] = {
        Status.DRAFT: {Status.RUNNING, Status.CANCELLED},
        Status.RUNNING: {Status.PAUSED, Status.FINISHED, Status.CANCELLED},
        Status.PAUSED: {Status.RUNNING, Status.CANCELLED},
        Status.FINISHED: set(),
        Status.CANCELLED: set(),
    }

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    goal = models.TextField(max_length=1000)
    starts_on = models.DateField()
    ends_on = models.DateField()
    segments = models.ManyToManyField("loyalty.Segment", related_name="campaigns")
    budget = models.DecimalField(
        max_digits=10, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    audience_limit = models.PositiveIntegerField("members at most", default=300, validators=[MinValueValidator(1)])
    holdout_percent = models.PositiveSmallIntegerField(
        "held out, in percent of the audience",
        default=0,
        db_default=0,
        validators=[MaxValueValidator(50)],
        help_text="They get none of its messages: what they buy all the same shows what the campaign brought.",
    )
    follows_goal = models.BooleanField(
        "only whom the goal is about",
        default=False,
        db_default=False,
        help_text="Where the goal names groups of members, or says what it is not about, nobody else is written to.",
    )
    repeats_on = models.PositiveSmallIntegerField(
        "repeats each week from",
        choices=list(enumerate(day_name)),
        null=True,
        blank=True,
        help_text="A draft like this one is planned for each week, and waits for approval. Empty: it does not repeat.",
    )
    series = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="weeks",
        help_text="The campaign that repeats and drafted this one.",
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="campaigns")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        permissions = [
            ("approve_plan", "Can approve plans"),
            ("run_campaign", "Can start, pause, resume and cancel campaigns"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__gte=models.F("starts_on")), name="campaign_ends_after_it_starts"
            ),
            models.CheckConstraint(condition=models.Q(audience_limit__gt=0), name="campaign_has_an_audience"),
            models.CheckConstraint(condition=models.Q(repeats_on__lte=6), name="campaign_repeats_on_a_weekday"),
            models.UniqueConstraint(fields=["series", "starts_on"], name="one_draft_per_series_and_week"),
            models.CheckConstraint(condition=models.Q(budget__gte=0), name="campaign_budget_not_negative"),
            models.CheckConstraint(condition=models.Q(holdout_percent__lte=50), name="campaign_holds_out_half_at_most"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ends_at(self) -> datetime:
        """Midnight after its last day, which is the shop's."""
        return datetime.combine(self.ends_on + timedelta(days=1), time(), ZoneInfo(settings.TIME_ZONE))

    def move_to(self, target: str, **fields: Any) -> None:
        """Conditional: of two people who press at once, one gets WrongState."""
        allowed = [status for status, targets in self.MOVES.items() if target in targets]
        if not Campaign.objects.filter(pk=self.pk, status__in=allowed).update(status=target, **fields):
            self.refresh_from_db(fields=["status"])
            now = self.get_status_display().lower()
            raise WrongState(f"{self.name} is {now} and cannot become {self.Status(target).label.lower()}.")
        note_change(self, status=(self.status, target))
        self.status = target
