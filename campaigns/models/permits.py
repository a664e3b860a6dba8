"""What the gate goes by beside consent: rules of law and of providers, caps, and addresses to leave alone."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from campaigns.rules.hours import on_the_clock
from loyalty.models import Business, Consent
from loyalty.rules.states import STATE_NAMES

HOURS = (MinValueValidator(0), MaxValueValidator(24))


class Suppression(models.Model):
    """An address that is left alone, whoever has it. It outlives the member, and no import lifts it."""

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", "The address does not exist"
        SOFT_BOUNCE = "soft_bounce", "Too many messages came back"
        COMPLAINT = "complaint", "Marked a message as spam"
        OPTED_OUT = "opted_out", "Asked not to be written to"
        BY_STAFF = "by_staff", "Added by staff"

    channel = models.CharField(max_length=10, choices=Consent.Channel)
    address = models.CharField(max_length=254, help_text="An email address in lower case, or a phone as +15551234567.")
    reason = models.CharField(max_length=12, choices=Reason)
    note = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    lifted_note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "address", "reason"],
                condition=models.Q(lifted_at=None),
                name="one_suppression_per_address_and_reason",
            )
        ]

    def __str__(self) -> str:
        return f"suppression #{self.pk} on {self.channel}"


class MessagePolicy(models.Model):
    """What law or a provider says of messages of one trade. An empty field means any; the narrowest row decides."""

    class Verdict(models.TextChoices):
        ALLOW = "allow", "Allowed"
        GATE = "gate", "Only to members known to be of legal age"
        DENY = "deny", "Forbidden"

    vertical = models.CharField("trade", max_length=10, choices=Business.Vertical, blank=True)
    state = models.CharField(max_length=2, blank=True, help_text="Two letters, such as TX.")
    channel = models.CharField(max_length=10, choices=Consent.Channel, blank=True)
    provider = models.CharField(max_length=30, blank=True, help_text="As the page Sending names it, such as twilio.")
    verdict = models.CharField(max_length=5, choices=Verdict)
    reason = models.CharField(max_length=300, help_text="What staff read when a message is refused.")
    source = models.CharField(max_length=300, help_text="The law or rule it rests on.")
    as_of = models.DateField(help_text="When the source was read.")
    is_in_force = models.BooleanField("in force", default=True)

    class Meta:
        ordering = ["vertical", "state", "channel", "provider"]
        verbose_name_plural = "message policies"
        constraints = [
            models.UniqueConstraint(fields=["vertical", "state", "channel", "provider"], name="one_message_policy")
        ]

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.vertical, self.state, self.channel, self.provider)))
        return f"{where or 'Everything'}: {self.get_verdict_display()}"

    @property
    def concerns(self) -> str:
        """`Cannabis · any state · SMS by twilio`"""
        trade = self.get_vertical_display() if self.vertical else "Any trade"
        state = STATE_NAMES.get(self.state, self.state) or "any state"
        channel = self.get_channel_display() if self.channel else "any channel"
        return f"{trade} · {state} · {channel}{f' by {self.provider}' if self.provider else ''}"

    @property
    def tone(self) -> str:
        return {self.Verdict.ALLOW: "success", self.Verdict.GATE: "warning"}.get(self.Verdict(self.verdict), "danger")


class QuietHours(models.Model):
    """The hours at which a state lets shops write by one channel. The shop's own hours hold as well."""

    state = models.CharField(max_length=2, help_text="Two letters, such as TX.")
    channel = models.CharField(max_length=10, choices=Consent.Channel, default=Consent.Channel.SMS)
    send_from = models.PositiveSmallIntegerField("messages may leave from", validators=HOURS)
    send_until = models.PositiveSmallIntegerField("and until", validators=HOURS)
    sunday_from = models.PositiveSmallIntegerField(
        "on Sundays from", null=True, blank=True, validators=HOURS, help_text="Empty: as on other days. 24: not at all."
    )
    source = models.CharField(max_length=300, help_text="The law it rests on.")
    as_of = models.DateField(help_text="When the source was read.")
    is_in_force = models.BooleanField("in force", default=True)

    class Meta:
        ordering = ["state", "channel"]
        verbose_name_plural = "quiet hours"
        constraints = [
            models.UniqueConstraint(fields=["state", "channel"], name="one_quiet_hours_per_state_and_channel"),
            models.CheckConstraint(
                condition=models.Q(send_from__lt=models.F("send_until"), send_until__lte=24),
                name="quiet_hours_open_before_they_close",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.channel} {self.send_from} to {self.send_until}"

    @property
    def concerns(self) -> str:
        """`Texas · SMS`"""
        return f"{STATE_NAMES.get(self.state, self.state)} · {self.get_channel_display()}"

    @property
    def hours(self) -> str:
        """`9:00 a.m. to 9:00 p.m., Sundays from noon`"""
        days = f"{on_the_clock(self.send_from)} to {on_the_clock(self.send_until)}"
        if self.sunday_from is None or self.sunday_from <= self.send_from:
            return days
        is_silent = self.sunday_from >= self.send_until
        return f"{days}, not on Sundays" if is_silent else f"{days}, Sundays from {on_the_clock(self.sunday_from)}"


class FrequencyCap(models.Model):
    """At most so many messages to one member in so many of their calendar days, today counted.

    One with a topic holds for that topic instead of the one without, and counts that topic alone.
    """

    channel = models.CharField(max_length=10, choices=Consent.Channel)
    topic = models.CharField(max_length=20, choices=Consent.Topic, blank=True, help_text="Empty: all of them together.")
    most = models.PositiveSmallIntegerField("messages at most", validators=[MinValueValidator(1)])
    days = models.PositiveSmallIntegerField(
        "in days", default=7, validators=[MinValueValidator(1), MaxValueValidator(31)]
    )

    class Meta:
        ordering = ["channel", "topic"]
        constraints = [models.UniqueConstraint(fields=["channel", "topic"], name="one_frequency_cap")]

    def __str__(self) -> str:
        return f"{self.most} by {self.channel} in {self.days} days"


class SendingRate(models.Model):
    """A bucket of tokens for one provider, shared by all workers: each message takes one, and time brings them back.

    An empty rate is no limit. `paused_until` is when a provider that asked for quiet is spoken to again.
    """

    provider = models.CharField(max_length=30, unique=True)
    per_second = models.DecimalField(
        "messages a second",
        max_digits=8,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
    )
    tokens = models.FloatField(default=0, db_default=0, editable=False)
    filled_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_until = models.DateTimeField(null=True, blank=True)
    paused_because = models.CharField(max_length=300, blank=True)
    unreachable_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when nobody has taken our calls, or let us in."
    )

    class Meta:
        ordering = ["provider"]
        constraints = [models.CheckConstraint(condition=models.Q(per_second__gt=0), name="sending_rate_is_a_rate")]

    def __str__(self) -> str:
        return f"{self.provider}: {self.per_second or 'as fast as it takes them'}"
