import uuid
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.functional import cached_property

from loyalty.models.shoppers import Device


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who works here. Roles are groups: Admin, Manager, Marketer, Viewer (see config.roles)."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_email")]
        permissions = [
            ("manage_people", "Can invite people and change their role"),
            ("view_audit", "Can read who changed what"),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_staff(self) -> bool:
        """Everybody who works here may open the admin; permissions decide what is in it. A partner's people may not."""
        return self.is_active and (self.is_superuser or self._has_a_role)

    @cached_property
    def _has_a_role(self) -> bool:
        """Asked several times on each page of the admin; as lasting as what Django knows of permissions."""
        return self.groups.exists()

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] or self.email


class Invitation(models.Model):
    """A place offered to somebody by email: a role here, or a look at what a partner sends.

    The link's token is kept only as a hash.
    """

    email = models.EmailField()
    role = models.CharField(max_length=20, blank=True)
    partner = models.ForeignKey("tracking.Partner", models.CASCADE, null=True, blank=True, related_name="invitations")
    token_hash = models.CharField(max_length=64, unique=True, blank=True, null=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="invitations")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    emailed_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="one_open_invitation_per_email",
            ),
            models.CheckConstraint(
                condition=models.Q(role="", partner__isnull=False) | (~models.Q(role="") & models.Q(partner=None)),
                name="invitation_offers_one_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} {self.place}"

    @property
    def place(self) -> str:
        return f"to see what {self.partner} sends" if self.partner else f"as {self.role}"


class MemberQuerySet(models.QuerySet["Member"]):
    def current(self) -> "MemberQuerySet":
        """Without who left, and without who turned out to be another member."""
        return self.filter(left_at=None, merged_into=None)

    def of_age(self, legal_age: int, today: date) -> "MemberQuerySet":
        """Members known to be old enough: nobody without a date of birth."""
        return self.filter(birth_date__lte=_years_before(today, legal_age))

    def reachable_by(self, channel: str) -> "MemberQuerySet":
        """Members with an address for the channel, or a device, and a consent to marketing on it that stands."""
        granted = Consent.objects.filter(
            member=models.OuterRef("pk"), channel=channel, topic=Consent.Topic.MARKETING, is_granted=True
        )
        return self.filter(models.Exists(granted), self.model.has_address_for(channel))


class Member(models.Model):
    """A customer; may or may not have a login. Email is lower case, phone E.164, both unique where known."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    external_id = models.CharField(max_length=64, null=True, blank=True, unique=True)
    name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(null=True, blank=True)
    phone = models.CharField(max_length=16, null=True, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    home_store = models.ForeignKey("loyalty.Store", models.SET_NULL, null=True, blank=True, related_name="members")
    language = models.CharField(
        max_length=7, blank=True, default="", db_default="", help_text="As BCP 47, such as en or es."
    )
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True, blank=True, help_text="Asked to be forgotten: nothing personal is kept.")
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+", editable=False)

    objects = MemberQuerySet.as_manager()

    class Meta:
        permissions = [("view_pii", "Can see emails, phones and birth dates unmasked")]
        constraints = [
            models.UniqueConstraint("email", condition=models.Q(email__isnull=False), name="one_member_per_email"),
            models.UniqueConstraint("phone", condition=models.Q(phone__isnull=False), name="one_member_per_phone"),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="member_email_is_lower_case"),
            models.CheckConstraint(condition=models.Q(phone__regex=r"^\+[0-9]{7,15}$"), name="member_phone_is_e164"),
        ]
        indexes = [
            models.Index(fields=["-joined_at", "-id"], name="member_newest"),
            models.Index(Lower("name"), name="member_by_lower_name"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.name or self.external_id or 'unnamed'}"

    @staticmethod
    def has_address_for(channel: str) -> models.Q:
        match channel:
            case "email":
                return models.Q(email__isnull=False)
            case "sms":
                return models.Q(phone__isnull=False)
            case _:
                takes_push = models.Q(push_subscriptions__gone_at=None, push_subscriptions__isnull=False)
                return models.Q(
                    models.Exists(Device.objects.filter(takes_push, member=models.OuterRef("pk"), ended_at=None))
                )

    def age_on(self, today: date) -> int | None:
        born = self.birth_date
        if born is None:
            return None
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


class Consent(models.Model):
    """What a member allowed on one channel for one topic, with the evidence. The log keeps every change."""

    class Channel(models.TextChoices):
        EMAIL = "email", "Email"
        SMS = "sms", "SMS"
        PUSH = "push", "Push"

    class Topic(models.TextChoices):
        MARKETING = "marketing", "Marketing"
        POINTS = "points", "Points and rewards"
        WISHLIST = "wishlist", "Wishlist"

    member = models.ForeignKey(Member, models.CASCADE, related_name="consents")
    channel = models.CharField(max_length=10, choices=Channel)
    topic = models.CharField(max_length=20, choices=Topic, default=Topic.MARKETING)
    is_granted = models.BooleanField()
    wording = models.TextField(help_text="The exact words the member saw.")
    source = models.CharField(max_length=40, help_text="Where it was given: till, import, unsubscribe link ...")
    address = models.GenericIPAddressField(null=True, blank=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "channel", "topic"], name="one_consent_per_channel_and_topic")
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.topic}: {'yes' if self.is_granted else 'no'}"
