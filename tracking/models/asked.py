"""What people ask of the events again and again, and what they had judged anew."""

import uuid

from django.conf import settings
from django.db import models


class SavedFunnel(models.Model):
    """A question people come back to, and a segment may ask too. Put aside by `archived_at`, never deleted.

    `definition` is what tracking.rules.funnels reads.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    definition = models.JSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(archived_at=None), name="one_saved_funnel_of_a_name"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Replay(models.Model):
    """Invalid events of a system, judged once more by the structures that are in force now.

    Whoever works on it keeps a beat on the row; one without is taken up by somebody else. `seen` of `total` events
    were judged, and `mended` of them are valid now.
    """

    class Status(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        RUNNING = "RUNNING", "Running"
        DONE = "DONE", "Done"
        FAILED = "FAILED", "Failed"
        CANCELLED = "CANCELLED", "Cancelled"

    MOVES = {
        Status.WAITING: {Status.RUNNING, Status.CANCELLED},
        Status.RUNNING: {Status.DONE, Status.FAILED, Status.CANCELLED},
        Status.DONE: set(),
        Status.FAILED: set(),
        Status.CANCELLED: set(),
    }

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    system = models.ForeignKey("tracking.PartnerSystem", models.PROTECT, related_name="replays")
    event_name = models.CharField(max_length=200, blank=True)
    error_type = models.CharField(max_length=40, blank=True)
    since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING)
    total = models.PositiveIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    mended = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    run_token = models.UUIDField(null=True, blank=True, editable=False)
    beat_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"replay #{self.pk}"

    @property
    def is_over(self) -> bool:
        return not self.MOVES[self.Status(self.status)]

    def move_to(self, target: Status) -> bool:
        """False when somebody else moved it first."""
        allowed = [status for status, targets in self.MOVES.items() if target in targets]
        return Replay.objects.filter(pk=self.pk, status__in=allowed).update(status=target) == 1


class ReplayVerdict(models.Model):
    """What a replay found about one event, in place of what the log says of it. The log itself stays as it was."""

    event_id = models.UUIDField(primary_key=True)
    replay = models.ForeignKey(Replay, models.PROTECT, related_name="verdicts")
    structure_id = models.BigIntegerField(null=True, help_text="The structure it was checked against, if any.")
    errors = models.JSONField(default=list)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.event_id)
