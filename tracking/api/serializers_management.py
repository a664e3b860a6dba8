"""Bodies and answers of the management API. What comes in and what goes out are two classes; neither saves."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from tracking.actions.partners import LONGEST_OVERLAP
from tracking.models import EventStructure, PartnerSystem, SystemKey
from tracking.models.partners import SENDING_KINDS
from tracking.queries import trials

HOURS_IN_A_DAY = 24


class PartnerInput(serializers.Serializer[dict[str, Any]]):
    name = serializers.CharField(max_length=120)
    is_active = serializers.BooleanField(default=True, help_text="Switched off, all its keys stop at once.")


class PartnerAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class SystemChange(serializers.Serializer[dict[str, Any]]):
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(SENDING_KINDS, default=PartnerSystem.Kind.BACKEND)
    events_per_second = serializers.IntegerField(
        default=0, min_value=0, max_value=1_000_000, help_text="More on average is answered 429; 0 means no limit."
    )
    is_active = serializers.BooleanField(default=True, help_text="Switched off, its events are refused.")


class SystemInput(SystemChange):
    partner = serializers.UUIDField(help_text="The partner's id.")


class SystemAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    partner = serializers.UUIDField(source="partner.public_id")
    name = serializers.CharField()
    kind = serializers.ChoiceField(PartnerSystem.Kind.choices)
    events_per_second = serializers.IntegerField()
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class SystemsQuery(serializers.Serializer[dict[str, Any]]):
    partner = serializers.UUIDField(required=False, help_text="Only systems of this partner.")


class OfSystemQuery(serializers.Serializer[dict[str, Any]]):
    system = serializers.UUIDField(required=False, help_text="Only those of this system.")


class KeyInput(serializers.Serializer[dict[str, Any]]):
    system = serializers.UUIDField(help_text="The system's id.")
    kind = serializers.ChoiceField(SystemKey.Kind.choices, default=SystemKey.Kind.WRITE_KEY)


class RotationInput(serializers.Serializer[dict[str, Any]]):
    overlap_hours = serializers.IntegerField(
        default=HOURS_IN_A_DAY,
        min_value=0,
        max_value=int(LONGEST_OVERLAP / timedelta(hours=1)),
        help_text="For how long the old key works beside the new one.",
    )


class KeyAnswer(serializers.Serializer[Any]):
    """Never the key itself."""

    number = serializers.IntegerField(source="pk")
    system = serializers.UUIDField(source="system.public_id")
    kind = serializers.ChoiceField(SystemKey.Kind.choices)
    prefix = serializers.CharField(help_text="The beginning of a write key, or the whole id of a pair.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class MadeKeyAnswer(KeyAnswer):
    """The one answer that holds the key: `write_key`, or `id` and `secret`."""

    write_key = serializers.CharField(required=False)
    id = serializers.CharField(required=False)
    secret = serializers.CharField(required=False)


class StructuresQuery(OfSystemQuery):
    event_name = serializers.CharField(required=False, max_length=200, trim_whitespace=False)
    status = serializers.ChoiceField(EventStructure.Status.choices, required=False)


class StructureInput(serializers.Serializer[dict[str, Any]]):
    system = serializers.UUIDField(help_text="The system's id.")
    event_name = serializers.CharField(max_length=200, trim_whitespace=False, help_text="Exactly as it is sent.")
    schema = serializers.JSONField(help_text="The JSON Schema of the event's properties.")


class StructureAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    system = serializers.UUIDField(source="system.public_id")
    event_name = serializers.CharField()
    version = serializers.IntegerField()
    status = serializers.ChoiceField(EventStructure.Status.choices)
    schema = serializers.JSONField()
    created_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField(allow_null=True)
    retired_at = serializers.DateTimeField(allow_null=True)


class LastQuery(serializers.Serializer[dict[str, Any]]):
    last = serializers.IntegerField(
        default=trials.USUAL, min_value=1, max_value=trials.MOST, help_text="How many of the newest events to look at."
    )


class InferenceQuery(LastQuery):
    event_name = serializers.CharField(max_length=200, trim_whitespace=False)


class InferenceAnswer(serializers.Serializer[Any]):
    event_name = serializers.CharField()
    schema = serializers.JSONField(allow_null=True, help_text="null when none of the events looked at was valid.")
    drafted_from = serializers.IntegerField(help_text="How many of the events looked at were valid.")
    looked_at = serializers.IntegerField(help_text="How many of the newest events of this name were read.")
    there_are = serializers.IntegerField(help_text="How many events of this name there are in all.")


class ExampleAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="The event's.")
    occurred_at = serializers.DateTimeField()
    message = serializers.CharField()


class FailingKindAnswer(serializers.Serializer[Any]):
    type = serializers.CharField(help_text="required_missing, wrong_type, additional_property, format or other.")
    pointer = serializers.CharField(help_text="A JSON pointer into the properties.")
    events = serializers.IntegerField()
    example = ExampleAnswer(help_text="The newest of them.")


class TrialAnswer(serializers.Serializer[Any]):
    looked_at = serializers.IntegerField(help_text="How many of the newest events of this name were read.")
    there_are = serializers.IntegerField(help_text="How many events of this name there are in all.")
    failing = serializers.IntegerField(help_text="Of the events looked at.")
    failing_anew = serializers.IntegerField(help_text="Of these, how many are valid today.")
    kinds = FailingKindAnswer(many=True)


class DifferenceAnswer(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="The property, as in `items[].price`; empty for the event itself.")
    what = serializers.CharField()
    is_stricter = serializers.BooleanField(help_text="Whether an event that passed may fail now.")


class ComparisonAnswer(serializers.Serializer[Any]):
    before = serializers.IntegerField(allow_null=True, help_text="The version in force; null when there is none.")
    differences = DifferenceAnswer(many=True)


class UnplannedAnswer(serializers.Serializer[Any]):
    event_name = serializers.CharField(source="name")
    events = serializers.IntegerField(source="received", help_text="In the last 30 days.")
