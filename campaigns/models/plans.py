import uuid

from django.conf import settings
from django.db import models

from campaigns.rules import wording
from campaigns.rules.priority import Part, parts_of
from loyalty.models import Consent, Score


class Plan(models.Model):
    """Seven days of proposed actions for one campaign."""

    class Status(models.TextChoices):
        QUEUED = "QUEUED", "Waiting for a worker"
        RANKING = "RANKING", "Ranking members"
        WRITING = "WRITING", "Writing the week"
        CHECKING = "CHECKING", "Checking the proposal"
        READY = "READY", "Ready to review"
        APPROVED = "APPROVED", "Approved"
        FAILED = "FAILED", "Failed"
        CANCELLED = "CANCELLED", "Cancelled"
        REPLACED = "REPLACED", "Replaced by a newer plan"

    WORKING = (Status.QUEUED, Status.RANKING, Status.WRITING, Status.CHECKING)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    campaign = models.ForeignKey("campaigns.Campaign", models.CASCADE, related_name="plans")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    error = models.CharField(max_length=500, blank=True)
    audience_size = models.PositiveIntegerField(default=0, help_text="Members ranked and taken.")
    excluded = models.JSONField(default=dict, help_text="Why members of the target were left out, with counts.")
    facts = models.JSONField(default=dict, help_text="What the language model was told. No personal data.")
    model_name = models.CharField(max_length=80, blank=True)
    note = models.CharField(
        max_length=300, blank=True, db_default="", help_text="What is to be different from the plan it replaces."
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker took it up.")
    claimed_until = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    replaced_by = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="replaces", editable=False,
        help_text="The plan that was asked for in its place. It comes back when that one comes to nothing.",
    )  # fmt: skip
    expected = models.JSONField(
        default=dict, db_default={}, blank=True,
        help_text="What it was expected to bring when it was approved; see campaigns.queries.estimates.",
    )  # fmt: skip

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"],
                condition=models.Q(status__in=["QUEUED", "RANKING", "WRITING", "CHECKING"]),
                name="one_plan_at_work_per_campaign",
            ),
            models.UniqueConstraint(
                fields=["campaign"], condition=models.Q(status="APPROVED"), name="one_approved_plan_per_campaign"
            ),
        ]

    def __str__(self) -> str:
        return f"plan #{self.pk} of {self.campaign_id}"

    @property
    def asked(self) -> str:
        """All that people asked of it: the campaign's goal and, in a line of its own, its note."""
        return f"{self.campaign.goal}\n{self.note}" if self.note else self.campaign.goal


class PlanStep(models.Model):
    """One playbook for one group on one day by one channel, with its text and the numbers it rests on.

    Changed while its messages leave, it stays as it was for those that have it; `changed_from` tells the new one.
    """

    class Timing(models.TextChoices):
        BUSINESS = "BUSINESS", "At one moment, by the clock of the business"
        LOCAL = "LOCAL", "At this time by each member's own clock"
        BEST = "BEST", "At the hour each member usually answers"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    plan = models.ForeignKey(Plan, models.CASCADE, related_name="steps")
    day = models.DateField()
    position = models.PositiveSmallIntegerField()
    group = models.CharField(max_length=20, choices=Score.Group)
    playbook = models.ForeignKey("campaigns.Playbook", models.PROTECT, related_name="+")
    offer = models.ForeignKey("campaigns.Offer", models.PROTECT, null=True, blank=True, related_name="+")
    approved_offer = models.JSONField(
        null=True, blank=True, editable=False, help_text="Name and wording of its offer as approved; {}: none."
    )
    channel = models.CharField(max_length=10, choices=Consent.Channel)
    timing = models.CharField(max_length=10, choices=Timing, default=Timing.BUSINESS, db_default=Timing.BUSINESS)
    send_at = models.TimeField(help_text="By the clock that `timing` names; for the best hour: where none is known.")
    template = models.ForeignKey("campaigns.Template", models.PROTECT, null=True, blank=True, related_name="+")
    subject = models.CharField(max_length=150)
    body = models.TextField()
    translations = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Subject and body by language, such as es."
    )
    picture = models.ForeignKey(
        "campaigns.MediaFile",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Shown where the template has a place for it.",
    )
    reason = models.CharField(max_length=300)
    evidence = models.JSONField(default=dict, help_text="The numbers the reason rests on.")
    is_reminder = models.BooleanField(
        default=False, db_default=False, help_text="Reminds its group of their first message of the week."
    )
    revision = models.PositiveIntegerField(
        default=1, db_default=1, help_text="Grows with every change: of two people at once, the second is told."
    )
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    edited_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    sent_now_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody had its messages leave ahead of their day."
    )
    changed_from = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="changed_into")

    class Meta:
        ordering = ["day", "position"]
        constraints = [models.UniqueConstraint(fields=["plan", "day", "position"], name="one_step_per_position")]

    def __str__(self) -> str:
        return f"{self.day} {self.get_group_display()}"

    @property
    def promise(self) -> dict[str, str]:
        """Name and wording of its offer, as approved or else as they stand now; empty without one."""
        return self.offer_now if self.approved_offer is None else self.approved_offer

    @property
    def offer_now(self) -> dict[str, str]:
        return {"name": self.offer.name, "wording": self.offer.wording} if self.offer else {}

    @property
    def offer_said(self) -> str:
        """All that is said of its offer; empty without one."""
        return self.offer.said if self.offer else ""

    @property
    def unfilled_subject(self) -> str:
        """The subject with its words named and not filled in: what was told to many."""
        return wording.unfilled(self.subject)


class Candidate(models.Model):
    """One member of a plan's audience, with the place the ranking gave, and what it rests on."""

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="candidates")
    member = models.ForeignKey("loyalty.Member", models.CASCADE, related_name="+")
    rank = models.PositiveIntegerField()
    priority = models.IntegerField(help_text="0 to 100; 50 is the middle of the audience.")
    value = models.DecimalField(
        max_digits=12, decimal_places=2, default=0, db_default=0, help_text="Expected to be added by a message."
    )
    parts = models.JSONField(default=dict, db_default={}, help_text="Money by part; see campaigns.rules.priority.")
    group = models.CharField(max_length=20, choices=Score.Group)
    is_held_out = models.BooleanField(
        default=False, db_default=False, help_text="Gets nothing of this campaign, so that the others can be compared."
    )

    class Meta:
        ordering = ["rank"]
        constraints = [models.UniqueConstraint(fields=["plan", "member"], name="one_candidate_per_plan_and_member")]

    def __str__(self) -> str:
        return f"{self.rank}. of plan #{self.plan_id}"

    @property
    def why(self) -> list[Part]:
        """What its points are made of."""
        money = {name: amount for name, amount in self.parts.items() if name not in ("category", "factor")}
        return parts_of(self.priority, money, category=self.parts.get("category", ""))


class Action(models.Model):
    """One offer for one member on one day, made when a person approves the plan."""

    step = models.ForeignKey(PlanStep, models.CASCADE, related_name="actions", db_index=False)
    member = models.ForeignKey("loyalty.Member", models.CASCADE, related_name="actions")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step", "member"], name="one_action_per_step_and_member")]

    def __str__(self) -> str:
        return f"action #{self.pk}"
