"""What a picture for a step is to show, and what was made of that."""

import uuid

from django.conf import settings
from django.db import models


class ImageBrief(models.Model):
    """What is to be seen beside the words of a step. Never changed: who changes it writes the next one.

    What the law of the trade forbids to show stands in no brief: `campaigns.rules.briefs` adds it to each.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    step = models.ForeignKey("campaigns.PlanStep", models.CASCADE, related_name="briefs")
    call = models.ForeignKey("campaigns.ModelCall", models.SET_NULL, null=True, blank=True, related_name="briefs")
    scene = models.TextField("what is to be seen", max_length=1000)
    style = models.CharField("in what style", max_length=300)
    avoid = models.CharField(
        "what else must not be seen",
        max_length=300,
        blank=True,
        help_text="What the law forbids is said anyway, below.",
    )
    alt = models.CharField(
        "in words, for who cannot see it", max_length=200, help_text="Read aloud, and shown where pictures are off."
    )
    written_by = models.CharField(max_length=80, help_text="The language model, the built-in rules, or a person.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who wrote it, or asked for it.",
    )
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"image brief #{self.pk} for step #{self.step_id}"


class DrawnPicture(models.Model):
    """A picture made from a brief, fit for mail, until somebody chooses it or some weeks have passed."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    brief = models.ForeignKey(ImageBrief, models.CASCADE, related_name="pictures")
    call = models.ForeignKey("campaigns.ModelCall", models.SET_NULL, null=True, blank=True, related_name="drawn")
    content = models.BinaryField()
    content_type = models.CharField(max_length=40)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    made_at = models.DateTimeField()
    media = models.ForeignKey("campaigns.MediaFile", models.PROTECT, null=True, blank=True, related_name="+")
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    chosen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"picture #{self.pk} of brief #{self.brief_id}"
