import uuid
from email.utils import parseaddr
from functools import cache

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from loyalty.models import Consent

# Every move of a send is kept, whoever made it: by the database, for all rows of a statement at once. EXECUTE plans
# each statement anew: a plan that was made for one row would join a million rows of the next each with each.
KEPT_MOVES = pgtrigger.Trigger(
    name="moves_are_kept",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Update,
    referencing=pgtrigger.Referencing(old="before", new="after"),
    func="""
        EXECUTE $sql$
            INSERT INTO campaigns_sendmove (send_id, status, due_at, note, at)
            SELECT after.id, after.status, after.due_at, after.failure, clock_timestamp()
            FROM after JOIN before USING (id)
            WHERE after.status <> before.status OR (after.status = 'PENDING' AND after.due_at <> before.due_at)
        $sql$;
        RETURN NULL;
    """,
)


def sender_domain() -> str:
    return _domain_of(settings.DEFAULT_FROM_EMAIL)


@cache
def _domain_of(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2]


class Send(models.Model):
    """One message, one channel, one recipient. The row is the memory of what happened to it.

    PENDING rows become CLAIMED under a lease, HANDING_OFF just before the provider is spoken to (a crash after
    that leaves UNKNOWN, which is shown and never sent again by itself), then SENT, or FAILED. What the provider reports
    later makes it DELIVERED, BOUNCED or COMPLAINED.
    """

    class Status(models.TextChoices):
        PENDING = "PENDING", "Waiting"
        CLAIMED = "CLAIMED", "Claimed"
        HANDING_OFF = "HANDING_OFF", "Being handed off"
        SENT = "SENT", "Sent"
        DELIVERED = "DELIVERED", "Delivered"
        FAILED = "FAILED", "Failed"
        BOUNCED = "BOUNCED", "Bounced"
        COMPLAINED = "COMPLAINED", "Marked as spam"
        SUPPRESSED = "SUPPRESSED", "Suppressed"
        CANCELLED = "CANCELLED", "Cancelled"
        UNKNOWN = "UNKNOWN", "In doubt"

    OPEN = (Status.PENDING, Status.CLAIMED, Status.HANDING_OFF)
    # The member has it, or may have it.
    AWAY = (Status.HANDING_OFF, Status.SENT, Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED, Status.UNKNOWN)
    # It surely did not leave.
    NEVER_LEFT = (Status.FAILED, Status.SUPPRESSED, Status.CANCELLED)
    # It left us, whatever became of it.
    LEFT = (Status.SENT, Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # A million of these are written at a time. What one of the indexes below answers has no index of its own, and what
    # the action stands for, its member and by its step the campaign, is not looked up a second time.
    campaign = models.ForeignKey(
        "campaigns.Campaign", models.CASCADE, related_name="sends", db_index=False, db_constraint=False
    )
    action = models.ForeignKey("campaigns.Action", models.PROTECT, related_name="sends", db_index=False)
    member = models.ForeignKey(
        "loyalty.Member", models.PROTECT, related_name="sends", db_index=False, db_constraint=False
    )
    channel = models.CharField(max_length=10, choices=Consent.Channel)
    topic = models.CharField(
        max_length=20,
        choices=Consent.Topic,
        default=Consent.Topic.MARKETING,
        db_default=Consent.Topic.MARKETING,
        help_text="What the member must have agreed to.",
    )
    recipient = models.CharField(max_length=254, blank=True, help_text="Empty for push: all devices of the member.")
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    variant = models.CharField(
        max_length=1, blank=True, default="", db_default="", help_text="Which words of its step; empty: there is one."
    )
    waits_for_winner = models.BooleanField(
        default=False, db_default=False, help_text="Its member takes no part in the test: which words is not decided."
    )
    created_at = models.DateTimeField(db_default=Now(), null=True, editable=False, help_text="Empty: before 2026-11.")
    due_at = models.DateTimeField()
    held_from = models.DateTimeField(
        null=True, blank=True, help_text="When it was due before the hours or the day's cap put it off."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    provider = models.CharField(max_length=30, blank=True, default="", db_default="", help_text="Who carried it.")
    provider_id = models.CharField(max_length=250, blank=True)
    failure = models.CharField(max_length=500, blank=True, help_text="Why it failed or was suppressed.")
    handed_off_at = models.DateTimeField(null=True, blank=True, help_text="When the provider was last spoken to.")
    doubtful_since = models.DateTimeField(
        null=True, blank=True, help_text="When a provider that remembers ids first may or may not have taken it."
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True, help_text="First opening by a person.")
    clicked_at = models.DateTimeField(null=True, blank=True, help_text="First click by a person.")
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    complained_at = models.DateTimeField(null=True, blank=True)
    is_hard_bounce = models.BooleanField(null=True, blank=True, help_text="Of one that came back: it always will.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["action", "channel"], name="one_send_per_action_and_channel")]
        triggers = [KEPT_MOVES]
        indexes = [
            models.Index(
                fields=["channel", "due_at", "id"],
                condition=models.Q(status="PENDING", waits_for_winner=False),
                name="send_due_now",
            ),
            models.Index(
                fields=["claimed_until"], condition=models.Q(status__in=["CLAIMED", "HANDING_OFF"]), name="send_leased"
            ),
            models.Index(fields=["campaign", "status"], name="send_of_campaign"),
            models.Index(fields=["campaign", "-due_at", "-id"], name="send_of_campaign_newest"),
            models.Index(fields=["member", "-due_at"], name="send_of_member"),
            models.Index(fields=["provider_id"], condition=~models.Q(provider_id=""), name="send_by_provider_id"),
            models.Index(fields=["failed_at"], condition=models.Q(status="FAILED"), name="send_failed"),
            models.Index(fields=["failed_at"], condition=models.Q(status="BOUNCED"), name="send_bounced"),
            models.Index(fields=["complained_at"], condition=models.Q(status="COMPLAINED"), name="send_complained"),
            models.Index(fields=["handed_off_at"], condition=models.Q(status="UNKNOWN"), name="send_in_doubt"),
            models.Index(fields=["clicked_at"], condition=models.Q(clicked_at__isnull=False), name="send_clicked"),
        ]

    def __str__(self) -> str:
        return f"send #{self.pk} {self.status}"

    @property
    def message_id(self) -> str:
        """Ours for ever: the same send always carries the same id, and a provider that gives it back names the send."""
        return f"{self.public_id}@{sender_domain()}"

    @property
    def tone(self) -> str:
        """How its status looks on a page."""
        return TONES.get(self.status, "neutral")


TONES: dict[str, str] = {
    Send.Status.SENT: "info",
    Send.Status.DELIVERED: "success",
    Send.Status.FAILED: "danger",
    Send.Status.BOUNCED: "danger",
    Send.Status.COMPLAINED: "danger",
    Send.Status.UNKNOWN: "warning",
    Send.Status.SUPPRESSED: "warning",
}


class SendMove(models.Model):
    """One line of a send's history: the state it came into, when, and why. Written by the database alone."""

    send = models.ForeignKey(Send, models.CASCADE, related_name="moves", db_index=False, db_constraint=False)
    status = models.CharField(max_length=12, choices=Send.Status)
    due_at = models.DateTimeField(help_text="When it was due from then on.")
    note = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["send", "id"], name="moves_of_send")]

    def __str__(self) -> str:
        return f"send #{self.send_id} {self.status}"


class Touch(models.Model):
    """One opening, click or unsubscribe of a message, by a person or by a machine in front of one."""

    class Kind(models.TextChoices):
        OPEN = "OPEN", "Opened"
        CLICK = "CLICK", "Clicked"
        UNSUBSCRIBE = "UNSUBSCRIBE", "Unsubscribed"

    send = models.ForeignKey(Send, models.CASCADE, related_name="touches")
    kind = models.CharField(max_length=11, choices=Kind)
    url = models.URLField(max_length=2000, blank=True)
    at = models.DateTimeField()
    machine = models.CharField(max_length=40, blank=True, help_text="Why it is held to be a machine; empty: a person.")
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "touches"
        indexes = [models.Index(fields=["send", "kind", "at"], name="touch_of_send")]

    def __str__(self) -> str:
        return f"{self.kind} of send #{self.send_id}"


class ReceivedTouch(models.Model):
    """An opening or click as the web server heard of it, for the moment until it is taken up as a Touch."""

    send = models.UUIDField(help_text="The public id of a send, as the link says it.")
    kind = models.CharField(max_length=11, choices=Touch.Kind)
    url = models.CharField(max_length=2000, blank=True)
    method = models.CharField(max_length=10)
    user_agent = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0, help_text="How often it could not be taken up.")
    tried_at = models.DateTimeField(null=True, blank=True, help_text="When it last could not.")

    class Meta:
        verbose_name_plural = "received touches"
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.send}"


class Notice(models.Model):
    """Something the owner of a campaign or who is to approve it must hear, once a day at most for each kind."""

    class Kind(models.TextChoices):
        SENDS_FAILED = "SENDS_FAILED", "Messages failed"
        BOUNCES = "BOUNCES", "Many messages come back"
        COMPLAINTS = "COMPLAINTS", "Many mark messages as spam"
        DOUBTS = "DOUBTS", "Messages are in doubt"
        PLAN_WAITS = "PLAN_WAITS", "A plan waits for approval"
        PLAN_FAILED = "PLAN_FAILED", "A week could not be planned"

    campaign = models.ForeignKey("campaigns.Campaign", models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=Kind)
    day = models.DateField()
    text = models.CharField(max_length=500)
    created_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    emailed_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "kind", "day", "user"], name="one_notice_per_person_and_day")
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def title(self) -> str:
        """`Spring: messages failed`, on one line."""
        return f"{' '.join(self.campaign.name.split())}: {self.get_kind_display().lower()}"

    @property
    def shows(self) -> str:
        """Which of the campaign's messages it is about, as results.FILTERS names them; empty: it is about the plan."""
        return _SHOWN.get(self.kind, "")

    @property
    def tone(self) -> str:
        return "info" if self.kind == self.Kind.PLAN_WAITS else "danger"


_SHOWN: dict[str, str] = {
    Notice.Kind.SENDS_FAILED: "failed",
    Notice.Kind.BOUNCES: "bounced",
    Notice.Kind.COMPLAINTS: "complained",
    Notice.Kind.DOUBTS: "unknown",
}
