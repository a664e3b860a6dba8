from django.conf import settings
from django.db import models


def default_zone() -> str:
    return settings.TIME_ZONE


class Store(models.Model):
    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=2, blank=True)
    time_zone = models.CharField(max_length=64, default=default_zone)

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    sku = models.CharField("SKU", max_length=64, unique=True)
    name = models.CharField(max_length=200)
    brand = models.CharField(max_length=120, blank=True)
    category = models.CharField(max_length=120, blank=True, db_index=True)
    kind = models.CharField(max_length=120, blank=True)
    size = models.CharField(max_length=40, blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    is_in_stock = models.BooleanField("in stock", null=True, blank=True, help_text="Empty: nobody told.")
    picture = models.ForeignKey("loyalty.Picture", models.PROTECT, null=True, blank=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"


class Order(models.Model):
    """One basket at one store. `total` is the sum of its lines; a return makes it smaller, even negative.

    `paid_with_points` is the part of the total that was paid with points, and earns none.
    """

    # Nothing that one of the indexes below answers has an index of its own: each is written a million times an import.
    number = models.CharField(max_length=64)
    member = models.ForeignKey(
        "loyalty.Member", models.PROTECT, null=True, blank=True, related_name="orders", db_index=False
    )
    store = models.ForeignKey(Store, models.PROTECT, related_name="orders")
    ordered_at = models.DateTimeField()
    total = models.DecimalField(max_digits=12, decimal_places=2)
    discount = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    paid_with_points = models.DecimalField(max_digits=12, decimal_places=2, default=0, db_default=0)
    delivered_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["number"], name="one_order_per_number")]
        indexes = [
            models.Index(fields=["member", "-ordered_at"], name="order_of_member"),
            models.Index(fields=["-ordered_at", "-id"], name="order_newest"),
        ]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    """One product in one order. `key` tells lines of one order apart, so that importing twice changes nothing."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines", db_index=False)
    product = models.ForeignKey(Product, models.PROTECT, related_name="order_lines")
    key = models.CharField(max_length=80)
    quantity = models.DecimalField(max_digits=10, decimal_places=3)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    discount = models.DecimalField(max_digits=12, decimal_places=2, default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "key"], name="one_order_line_per_key")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.key}"
