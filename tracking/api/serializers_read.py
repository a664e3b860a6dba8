"""Questions about events and their answers. None of these saves anything."""

from typing import Any

from rest_framework import serializers

from tracking.api.serializers import SpanQuery
from tracking.models import CountedProperty, Replay
from tracking.rules.faults import FAULTS
from tracking.rules.funnels import faults_of

MOST = 500


class OfSystem(SpanQuery):
    system = serializers.UUIDField(required=False, help_text="Only events of this system. Default: all you may see.")


class Paged(serializers.Serializer[Any]):
    cursor = serializers.CharField(default="", max_length=200, help_text="`next` of the page before.")
    limit = serializers.IntegerField(default=50, min_value=1, max_value=MOST)


class EventsQuery(SpanQuery, Paged):
    """Which events; `property` may be given several times."""

    name = serializers.ListField(child=serializers.CharField(max_length=200), default=list)
    person = serializers.CharField(default="", max_length=255, help_text="The name their events stand under.")
    valid = serializers.BooleanField(required=False, allow_null=True, default=None)
    error = serializers.ChoiceField(list(FAULTS), required=False, help_text="Only with a fault of this type.")
    pointer = serializers.CharField(required=False, max_length=400, help_text="And at this place.")
    property = serializers.CharField(
        default="", max_length=400, help_text="`plan=gold|silver; cart.total`: values, or only that it is there."
    )


class EventsOfQuery(EventsQuery):
    system = serializers.UUIDField(required=False, help_text="Only events of this system. Default: all you may see.")


class TimelineQuery(Paged):
    partner = serializers.UUIDField(required=False, help_text="Needed when you see several partners.")


class Error(serializers.Serializer[Any]):
    type = serializers.CharField()
    pointer = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)


class EventAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    occurred_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    partner = serializers.CharField(source="partner_name")
    system = serializers.CharField(source="system_name")
    kind = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    message_id = serializers.CharField()
    person = serializers.CharField(allow_blank=True)
    user_id = serializers.CharField(allow_blank=True)
    anonymous_id = serializers.CharField(allow_blank=True)
    is_valid = serializers.BooleanField()  # type: ignore[assignment]  # a field, not the method of that name
    errors = Error(many=True)  # type: ignore[assignment]
    properties = serializers.DictField()


class EventsAnswer(serializers.Serializer[Any]):
    events = EventAnswer(many=True)
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page, or null.")


class ErrorsAnswer(serializers.Serializer[Any]):
    name = serializers.CharField(allow_blank=True)
    type = serializers.CharField()
    pointer = serializers.CharField(allow_blank=True)
    events = serializers.IntegerField()
    example = serializers.CharField(allow_blank=True)


class ValuesQuery(OfSystem):
    name = serializers.CharField(max_length=200, help_text="The name of the events.")
    path = serializers.CharField(max_length=400, help_text="The property, outermost name first, with dots between.")


class ValueAnswer(serializers.Serializer[Any]):
    value = serializers.CharField(allow_blank=True)
    events = serializers.IntegerField()


class CountedQuery(serializers.Serializer[Any]):
    system = serializers.UUIDField(required=False, help_text="Only of this system. Default: all you may see.")


class CountedInput(serializers.Serializer[Any]):
    system = serializers.UUIDField()
    event_name = serializers.CharField(max_length=200, help_text="The name of the events.", trim_whitespace=False)
    path = serializers.CharField(max_length=400, help_text="The property, outermost name first, with dots between.")


class CountedAnswer(serializers.Serializer[Any]):
    """While it is FILLING, `seen` of `total` events of the past are counted. `reason` says why it was GIVEN_UP."""

    id = serializers.UUIDField(source="public_id")
    system = serializers.UUIDField(source="system.public_id")
    event_name = serializers.CharField()
    path = serializers.CharField()
    status = serializers.ChoiceField(CountedProperty.Status.choices)
    reason = serializers.CharField(allow_blank=True)
    total = serializers.IntegerField()
    seen = serializers.IntegerField()
    declared_at = serializers.DateTimeField()


class SessionsQuery(OfSystem):
    cursor = serializers.CharField(default="", max_length=400, help_text="`next` of the page before.")
    limit = serializers.IntegerField(default=50, min_value=1, max_value=MOST)


class SessionAnswer(serializers.Serializer[Any]):
    anonymous_id = serializers.CharField()
    person = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    events = serializers.IntegerField()
    first_event = serializers.CharField(allow_blank=True)
    last_event = serializers.CharField(allow_blank=True)


class SessionSumsAnswer(serializers.Serializer[Any]):
    sessions = serializers.IntegerField()
    visitors = serializers.IntegerField()
    events_per_session = serializers.FloatField()
    median_seconds = serializers.FloatField()


class SessionsAnswer(serializers.Serializer[Any]):
    sums = SessionSumsAnswer()
    sessions = SessionAnswer(many=True)
    next = serializers.CharField(allow_null=True)


class RetentionQuery(serializers.Serializer[Any]):
    system = serializers.UUIDField(required=False)
    unit = serializers.ChoiceField(["day", "week"], default="week")
    first = serializers.DateField(required=False, help_text="First day of the beginnings. Default: 12 units ago.")
    last = serializers.DateField(required=False, help_text="Last day of the beginnings. Default: today.")
    units = serializers.IntegerField(default=12, min_value=1, max_value=62)


class CohortAnswer(serializers.Serializer[Any]):
    first = serializers.DateField()
    people = serializers.IntegerField()
    returned = serializers.ListField(child=serializers.IntegerField())


class FunnelProperty(serializers.Serializer[Any]):
    path = serializers.ListField(child=serializers.CharField())
    values = serializers.ListField(child=serializers.CharField(), required=False)


class FunnelStep(serializers.Serializer[Any]):
    names = serializers.ListField(child=serializers.CharField(), min_length=1)
    properties = FunnelProperty(many=True, required=False)


class FunnelQuestion(serializers.Serializer[Any]):
    """Told apart by rules.funnels, which names each fault; this describes it."""

    systems = serializers.ListField(child=serializers.CharField(), required=False)
    steps = FunnelStep(many=True)
    window = serializers.IntegerField(required=False)
    unit = serializers.ChoiceField(["minutes", "hours", "days"], required=False)
    order = serializers.ChoiceField(["ordered", "strict"], required=False)
    breakdown = serializers.ListField(child=serializers.CharField(), required=False)
    days = serializers.IntegerField(required=False)
    since = serializers.CharField(required=False)
    until = serializers.CharField(required=False)

    def to_internal_value(self, data: Any) -> Any:
        if faults := faults_of(data):
            raise serializers.ValidationError({"funnel": faults})
        return dict(data)


class ReachedAnswer(serializers.Serializer[Any]):
    group = serializers.CharField(allow_blank=True)
    people = serializers.ListField(child=serializers.IntegerField())


class ReplayInput(serializers.Serializer[Any]):
    system = serializers.UUIDField()
    event_name = serializers.CharField(default="", allow_blank=True, max_length=200)
    error_type = serializers.ChoiceField([("", "Every fault"), *FAULTS.items()], default="", allow_blank=True)
    since = serializers.DateTimeField(default=None, allow_null=True)
    until = serializers.DateTimeField(default=None, allow_null=True)


class ReplayAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    system = serializers.UUIDField(source="system.public_id")
    event_name = serializers.CharField(allow_blank=True)
    error_type = serializers.CharField(allow_blank=True)
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    status = serializers.ChoiceField(Replay.Status.choices)
    total = serializers.IntegerField()
    seen = serializers.IntegerField()
    mended = serializers.IntegerField()
    error = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class PreviewAnswer(serializers.Serializer[Any]):
    """Of the newest `judged` of `total` events, `mended` would become valid."""

    total = serializers.IntegerField()
    judged = serializers.IntegerField()
    mended = serializers.IntegerField()
    remaining = serializers.DictField(child=serializers.IntegerField())


class MergeInput(serializers.Serializer[Any]):
    partner = serializers.UUIDField()
    user_id = serializers.CharField(max_length=255, help_text="The user who goes.")
    into_user_id = serializers.CharField(max_length=255, help_text="The user who stays.")


class MergeAnswer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    partner = serializers.UUIDField(source="partner.public_id")
    user_id = serializers.CharField()
    into_user_id = serializers.CharField()
    merged_at = serializers.DateTimeField()
    undone_at = serializers.DateTimeField(allow_null=True)
