from django.db import models


class WishlistItem(models.Model):
    """A product a member would like, with the price and stock they know of."""

    member = models.ForeignKey("loyalty.Member", models.CASCADE, related_name="wishlist", db_index=False)
    product = models.ForeignKey("loyalty.Product", models.PROTECT, related_name="wished")
    price_told = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    added_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "product"], name="one_wish_per_product")]

    def __str__(self) -> str:
        return f"{self.product_id} for member {self.member_id}"
