from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class ApiToken(models.Model):
    """What a person's script shows to call the API in their name. Shown once, kept only as a digest.

    It may do what its owner may do at that moment, or only the reading of it.
    """

    class Scope(models.TextChoices):
        READ = "read", "Read"
        CHANGE = "change", "Read and change"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=6, choices=Scope, default=Scope.READ)
    prefix = models.CharField(max_length=10, help_text="The visible beginning.")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = "API token"
        indexes = [models.Index(fields=["user", "-id"], name="tokens_of_user")]

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"

    def works_at(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)
