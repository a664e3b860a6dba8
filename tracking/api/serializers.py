"""What may be asked and what is answered. None of these saves anything."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from tracking.queries import counts


class SpanQuery(serializers.Serializer[dict[str, Any]]):
    """From when to when; the last thirty days unless said otherwise."""

    since = serializers.DateTimeField(required=False, help_text="Beginning, ISO 8601. Default: 30 days before `until`.")
    until = serializers.DateTimeField(required=False, help_text="End, not included. Default: now.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        until: datetime = attrs.get("until") or timezone.now()
        since: datetime = attrs.get("since") or until - counts.USUAL_SPAN
        if not timedelta(0) < until - since <= timedelta(days=3_660):
            raise serializers.ValidationError({"since": "It must lie before `until`, by ten years at most."})
        return attrs | {"since": since, "until": until}


class StatisticsQuery(SpanQuery):
    partner_system = serializers.UUIDField(
        required=False, help_text="The system's id, as its page shows it. Default: the system whose key asks."
    )
    interval = serializers.ChoiceField(counts.INTERVALS, default="day")
    name = serializers.CharField(default="", max_length=200, help_text="Only events of this name.")
    fresh = serializers.BooleanField(default=False, help_text="Go past the cache of five minutes.")


class CountAnswer(serializers.Serializer[Any]):
    valid = serializers.IntegerField()
    invalid = serializers.IntegerField()
    duplicates = serializers.IntegerField()


class NameCountAnswer(CountAnswer):
    name = serializers.CharField()


class IntervalCountAnswer(CountAnswer):
    at = serializers.DateTimeField()


class StatisticsAnswer(CountAnswer):
    """`total` = `valid` + `invalid` + `duplicates`."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    interval = serializers.CharField()
    total = serializers.IntegerField()
    by_name = NameCountAnswer(many=True)
    series = IntervalCountAnswer(many=True)
