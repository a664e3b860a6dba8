from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from campaigns.rules.hours import SendWindow, on_the_clock


class CampaignPolicy(models.Model):
    """How this business runs its campaigns. A single row."""

    needs_second_person = models.BooleanField(
        "plans need a second person", default=False, help_text="Whoever asked for a plan cannot approve it."
    )
    second_person_above = models.DecimalField(
        "plans that can cost more need a second person",
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="In your currency, by what the offers cost if everybody takes them up. Empty: no plan does for this.",
    )
    plan_tokens = models.PositiveIntegerField(
        "tokens a plan may use at most",
        default=200_000,
        db_default=200_000,
        validators=[MinValueValidator(5_000)],
        help_text="Of a language model, for the week and everything written anew in it.",
    )
    plan_cost = models.DecimalField(
        "US dollars a plan may cost at most",
        max_digits=8,
        decimal_places=2,
        default=Decimal(2),
        db_default=Decimal(2),
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="By the prices that Integrations shows for the model. Empty: the tokens alone count.",
    )
    plan_pictures = models.PositiveSmallIntegerField(
        "pictures a plan may have made at most",
        default=20,
        db_default=20,
        help_text="By an image model. 0: none.",
    )
    send_from = models.PositiveSmallIntegerField(
        "messages leave from",
        default=8,
        validators=[MaxValueValidator(23)],
        help_text="On the clock of the member's home store, or else of the business.",
    )
    send_until = models.PositiveSmallIntegerField(
        "and until",
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(24)],
        help_text="What is due later waits for the next day.",
    )
    messages_per_day = models.PositiveSmallIntegerField(
        "messages to one member in a day at most",
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="Of all campaigns together. What is one too many waits for the next day.",
    )
    max_retries = models.PositiveSmallIntegerField(
        "retries of a message that failed", default=3, validators=[MaxValueValidator(10)]
    )
    retry_minutes = models.PositiveSmallIntegerField(
        "minutes before each retry", default=5, validators=[MinValueValidator(1), MaxValueValidator(1440)]
    )
    sms_price = models.DecimalField(
        "price of one text message segment",
        max_digits=7,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="In your currency; what a plan's texts will cost is shown before it is approved.",
    )

    holdout_percent = models.PositiveSmallIntegerField(
        "members who get no marketing at all, in percent",
        default=0,
        db_default=0,
        validators=[MaxValueValidator(50)],
        help_text="Always the same ones: what they buy by themselves shows what messages bring.",
    )
    holdout_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the percentage last changed: months before tell nothing."
    )
    result_days = models.PositiveSmallIntegerField(
        "days after the last message in which an order counts for what a campaign earned",
        default=14,
        db_default=14,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
    )
    gross_margin_percent = models.DecimalField(
        "gross margin, in percent of revenue",
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Empty: margin is not shown.",
    )
    hard_bounces = models.PositiveSmallIntegerField(
        "hard bounces before an address is left alone", default=1, db_default=1, help_text="0: never."
    )
    soft_bounces = models.PositiveSmallIntegerField(
        "soft bounces in a row before it is", default=0, db_default=0, help_text="0: never."
    )
    complaints = models.PositiveSmallIntegerField(
        "complaints before it is", default=1, db_default=1, help_text="0: never."
    )

    class Meta:
        verbose_name_plural = "campaign policy"
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="one_campaign_policy"),
            models.CheckConstraint(
                condition=models.Q(send_from__lt=models.F("send_until"), send_until__lte=24),
                name="campaign_policy_window_opens_before_it_closes",
            ),
            models.CheckConstraint(
                condition=models.Q(messages_per_day__gt=0), name="campaign_policy_allows_a_message_a_day"
            ),
        ]

    def __str__(self) -> str:
        return "How campaigns run"

    @property
    def window(self) -> SendWindow:
        return SendWindow(self.send_from, self.send_until)

    @property
    def is_always_open(self) -> bool:
        return (self.send_from, self.send_until) == (0, 24)

    @property
    def hours(self) -> str:
        """`8:00 a.m. to 8:00 p.m.`"""
        return f"{on_the_clock(self.send_from)} to {on_the_clock(self.send_until)}"
