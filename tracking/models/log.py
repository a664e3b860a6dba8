"""The log of what happened, and who must still hear of it."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from tracking.rules.names import in_words


class TransactionIdField(models.Field):  # type: ignore[type-arg]
    """PostgreSQL's xid8: the transaction that wrote a row. Never wraps round, so it orders the whole log."""

    def db_type(self, connection: object) -> str:
        return "xid8"

    def from_db_value(self, value: str | None, *_: object) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else str(value)


class CurrentTransactionId(models.Func):
    function = "pg_current_xact_id"
    arity = 0
    output_field = TransactionIdField()


class Event(models.Model):
    """One thing that happened, as recorded. Append-only.

    `key` makes telling the same thing twice harmless. `subject` is the public id of what it is about, most often
    a member. Followers read in the order of (`transaction_id`, `id`): see tracking.actions.projections.
    """

    name = models.CharField(max_length=80)
    subject = models.CharField(max_length=64, blank=True)
    key = models.CharField(max_length=200, unique=True)
    properties = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    transaction_id = TransactionIdField(db_default=CurrentTransactionId(), editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["transaction_id", "id"], name="event_log_order"),
            models.Index(fields=["subject", "-occurred_at"], name="event_of_subject"),
            models.Index(fields=["name", "-occurred_at"], name="event_of_name"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.name}"

    @property
    def title(self) -> str:
        return in_words(self.name)


class Dispatch(models.Model):
    """One event owed to one handler. Done when `done_at` is set."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="dispatches")
    handler = models.CharField(max_length=160)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "dispatches"
        constraints = [models.UniqueConstraint(fields=["event", "handler"], name="one_dispatch_per_handler")]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(done_at=None), name="dispatch_owed")]

    def __str__(self) -> str:
        return f"{self.handler} of event #{self.event_id}"


class Projection(models.Model):
    """How far one set-based follower has read the log."""

    READ_MODEL = "tracking.read_model"

    name = models.CharField(max_length=80, unique=True)
    transaction_id = TransactionIdField(default=0)
    event_id = models.BigIntegerField(default=0)
    advanced_at = models.DateTimeField(null=True, blank=True)
    rebuilt_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    log_begins_at = models.DateTimeField(
        null=True, blank=True, help_text="Months received before were dropped: a rebuild keeps what was made of them."
    )

    def __str__(self) -> str:
        return self.name
