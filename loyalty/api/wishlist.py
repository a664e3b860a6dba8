"""Products, and those a member wishes for."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.rest import one_of
from loyalty.actions import wishlist
from loyalty.api.pictures import address_of
from loyalty.api.shoppers import ShopperView
from loyalty.api.views import Places
from loyalty.models import Product
from loyalty.queries.shoppers import products, wishes_of


class ProductAnswer(serializers.Serializer[Any]):
    sku = serializers.CharField()
    name = serializers.CharField()
    brand = serializers.CharField()
    category = serializers.CharField()
    size = serializers.CharField()
    price = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    is_in_stock = serializers.BooleanField(allow_null=True, help_text="Null: nobody told.")
    picture = serializers.SerializerMethodField()

    def get_picture(self, product: Product) -> str | None:
        return address_of(product.picture)


class WishAnswer(serializers.Serializer[Any]):
    product = ProductAnswer()
    added_at = serializers.DateTimeField()


class WishesAnswer(serializers.Serializer[Any]):
    results = WishAnswer(many=True)


class ProductsQuery(serializers.Serializer[dict[str, Any]]):
    q = serializers.CharField(
        default="", max_length=100, allow_blank=True, help_text="Words of the name, brand or category."
    )


class ByName(Places):
    ordering = ("name", "pk")
    page_size = 20


class Products(ShopperView):
    pagination_class = ByName

    @extend_schema(parameters=[ProductsQuery], responses=ProductAnswer(many=True))
    def get(self, request: Request) -> Response:
        """What the shop has."""
        return self.paged(products(q=self.asked(ProductsQuery)["q"]), ProductAnswer)


class Wishlist(ShopperView):
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(responses=WishesAnswer)
    def get(self, request: Request) -> Response:
        """What you wish for, the latest first: two hundred products at most."""
        return Response(WishesAnswer({"results": wishes_of(self.member)}).data)


class Wish(ShopperView):
    @extend_schema(request=None, responses=WishAnswer)
    def put(self, request: Request, sku: str) -> Response:
        """Wish for a product. You hear when it is back or costs less, where you have agreed to."""
        product = one_of(Product.objects.all(), sku=sku)
        wishlist.add(member=self.member, product=product, now=timezone.now())
        return Response(WishAnswer(wishes_of(self.member).get(product=product)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, sku: str) -> Response:
        """Wish for it no more."""
        wishlist.remove(member=self.member, product=one_of(Product.objects.all(), sku=sku))
        return Response(status=status.HTTP_204_NO_CONTENT)
