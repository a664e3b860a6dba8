import uuid

from django.conf import settings
from django.db import models


class ArmsReport(models.Model):
    """An assignment file with outcomes that somebody brought in: of each arm its sums, and nobody's name."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    control = models.CharField(max_length=200, help_text="The arm that the others are compared with.")
    split = models.JSONField(help_text="How the arms were meant to be drawn: a weight for each.")
    table = models.JSONField(help_text="campaigns.rules.arms.Table as JSON.")
    units = models.PositiveIntegerField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return self.name
