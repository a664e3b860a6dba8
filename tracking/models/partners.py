"""Who sends events: partners, their systems, the keys these come with, and what their events should look like."""

import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now


def told_at_once(*columns: str) -> pgtrigger.Trigger:
    """Every process that takes events hears of a change in these columns at the commit that made it."""
    change = pgtrigger.UpdateOf(*columns) if columns else pgtrigger.Update
    return pgtrigger.Trigger(
        name="tell_the_ingest",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert | change | pgtrigger.Delete | pgtrigger.Truncate,
        func="PERFORM pg_notify('tracking_catalogue', ''); RETURN NULL;",
    )


class Partner(models.Model):
    """A sender of events, and the tenant of tracking: nobody sees another partner's rows."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120, unique=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]
        triggers = [told_at_once()]

    def __str__(self) -> str:
        return self.name


class PartnerAccess(models.Model):
    """A login that belongs to a partner's own people: it sees this partner and nothing else."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="partner_access")
    partner = models.ForeignKey(Partner, models.CASCADE, related_name="accesses")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "partner accesses"

    def __str__(self) -> str:
        return f"user #{self.user_id} of partner #{self.partner_id}"


class PartnerSystem(models.Model):
    """One source of events: a website, an app, a backend, a till. One of them may be this product itself."""

    class Kind(models.TextChoices):
        WEBSITE = "WEBSITE", "Website"
        IOS = "IOS", "iOS app"
        ANDROID = "ANDROID", "Android app"
        BACKEND = "BACKEND", "Backend"
        POINT_OF_SALE = "POINT_OF_SALE", "Point of sale"
        REGULARS = "REGULARS", "Regulars itself"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="systems")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.BACKEND)
    is_active = models.BooleanField(default=True, help_text="An inactive system's events are refused.")
    events_per_second = models.PositiveIntegerField(
        default=0, help_text="More than this on average is answered 429; 0 means no limit."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["partner__name", "name"]
        triggers = [told_at_once()]
        constraints = [
            models.UniqueConstraint(fields=["partner", "name"], name="one_system_of_a_name_per_partner"),
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(kind="REGULARS"), name="one_system_of_our_own_events"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_own(self) -> bool:
        """Whether its events are this product's own: then nobody sends to it, and it has no keys."""
        return self.kind == self.Kind.REGULARS


SENDING_KINDS = [choice for choice in PartnerSystem.Kind.choices if choice[0] != PartnerSystem.Kind.REGULARS]


class SystemKey(models.Model):
    """What a system shows to be let in. The key or secret itself is shown once and kept only as a digest.

    A write key stands alone. A pair has an `id` that may be seen and a secret that goes with it.
    """

    class Kind(models.TextChoices):
        WRITE_KEY = "WRITE_KEY", "Write key"
        PAIR = "PAIR", "Id and secret"

    system = models.ForeignKey(PartnerSystem, models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=12, choices=Kind)
    prefix = models.CharField(
        max_length=40, help_text="The visible beginning of a write key, or the whole id of a pair."
    )
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When a rotated key stops working.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        triggers = [told_at_once("expires_at", "revoked_at", "digest", "system_id")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.prefix}"


class EventStructure(models.Model):
    """What the properties of one event of one system should look like: a JSON Schema with a version."""

    class Status(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        PUBLISHED = "PUBLISHED", "Published"
        RETIRED = "RETIRED", "Retired"

    MOVES = {Status.DRAFT: {Status.PUBLISHED}, Status.PUBLISHED: {Status.RETIRED}, Status.RETIRED: set()}

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    system = models.ForeignKey(PartnerSystem, models.PROTECT, related_name="structures")
    event_name = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    status = models.CharField(max_length=12, choices=Status, default=Status.DRAFT)
    schema = models.JSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    published_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["system", "event_name", "-version"]
        triggers = [told_at_once()]
        constraints = [
            models.UniqueConstraint(fields=["system", "event_name", "version"], name="one_structure_per_version"),
            models.UniqueConstraint(
                fields=["system", "event_name"],
                condition=models.Q(status="PUBLISHED"),
                name="one_published_structure_per_event",
            ),
            models.UniqueConstraint(
                fields=["system", "event_name"],
                condition=models.Q(status="DRAFT"),
                name="one_draft_structure_per_event",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_name} v{self.version}"
