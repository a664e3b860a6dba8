"""The read side: every event once, under the names people know, and the sums that answer most questions.

Written only by the followers of the log, and rebuilt from it at any time.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now


class TrackedEvent(models.Model):
    """One event, once, however often it was delivered. One partition for each month in which events happened.

    `person` is who did it as far as is known by now: the user id, the user an anonymous id was linked to, or the
    anonymous id itself. Partner and system names stand on the row, so reading joins nothing.
    """

    id = models.UUIDField(primary_key=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    partner_id = models.BigIntegerField()
    system_id = models.BigIntegerField()
    partner_name = models.TextField()
    system_name = models.TextField()
    kind = models.CharField(max_length=12)
    name = models.TextField()
    message_id = models.TextField()
    person = models.TextField(blank=True)
    user_id = models.TextField(blank=True)
    anonymous_id = models.TextField(blank=True)
    properties = models.JSONField(default=dict)
    is_valid = models.BooleanField()
    errors = models.JSONField(default=list)

    class Meta:
        indexes = [
            models.Index(fields=["system_id", "occurred_at"], name="tracked_of_system"),
            models.Index(fields=["system_id", "person", "occurred_at"], name="tracked_of_person"),
            models.Index(fields=["system_id", "name", "occurred_at"], include=["person"], name="tracked_of_name"),
            models.Index(
                fields=["system_id", "occurred_at"], condition=models.Q(is_valid=False), name="tracked_invalid"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"


class SeenMessage(models.Model):
    """The first delivery of each (system, message id); `digest` is the id's MD5."""

    pk = models.CompositePrimaryKey("system_id", "digest")
    system_id = models.BigIntegerField()
    digest = models.UUIDField()
    event_id = models.UUIDField()
    seen_at = models.DateTimeField()

    class Meta:
        indexes = [BrinIndex(fields=["seen_at"], name="seen_in_order", autosummarize=True)]

    def __str__(self) -> str:
        return f"{self.system_id}/{self.digest}"


class HourCount(models.Model):
    """How many events of one name a system sent in an hour of the shop's clock.

    valid + invalid + duplicates = received.
    """

    pk = models.CompositePrimaryKey("system_id", "hour", "name")
    system_id = models.BigIntegerField()
    hour = models.DateTimeField()
    name = models.TextField()
    valid = models.BigIntegerField(default=0)
    invalid = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.hour:%Y-%m-%d %H}h"


class CountedProperty(models.Model):
    """A property whose values are counted as events arrive, because somebody asked for it.

    The past is counted backwards, whole days of `zone` at a time. Days from `counted_from` on are counted whole, so the
    follower adds to them and to no others; once everything is COUNTED, it adds to all. A property that is no longer
    counted keeps its row and loses its counts.
    """

    class Status(models.TextChoices):
        FILLING = "FILLING", "Counting the past"
        COUNTED = "COUNTED", "Counted"
        GIVEN_UP = "GIVEN_UP", "Given up"
        STOPPED = "STOPPED", "Stopped"

    KEPT_UP = (Status.FILLING, Status.COUNTED)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    system = models.ForeignKey("tracking.PartnerSystem", models.PROTECT, related_name="counted_properties")
    event_name = models.CharField(max_length=200)
    path = models.CharField("property", max_length=400, help_text="Outermost name first, with dots between.")
    zone = models.CharField("time zone of its days", max_length=64)
    status = models.CharField(max_length=12, choices=Status, default=Status.FILLING)
    reason = models.CharField("why it was given up", max_length=200, blank=True)
    counted_from = models.DateField(null=True, blank=True)
    total = models.PositiveBigIntegerField(default=0)
    seen = models.PositiveBigIntegerField(default=0)
    beat_at = models.DateTimeField(null=True, blank=True, editable=False)
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    declared_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "counted properties"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["system", "event_name", "path"],
                condition=models.Q(status__in=["FILLING", "COUNTED"]),
                name="a_property_is_counted_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.path} of {self.event_name}"

    @property
    def is_kept_up(self) -> bool:
        return self.status in self.KEPT_UP


class ValueCount(models.Model):
    """How often a counted property had a value, as text, on a day. Invalid events count like valid ones, each once."""

    pk = models.CompositePrimaryKey("property_id", "day", "value")
    property_id = models.BigIntegerField()
    day = models.DateField()
    value = models.TextField()
    events = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.value} on {self.day}"


class PersonActivity(models.Model):
    """On which days and in which weeks somebody did anything, as bits counted from the first one.

    Bit 0 of `days` is `first_day` and bit 0 of `weeks` the week of `first_week` (a Monday); 63 of each are kept.
    """

    pk = models.CompositePrimaryKey("system_id", "person")
    system_id = models.BigIntegerField()
    person = models.TextField()
    first_day = models.DateField()
    days = models.BigIntegerField()
    first_week = models.DateField()
    weeks = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "person activities"

    def __str__(self) -> str:
        return f"{self.person} since {self.first_day}"


class IdentityLink(models.Model):
    """An anonymous id became a known user, once: the first identify or alias decides."""

    partner_id = models.BigIntegerField()
    anonymous_id = models.TextField()
    user_id = models.TextField()
    event_id = models.UUIDField()
    linked_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["partner_id", "anonymous_id"], name="one_user_per_anonymous_id")]
        indexes = [models.Index(fields=["partner_id", "user_id"], name="links_of_user")]

    def __str__(self) -> str:
        return f"{self.anonymous_id} is {self.user_id}"


class UserMerge(models.Model):
    """Somebody decided that two known users are one person. Undone by `undone_at`, never deleted."""

    partner = models.ForeignKey("tracking.Partner", models.CASCADE, related_name="merges")
    user_id = models.TextField("the user who goes")
    into_user_id = models.TextField("the user who stays")
    merged_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    merged_at = models.DateTimeField(db_default=Now())
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "user_id"], condition=models.Q(undone_at=None), name="a_user_is_merged_once"
            ),
            models.CheckConstraint(condition=~models.Q(user_id=models.F("into_user_id")), name="merge_is_of_two"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} into {self.into_user_id}"
