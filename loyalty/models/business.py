from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models


class Business(models.Model):
    """The one business this copy serves: its name, its look and what it sells. A single row."""

    class Vertical(models.TextChoices):
        LIQUOR = "LIQUOR", "Beer, wine and spirits"
        CANNABIS = "CANNABIS", "Cannabis"

    name = models.CharField(max_length=80, default="Regulars")
    vertical = models.CharField(max_length=10, choices=Vertical, default=Vertical.LIQUOR)
    accent = models.CharField(
        "accent colour",
        max_length=7,
        default="#0f766e",
        validators=[RegexValidator(r"^#[0-9a-f]{6}$", "Write the colour as # and six digits, such as #0f766e.")],
    )
    logo = models.BinaryField(blank=True, default=b"", editable=False)
    logo_digest = models.CharField(max_length=16, blank=True, editable=False)
    currency = models.CharField(
        max_length=3,
        default="USD",
        validators=[RegexValidator(r"^[A-Z]{3}$", "Write the currency as three letters, such as USD.")],
    )
    website = models.URLField(blank=True, help_text="Linked at the foot of every message.")
    address = models.CharField(
        "postal address",
        max_length=200,
        blank=True,
        help_text="The law asks for it at the foot of every marketing email.",
    )
    legal_age = models.PositiveSmallIntegerField(
        default=21, validators=[MinValueValidator(18), MaxValueValidator(25)], help_text="Nobody younger is written to."
    )
    demo_notice = models.TextField(blank=True, editable=False)

    class Meta:
        verbose_name_plural = "business"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_business")]

    def __str__(self) -> str:
        return self.name
