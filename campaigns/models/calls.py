import uuid
from decimal import Decimal

from django.conf import settings
from django.db import models


class ModelCall(models.Model):
    """One call to a language model: what for, with which prompt, what it used, and what it answered word for word.

    A call that is queued waits for a worker; the week of a plan is asked for by the plan's own worker.
    """

    class Task(models.TextChoices):
        PLAN_WEEK = "plan_week", "Plan the week"
        REGENERATE_STEP = "regenerate_step", "Write a step anew"
        WRITE_VARIANTS = "write_variants", "Write variants"
        REWRITE = "rewrite", "Rewrite"
        WRITE_BRIEF = "write_brief", "Write an image brief"
        MAKE_PICTURES = "make_pictures", "Make pictures"

    class Status(models.TextChoices):
        QUEUED = "QUEUED", "Waiting for a worker"
        ASKING = "ASKING", "Being answered"
        ANSWERED = "ANSWERED", "Answered"
        MALFORMED = "MALFORMED", "Not in the shape asked for"
        FAULTY = "FAULTY", "Against the rules"
        REFUSED = "REFUSED", "Refused by the model"
        TRUNCATED = "TRUNCATED", "Cut off"
        TIMEOUT = "TIMEOUT", "Too slow"
        RATE_LIMITED = "RATE_LIMITED", "Model busy"
        UNAVAILABLE = "UNAVAILABLE", "No answer"
        CANCELLED = "CANCELLED", "Cancelled"
        CAPPED = "CAPPED", "Not made: over the limit"

    WRITING = (Task.REGENERATE_STEP, Task.WRITE_VARIANTS, Task.REWRITE)
    PICTURING = (Task.WRITE_BRIEF, Task.MAKE_PICTURES)
    WORKING = (Status.QUEUED, Status.ASKING)
    TONES: dict[str, str] = {
        Status.ANSWERED: "success", Status.ASKING: "info", Status.QUEUED: "info", Status.CANCELLED: "neutral",
    }  # fmt: skip

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    plan = models.ForeignKey("campaigns.Plan", models.CASCADE, related_name="calls")
    step = models.ForeignKey("campaigns.PlanStep", models.SET_NULL, null=True, blank=True, related_name="calls")
    wish = models.JSONField(default=dict, blank=True, help_text="What was asked for a step: a note, a language.")
    task = models.CharField(max_length=20, choices=Task, default=Task.PLAN_WEEK)
    status = models.CharField(max_length=12, choices=Status)
    model_name = models.CharField(max_length=80, blank=True)
    prompt = models.CharField(max_length=40, blank=True, help_text="The file it was told its task by, without .md.")
    prompt_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of that file.")
    attempt = models.PositiveSmallIntegerField(default=1)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    pictures = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="Made, or asked for at most.")
    is_counted = models.BooleanField(
        default=False, help_text="The server counted what was used; otherwise it is an estimate."
    )
    cost = models.DecimalField(
        max_digits=10, decimal_places=6, null=True, blank=True, help_text="US dollars; empty where no price is set."
    )
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    raw = models.TextField(blank=True, help_text="The answer word for word, as far as it came.")
    faults = models.JSONField(default=list)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(cost__gte=0), name="model_call_cost_not_negative"),
            models.UniqueConstraint(
                fields=["step"], condition=models.Q(status__in=["QUEUED", "ASKING"]), name="one_model_call_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_task_display()}, attempt {self.attempt}, for plan #{self.plan_id}"

    @property
    def title(self) -> str:
        """`Plan the week, attempt 2, by gpt-4.1-mini`"""
        by = f", by {self.model_name}" if self.model_name else ""
        return f"{self.get_task_display()}, attempt {self.attempt}{by}"

    @property
    def faults_text(self) -> str:
        return " ".join(self.faults)

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    @property
    def tone(self) -> str:
        return self.TONES.get(self.status, "danger")

    @property
    def seconds(self) -> Decimal | None:
        return None if self.latency_ms is None else Decimal(self.latency_ms) / 1000
