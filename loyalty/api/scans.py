"""Product codes that a member scans, also those that waited on a phone without a network."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from config.shared.access import client_address
from loyalty.actions import scans
from loyalty.api.problems import Told
from loyalty.api.shoppers import ShopperView
from loyalty.api.views import Places
from loyalty.models import Scan
from loyalty.queries.shoppers import scans_of


class ScanInput(serializers.Serializer[dict[str, Any]]):
    code = serializers.CharField(max_length=200)
    client_id = serializers.UUIDField(help_text="Made on the phone for this scan, so that it counts once.")
    scanned_at = serializers.DateTimeField(help_text="When, by the phone; three days ago at most.")


class ScannedProduct(serializers.Serializer[Any]):
    sku = serializers.CharField()
    name = serializers.CharField()


class ScanAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    points = serializers.IntegerField()
    product = serializers.SerializerMethodField()
    text = serializers.CharField(source="code.batch.name", help_text="What was scanned, where it is no product.")
    scanned_at = serializers.DateTimeField()

    @extend_schema_field(ScannedProduct(allow_null=True))
    def get_product(self, scan: Scan) -> Any:
        product = scan.code.batch.product
        return ScannedProduct(product).data if product else None


class ScannedFirst(Places):
    ordering = ("-scanned_at", "-pk")


class Scans(ShopperView):
    pagination_class = ScannedFirst

    @extend_schema(responses=ScanAnswer(many=True))
    def get(self, request: Request) -> Response:
        """What you have scanned, the latest first."""
        return self.paged(scans_of(self.member), ScanAnswer)

    @extend_schema(
        request=ScanInput,
        responses={201: ScanAnswer, 200: OpenApiResponse(ScanAnswer, description="Counted before.")},
    )
    def post(self, request: Request) -> Response:
        """Count a scan. 409 `bad_code`, `code_is_over` or `already_scanned`; 429 after 20 wrong codes."""
        said, now = self.said(ScanInput), timezone.now()
        try:
            scanned = scans.scan(
                member=self.member,
                text=said["code"],
                client_id=said["client_id"],
                scanned_at=said["scanned_at"],
                address=client_address(request._request),
                now=now,
            )
        except scans.TooManyGuesses as refusal:
            raise Told(refusal, status.HTTP_429_TOO_MANY_REQUESTS, wait=refusal.retry_after) from None
        return Response(
            ScanAnswer(scanned.scan).data, status.HTTP_201_CREATED if scanned.is_new else status.HTTP_200_OK
        )
