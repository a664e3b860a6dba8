"""What drf-spectacular cannot see: the native way in is served in front of Django."""

from typing import Any

INGEST = "/api/events/ingest"

_EVENT = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 200, "description": "What happened, such as “Order Completed”."},
        "id": {"type": "string", "maxLength": 255, "description": "Yours; the same id twice counts once."},
        "kind": {
            "type": "string",
            "enum": ["track", "identify", "page", "screen", "group", "alias", "delete"],
            "default": "track",
        },
        "user_id": {"type": "string", "maxLength": 255},
        "anonymous_id": {"type": "string", "maxLength": 255},
        "timestamp": {"type": "string", "format": "date-time", "description": "When; now unless you say so."},
        "properties": {"type": "object", "additionalProperties": True},
        "context": {"type": "object", "additionalProperties": True},
    },
}
_SEVERAL = {"type": "array", "items": {"$ref": "#/components/schemas/IngestedEvent"}, "maxItems": 5_000}
_ERROR = {
    "type": "object",
    "required": ["type", "pointer", "message"],
    "properties": {"type": {"type": "string"}, "pointer": {"type": "string"}, "message": {"type": "string"}},
}
_ANSWER = {
    "type": "object",
    "description": "Everything was kept. `errors` says what is wrong with the first hundred invalid events.",
    "required": ["accepted", "invalid", "errors"],
    "properties": {
        "accepted": {"type": "integer"},
        "invalid": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "errors"],
                "properties": {"index": {"type": "integer"}, "errors": {"type": "array", "items": _ERROR}},
            },
        },
    },
}
_REFUSAL = {
    "type": "object",
    "required": ["code", "message", "detail", "meta"],
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "detail": {"type": "string"},
        "meta": {"type": "object", "properties": {"error": {"type": "string"}}},
    },
}
_REFUSALS = {
    "400": "No event can be found in the body.",
    "401": "The key is missing, unknown or revoked.",
    "413": "The body or the number of events is too large.",
    "429": "The system sends more than it may; `Retry-After` says when to send again.",
    "503": "Events cannot be stored now; `Retry-After` says when to send again.",
}

_TOLD = """
Send one event, a list of them, or `{"events": [...], "sent_at": ...}`. With `sent_at`, times are corrected for a clock
that is wrong. What is wrong with an event is told and kept, never refused.
"""


def add_ingest(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A postprocessing hook: the description with the native way in."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas |= {"IngestedEvent": _EVENT, "IngestAnswer": _ANSWER, "IngestRefusal": _REFUSAL}
    one = {"$ref": "#/components/schemas/IngestedEvent"}
    batch = {
        "type": "object",
        "required": ["events"],
        "properties": {"events": _SEVERAL, "sent_at": {"type": "string", "format": "date-time"}},
    }
    answers = {"200": _answer("Kept, and durable.", "IngestAnswer")}
    answers |= {status: _answer(told, "IngestRefusal") for status, told in _REFUSALS.items()}
    result["paths"][INGEST] = {
        "post": {
            "operationId": "events_ingest",
            "tags": ["events"],
            "description": _TOLD,
            "security": [{"systemKey": []}],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"anyOf": [one, _SEVERAL, batch]}}},
            },
            "responses": answers,
        }
    }
    return result


def _answer(told: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": told, "content": content}
