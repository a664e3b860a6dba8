import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class ForecastVersion(models.Model):
    """What was fitted on what and when, and how well it foretold days it had not seen (see docs/forecasts.md).

    At most one is in use: all forecasts are made with its parameters. A pinned one stays in use whatever is fitted
    after it.
    """

    class Kind(models.TextChoices):
        BGNBD = "bgnbd", "BG/NBD"
        NBD = "nbd", "NBD: no dropout signal"

    class Verdict(models.TextChoices):
        """What became of it on the night it was fitted."""

        TAKEN = "taken", "Taken into use"
        WORSE = "worse", "Kept aside: clearly worse than the one in use"
        PINNED = "pinned", "Kept aside: another version was pinned"

    as_of = models.DateField(help_text="The last day that was read; the forecast begins on the next.")
    fitted_at = models.DateTimeField()
    code_version = models.CharField(max_length=20)
    kind = models.CharField(max_length=5, choices=Kind)
    parameters = models.JSONField(help_text="r and alpha; a and b where there is a dropout signal. Per day.")
    value_parameters = models.JSONField(
        null=True, help_text="p, q and gamma; nothing when no repeat order has a value."
    )
    mean_value = models.FloatField(help_text="Of a day with a purchase, over everybody.")
    log_likelihood = models.FloatField()
    value_log_likelihood = models.FloatField(null=True)
    first_day = models.DateField(help_text="Of the first order that was read.")
    members = models.IntegerField()
    orders = models.BigIntegerField(help_text="Days with a purchase: several orders of one day are one.")
    fitted_on = models.IntegerField(help_text="Members that the fit looked at: all, or a sample.")
    trained = models.JSONField(help_text="The parameters of the fit that saw nothing of the holdout, and the cuts.")
    holdout = models.JSONField(help_text="See loyalty.scoring.holdout.Holdout.")
    expected_by_week = models.JSONField(default=list, help_text="Orders of these members in each week after as_of.")
    verdict = models.CharField(max_length=6, choices=Verdict, default=Verdict.TAKEN)
    reason = models.CharField(max_length=200, blank=True)
    is_in_use = models.BooleanField(default=False)
    pinned_at = models.DateTimeField(null=True, blank=True)
    pinned_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    scored_on = models.DateField(null=True, blank=True, help_text="The date the forecasts made with it hold for.")
    scored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_in_use"], condition=Q(is_in_use=True), name="one_forecast_version_in_use"
            ),
            models.CheckConstraint(
                condition=Q(pinned_at=None) | Q(is_in_use=True), name="pinned_forecast_version_is_in_use"
            ),
        ]

    def __str__(self) -> str:
        return f"Version {self.pk}"

    @property
    def purchases_a_month(self) -> float:
        """Of an average member who is a customer still, in 30 days."""
        return 30 * self.parameters["r"] / self.parameters["alpha"]

    @property
    def leaving(self) -> float | None:
        """The share that is not seen again after a purchase, on average; None without a dropout signal."""
        if self.kind == self.Kind.NBD:
            return None
        return self.parameters["a"] / (self.parameters["a"] + self.parameters["b"])

    @property
    def purchase_value(self) -> float:
        """Of an average member's purchase."""
        if not self.value_parameters:
            return self.mean_value
        return self.value_parameters["p"] * self.value_parameters["gamma"] / (self.value_parameters["q"] - 1)

    @property
    def holdout_error(self) -> float | None:
        """Of all orders of the holdout together: +0.10 is ten in a hundred more than came."""
        held = self.holdout
        return held["expected_orders"] / held["actual_orders"] - 1 if held["actual_orders"] else None


class ForecastRun(models.Model):
    """A fit on its way, or everybody scored anew with a version that somebody chose."""

    class Status(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        RUNNING = "RUNNING", "Running"
        DONE = "DONE", "Done"
        FAILED = "FAILED", "Failed"

    MOVES = {
        Status.WAITING: {Status.RUNNING},
        Status.RUNNING: {Status.DONE, Status.FAILED},
        Status.DONE: set(),
        Status.FAILED: set(),
    }

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    version = models.ForeignKey(
        ForecastVersion,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="runs",
        help_text="The one to use; empty: fit a new one.",
    )
    status = models.CharField(max_length=7, choices=Status, default=Status.WAITING)
    phase = models.CharField(max_length=60, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    written = models.IntegerField(default=0, help_text="Forecasts that were written because they moved.")
    error = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(null=True, blank=True, help_text="Last sign of life of the worker that has it.")
    run_token = models.UUIDField(null=True, blank=True, editable=False, help_text="Of the one that may write here.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Forecast run {self.pk}: {self.get_status_display()}"

    @property
    def is_open(self) -> bool:
        return self.status in (self.Status.WAITING, self.Status.RUNNING)


class Forecast(models.Model):
    """What one member will probably do in the next 90 days, as of the day the version in use was last scored.

    Shares and probabilities lie between 0 and 1. `p_alive`: still a customer at all; `p_return`: comes back within the
    90 days.
    """

    class ChurnRisk(models.TextChoices):
        LOW = "low", "Low"
        MEDIUM = "medium", "Medium"
        HIGH = "high", "High"

    member = models.OneToOneField("loyalty.Member", models.CASCADE, primary_key=True, related_name="forecast")
    p_alive = models.FloatField()
    p_return = models.FloatField()
    expected_orders = models.FloatField(help_text="In 90 days.")
    expected_value = models.DecimalField(max_digits=14, decimal_places=2, help_text="In 90 days.")
    churn_risk = models.CharField(max_length=6, choices=ChurnRisk)
    discount_share = models.FloatField(
        null=True, help_text="Of what they spent in a year, how much went on goods at a discount. Empty: not known."
    )
    next_category = models.CharField(max_length=120, blank=True, default="", db_default="")
    next_product = models.ForeignKey(
        "loyalty.Product", models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    best_weekday = models.SmallIntegerField(null=True, help_text="0 is Monday. Empty: no habit to be seen.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(p_alive__range=(0, 1), p_return__range=(0, 1)), name="forecast_has_probabilities"
            ),
            models.CheckConstraint(
                condition=Q(expected_orders__gte=0, expected_value__gte=0), name="forecast_expects_nothing_negative"
            ),
            models.CheckConstraint(
                condition=Q(discount_share=None) | Q(discount_share__range=(0, 1)), name="discount_share_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(best_weekday=None) | Q(best_weekday__range=(0, 6)), name="best_weekday_is_a_weekday"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.expected_orders:g} orders of member {self.member_id}"


class GroupMove(models.Model):
    """How many members went from one score group to another on one scoring day; empty is no group at all."""

    day = models.DateField()
    from_group = models.CharField(max_length=20, blank=True)
    to_group = models.CharField(max_length=20, blank=True)
    members = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "from_group", "to_group"], name="one_group_move_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.from_group or 'none'} to {self.to_group or 'none'}"
