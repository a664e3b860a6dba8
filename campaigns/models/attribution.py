from django.core.validators import MaxValueValidator
from django.db import models

MOST_HOURS = 90 * 24


def _hours(name: str, default: int = 0) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(
        f"hours after {name}", default=default, db_default=default, validators=[MaxValueValidator(MOST_HOURS)]
    )


class Attribution(models.Model):
    """Which message has an order, by what its member did with it. A single row; 0 hours: that counts for nothing.

    Only how orders are read: what was opened, clicked and bought is kept as it happened.
    """

    class Rule(models.TextChoices):
        LAST = "LAST", "The last touch before an order has it"
        FIRST = "FIRST", "The first touch before an order has it"
        EVEN = "EVEN", "All messages touched before an order share it evenly"

    rule = models.CharField("who has an order", max_length=5, choices=Rule, default=Rule.LAST)
    email_click = _hours("a click in an email", 168)
    email_open = _hours("an email was opened")
    email_delivered = _hours("an email arrived")
    sms_click = _hours("a click in a text", 168)
    sms_delivered = _hours("a text arrived")
    push_click = _hours("a click on a notification", 168)
    push_delivered = _hours("a notification arrived")

    class Meta:
        verbose_name_plural = "attribution"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_attribution")]

    def __str__(self) -> str:
        return "Which message has an order"
