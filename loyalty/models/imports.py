import uuid
from pathlib import Path

from django.conf import settings
from django.db import models


class PurchaseImport(models.Model):
    """One file of purchases on its way in: uploaded, mapped, checked, imported."""

    class Status(models.TextChoices):
        UPLOADED = "UPLOADED", "Uploaded"
        CHECKING = "CHECKING", "Being checked"
        CHECKED = "CHECKED", "Checked"
        IMPORTING = "IMPORTING", "Being imported"
        DONE = "DONE", "Imported"
        FAILED = "FAILED", "Failed"
        CANCELLED = "CANCELLED", "Cancelled"

    MOVES = {
        Status.UPLOADED: {Status.CHECKING, Status.CANCELLED},
        Status.CHECKING: {Status.CHECKED, Status.FAILED, Status.CANCELLED},
        Status.CHECKED: {Status.UPLOADED, Status.CHECKING, Status.IMPORTING, Status.CANCELLED},
        Status.IMPORTING: {Status.DONE, Status.FAILED, Status.CANCELLED},
        Status.DONE: set(),
        Status.FAILED: {Status.UPLOADED, Status.CHECKING, Status.IMPORTING, Status.CANCELLED},
        Status.CANCELLED: set(),
    }

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    file = models.FileField(upload_to="imports/%Y/%m/")
    file_name = models.CharField(max_length=200)
    size_bytes = models.BigIntegerField()
    encoding = models.CharField(max_length=20)
    delimiter = models.CharField(max_length=1)
    has_header = models.BooleanField(default=True)
    columns = models.JSONField(default=list)
    samples = models.JSONField(default=list, help_text="The first lines, cell by cell.")
    doubts = models.JSONField(
        default=list, help_text="What could be read two ways: codes of loyalty.rules.purchases.DOUBTS."
    )
    read_like = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="+", help_text="Whose reading was taken over."
    )
    decimal_mark = models.CharField(max_length=1, default=".")
    time_style = models.CharField(max_length=5, default="iso", help_text="One of loyalty.rules.purchases.STYLES.")
    time_zone = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict, help_text="Our field -> the file's column.")
    status = models.CharField(max_length=10, choices=Status, default=Status.UPLOADED)
    error = models.CharField(max_length=500, blank=True)
    progress = models.JSONField(default=dict, help_text="Where the worker is: phase, done, total, lines.")
    report = models.JSONField(default=dict, help_text="Counts and sums of the last check or import.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(null=True, blank=True, help_text="Last sign of life of the worker that has it.")
    run_token = models.UUIDField(null=True, blank=True, editable=False, help_text="Of the one run that may write here.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("import_purchases", "Can import purchases")]
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.file_name

    @property
    def refused_csv(self) -> Path:
        """Every refused line of the last check or import."""
        return Path(f"{self.file.path}.refused.csv")

    @property
    def is_running(self) -> bool:
        return self.status in (self.Status.CHECKING, self.Status.IMPORTING)

    @property
    def is_nothing_new(self) -> bool:
        """Checked, and importing the file would change nothing."""
        return self.status == self.Status.CHECKED and self.report.get("is_nothing_new", False)

    @property
    def can_be_changed(self) -> bool:
        return self.status in (self.Status.UPLOADED, self.Status.CHECKED, self.Status.FAILED)

    def move_to(self, target: Status) -> bool:
        """False when the row is in a state that cannot become `target`; then nothing changed."""
        allowed = [status for status, targets in self.MOVES.items() if target in targets]
        return bool(PurchaseImport.objects.filter(pk=self.pk, status__in=allowed).update(status=target))


class ImportIssue(models.Model):
    """One line of an import that was refused, or taken with a remark."""

    class Severity(models.TextChoices):
        REFUSED = "REFUSED", "Refused"
        REMARK = "REMARK", "Taken with a remark"

    purchase_import = models.ForeignKey(PurchaseImport, models.CASCADE, related_name="issues")
    line_number = models.PositiveBigIntegerField()
    severity = models.CharField(max_length=7, choices=Severity)
    code = models.CharField(max_length=40)
    message = models.CharField(max_length=1_000)
    raw = models.JSONField(help_text="The line as it stands in the file, cell by cell.")

    class Meta:
        indexes = [models.Index(fields=["purchase_import", "severity", "line_number"], name="issue_of_import")]

    def __str__(self) -> str:
        return f"line {self.line_number}: {self.message}"
