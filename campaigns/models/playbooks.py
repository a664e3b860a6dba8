from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models

from loyalty.models import Consent, Score


class Offer(models.Model):
    """Something a message may promise. `cost` is what one person taking it up costs the shop."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    wording = models.CharField(max_length=200, help_text="How the offer reads inside a message.")
    cost = models.DecimalField(max_digits=8, decimal_places=2, default=0, validators=[MinValueValidator(0)])
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=models.Q(cost__gte=0), name="offer_cost_not_negative")]

    def __str__(self) -> str:
        return self.name

    @property
    def said(self) -> str:
        """All that is said of it, as the guard reads it."""
        return f"{self.name}\n{self.wording}"


class Playbook(models.Model):
    """What usually works for one named group: what to offer, by which channel, in what tone."""

    name = models.CharField(max_length=80, unique=True)
    group = models.CharField(max_length=20, choices=Score.Group)
    aim = models.CharField(max_length=200, help_text="What should change for these members.")
    tone = models.CharField(max_length=120)
    channels = ArrayField(models.CharField(max_length=10, choices=Consent.Channel))
    offers = models.ManyToManyField(Offer, blank=True, related_name="playbooks")
    template = models.ForeignKey(
        "campaigns.Template",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="What its messages look like; empty: the default.",
    )
    subject = models.CharField(
        max_length=150, help_text="A subject that works; Liquid, such as {{ member.first_name }}."
    )
    body = models.TextField(help_text="A text that works; Liquid.")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["group", "name"]

    def __str__(self) -> str:
        return self.name

    @property
    def channel_names(self) -> list[str]:
        return [Consent.Channel(channel).label for channel in self.channels]
