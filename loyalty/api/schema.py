"""What drf-spectacular cannot see: keys of writes, bodies of deletions, and answers that are not sent twice."""

from typing import Any

from loyalty.api.views import KEY, LONGEST_KEY, WRITES

ONCE = ("/api/loyalty/v1/me", "/api/loyalty/v1/till/")
NEEDS_KEY = {("/api/loyalty/v1/me/redemptions", "post")}
# A deletion that says something, as RFC 9110 lets two sides agree on.
BODIES = {
    "/api/loyalty/v1/me": {"confirm": "The name of the shop."},
    "/api/loyalty/v1/me/push": {"endpoint": "Where the messages went."},
}
_UNCHANGED = {"description": "You have this answer already, by the ETag in If-None-Match."}
_OTHER_REQUEST = {
    "description": "`key_reused`: this Idempotency-Key was used for another request.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe_writes(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A postprocessing hook."""
    for path, methods in result["paths"].items():
        if not path.startswith(ONCE):
            continue
        for method, operation in methods.items():
            if method == "get":
                operation["responses"]["304"] = _UNCHANGED
            elif method in WRITES:
                operation["parameters"] = [*operation.get("parameters", []), _key((path, method) in NEEDS_KEY)]
                operation["responses"]["422"] = _OTHER_REQUEST
            if method == "delete" and path in BODIES:
                operation["requestBody"] = _body(BODIES[path])
    return result


def _body(words: dict[str, str]) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": told} for name, told in words.items()}
    schema = {"type": "object", "required": list(words), "properties": properties}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _key(is_required: bool) -> dict[str, Any]:
    return {
        "in": "header",
        "name": KEY,
        "required": is_required,
        "schema": {"type": "string", "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
        "description": "Made for this wish, and the same when it is tried again: then it happens once.",
    }
