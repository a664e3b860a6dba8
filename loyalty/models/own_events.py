from django.db import models


class OwnEvents(models.Model):
    """That this shop's own events are told, with which partner's system they stand, and under which names.

    A single row, made when they are first switched on; the system says whether they are on now.
    """

    class NamedBy(models.TextChoices):
        MEMBER_ID = "MEMBER_ID", "Member id"
        CUSTOMER_NUMBER = "CUSTOMER_NUMBER", "Customer number"
        EMAIL = "EMAIL", "Email address"

    system = models.OneToOneField("tracking.PartnerSystem", models.PROTECT, related_name="+")
    named_by = models.CharField(
        max_length=16, choices=NamedBy, help_text="A member without it goes by the member id, whatever is chosen."
    )
    begins_anew = models.BooleanField(default=False, help_text="What was told is forgotten at the next step.")

    class Meta:
        verbose_name_plural = "own events"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="own_events_once")]

    def __str__(self) -> str:
        return f"own events by {self.get_named_by_display().lower()}"
