import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class EarnRule(models.Model):
    """When members earn, and how much. Rules are asked by priority; see loyalty.rules.earning.

    What a rule gives never changes once it has given: see loyalty.actions.earn_rules.
    """

    class Trigger(models.TextChoices):
        ORDER = "order", "An order is paid"
        EVENT = "event", "An event comes in"
        SCAN = "scan", "A product is scanned"
        REFERRAL = "referral", "A friend buys for the first time"
        BIRTHDAY = "birthday", "It is the member's birthday"
        REVIEW = "review", "A review is written"
        SEGMENT = "segment", "A segment is entered"

    class Effect(models.TextChoices):
        PER_UNIT = "per_unit", "Points for each unit of the currency"
        FIXED = "fixed", "A fixed number of points"
        MULTIPLIER = "multiplier", "A multiple of what the other rules give"
        BRACKET = "bracket", "Points by the total of the order"

    class Period(models.TextChoices):
        DAY = "day", "a day"
        WEEK = "week", "a week"
        MONTH = "month", "a month"
        YEAR = "year", "a year"
        EVER = "ever", "for good"

    name = models.CharField(max_length=80)
    trigger = models.CharField(max_length=8, choices=Trigger, default=Trigger.ORDER)
    event_name = models.CharField(max_length=200, blank=True, help_text="For the trigger “An event comes in”.")
    segment = models.ForeignKey("loyalty.Segment", models.PROTECT, null=True, blank=True, related_name="earn_rules")
    effect = models.CharField(max_length=10, choices=Effect, default=Effect.PER_UNIT)
    points_per_unit = models.DecimalField(
        "points per currency unit",
        max_digits=8,
        decimal_places=3,
        default=0,
        help_text="1 means one point for each whole dollar.",
    )
    points = models.PositiveIntegerField(default=0, help_text="For a fixed number of points.")
    multiplier = models.DecimalField(max_digits=5, decimal_places=2, default=1)
    brackets = models.JSONField(default=list, blank=True, help_text='Such as [{"from": "50", "points": 100}].')
    conditions = models.JSONField(default=dict, blank=True, help_text="See loyalty.rules.earning.Conditions.")
    minimum_total = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    cap_points = models.PositiveIntegerField(null=True, blank=True, help_text="Most points a member gets by it ...")
    cap_times = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Most times a member earns by it ...")
    cap_period = models.CharField(max_length=5, choices=Period, default=Period.EVER)
    priority = models.PositiveSmallIntegerField(default=100, help_text="The lowest number is asked first.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # For orders that are looked at later than they were told.
    active_since = models.DateTimeField(db_default=Now(), editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["priority", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(points_per_unit__gte=0), name="earn_rule_gives_points"),
            models.CheckConstraint(
                condition=models.Q(ends_on__gte=models.F("starts_on")), name="earn_rule_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=~models.Q(trigger="event") | ~models.Q(event_name=""), name="earn_rule_names_its_event"
            ),
            models.CheckConstraint(
                condition=~models.Q(trigger="segment") | models.Q(segment__isnull=False),
                name="earn_rule_names_its_segment",
            ),
            models.CheckConstraint(condition=models.Q(multiplier__gte=1), name="earn_rule_multiplies_up"),
        ]

    def __str__(self) -> str:
        return self.name


class PointsAccount(models.Model):
    """What a member has: the sums of the entries, kept beside them. Made with the member.

    `balance` can be spent, and is below zero only by the return policy. `pending` waits for a day or an event.
    """

    member = models.OneToOneField("loyalty.Member", models.CASCADE, primary_key=True, related_name="points_account")
    balance = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0, db_default=0)
    active_at = models.DateTimeField(null=True, blank=True, help_text="Last bought or earned; sliding expiry asks it.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pending__gte=0), name="pending_not_negative")]

    def __str__(self) -> str:
        return f"{self.balance} points of member {self.member_id}"


class PointsEntry(models.Model):
    """One line of the ledger. Never edited and never deleted: the database itself refuses.

    `points` changed the balance, `pending` what waits. `waived` is what a return should have taken and, by the return
    policy or because the points had expired, did not.
    """

    class Reason(models.TextChoices):
        PURCHASE = "PURCHASE", "Purchase"
        RETURN = "RETURN", "Return"
        EVENT = "EVENT", "Event"
        SCAN = "SCAN", "Scan"
        REFERRAL = "REFERRAL", "Referral"
        BIRTHDAY = "BIRTHDAY", "Birthday"
        SEGMENT = "SEGMENT", "Segment entered"
        RELEASED = "RELEASED", "No longer pending"
        HOLD = "HOLD", "Reward held"
        HOLD_BACK = "HOLD_BACK", "Hold given back"
        EXPIRY = "EXPIRY", "Expired"
        MERGE = "MERGE", "Members merged"
        CORRECTION = "CORRECTION", "Correction by staff"

    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="points_entries", db_index=False)
    points = models.IntegerField()
    pending = models.IntegerField(default=0, db_default=0)
    waived = models.PositiveIntegerField(default=0, db_default=0)
    reason = models.CharField(max_length=12, choices=Reason)
    reference = models.CharField(max_length=120, help_text="What caused it; the same cause is entered once.")
    rule = models.ForeignKey(EarnRule, models.PROTECT, null=True, blank=True, related_name="entries", db_index=False)
    order = models.ForeignKey(
        "loyalty.Order", models.PROTECT, null=True, blank=True, related_name="points_entries", db_index=False
    )
    redemption = models.ForeignKey(
        "loyalty.Redemption", models.PROTECT, null=True, blank=True, related_name="points_entries", db_index=False
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    note = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "points entries"
        constraints = [
            models.UniqueConstraint(fields=["reason", "reference"], name="points_once_per_cause"),
            models.CheckConstraint(
                condition=~models.Q(points=0, pending=0, waived=0), name="points_entry_says_something"
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-occurred_at", "-id"], name="points_of_member"),
            models.Index(fields=["order"], condition=models.Q(order__isnull=False), name="points_of_order"),
            models.Index(fields=["rule"], condition=models.Q(rule__isnull=False), name="points_by_rule"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.points:+d} for {self.reference}"


class PointsLot(models.Model):
    """Points that came in together and expire together. Spending takes from the lot that expires first.

    What a member can spend is what remains in their lots, less what they owe.
    """

    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="points_lots", db_index=False)
    entry = models.OneToOneField(PointsEntry, models.PROTECT, related_name="lot")
    order = models.ForeignKey(
        "loyalty.Order", models.PROTECT, null=True, blank=True, related_name="points_lots", db_index=False
    )
    points = models.IntegerField(help_text="As they came in.")
    pending = models.IntegerField(default=0)
    remaining = models.IntegerField()
    expired = models.IntegerField(default=0)
    pending_until = models.DateTimeField(null=True, blank=True)
    pending_event = models.CharField(max_length=100, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    is_sliding = models.BooleanField(default=False)
    # What the indexes ask. They change with the first and the last point alone, so that spending leaves them be.
    is_open = models.GeneratedField(
        expression=models.Q(remaining__gt=0),  # type: ignore[arg-type]  # a Q is one, the stubs forgot
        output_field=models.BooleanField(),
        db_persist=True,
    )
    is_waiting = models.GeneratedField(
        expression=models.Q(pending__gt=0),  # type: ignore[arg-type]
        output_field=models.BooleanField(),
        db_persist=True,
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(pending__gte=0, remaining__gte=0, expired__gte=0)
                & models.Q(points__gte=models.F("pending") + models.F("remaining") + models.F("expired")),
                name="lot_holds_no_more_than_came_in",
            )
        ]
        indexes = [
            models.Index(fields=["member", "expires_at", "id"], condition=models.Q(is_open=True), name="lots_to_spend"),
            models.Index(fields=["order"], condition=models.Q(order__isnull=False), name="lots_of_order"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(is_open=True, expires_at__isnull=False),
                name="lots_to_expire",
            ),
            models.Index(fields=["member"], condition=models.Q(is_waiting=True), name="lots_pending"),
            models.Index(
                fields=["pending_until"],
                condition=models.Q(is_waiting=True, pending_until__isnull=False),
                name="lots_to_release",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.remaining} of {self.points} points, lot {self.pk}"


class LotUse(models.Model):
    """What a hold took from which lot, so that giving it back restores each lot."""

    redemption = models.ForeignKey("loyalty.Redemption", models.PROTECT, related_name="lot_uses", db_index=False)
    lot = models.ForeignKey(PointsLot, models.PROTECT, related_name="uses", db_index=False)
    points = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["redemption", "lot"], name="one_use_per_hold_and_lot")]

    def __str__(self) -> str:
        return f"{self.points} of lot {self.lot_id}"


class LedgerCheck(models.Model):
    """One comparison of every account with its entries and lots; what did not agree is named."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    accounts = models.BigIntegerField()
    entries = models.BigIntegerField()
    differences = models.JSONField(default=list, help_text="The first hundred: member, kept, entered.")
    difference_count = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}: {self.difference_count} differences"
