"""From bytes to JSON, whatever they are packed in, and what can be saved of bytes that are none."""

import base64
import codecs
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import parse_qs

import orjson

from tracking.ingest.neutral import Fault, Refused

LARGEST_BODY = 8 * 2**20
LARGEST_INFLATED = 24 * 2**20
LARGEST_SALVAGE = 2 * 2**20
MOST_EVENTS = 5_000
RAW_KEPT = 8_192


class Salvaged(dict[str, Any]):
    """An event that was no JSON, as far as it could be read. `faults` says what is wrong with it."""

    faults: tuple[Fault, ...] = ()


class TooMany(Refused):
    def __init__(self) -> None:
        super().__init__(413, "too_many_events", f"Send at most {MOST_EVENTS:,} events at once.")


class Unreadable(Refused):
    """400: no event can be found in these bytes, which are worth keeping."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, "unreadable_body", reason)


def refuse_too_many(body: Any) -> None:
    """Raises Refused where a list that a body is, or holds, is longer than any batch; before somebody walks it."""
    lists = body.values() if isinstance(body, dict) else (body,)
    if any(isinstance(each, list) and len(each) > MOST_EVENTS for each in lists):
        raise TooMany


def faults_of(element: Any) -> tuple[Fault, ...]:
    """What was wrong with an event's own JSON; every dialect passes it on."""
    return element.faults if isinstance(element, Salvaged) else ()


def inflated(body: bytes, encoding: str, query: Mapping[str, str]) -> bytes:
    """The body unpacked: by its Content-Encoding, by `?compression=` or by its first bytes. Raises Refused."""
    named = encoding or query.get("compression", "")
    if body[:2] == b"\x1f\x8b":
        return _inflate(body, 31)
    if "deflate" in named:
        try:
            return _inflate(body, 15)
        except Unreadable:
            return _inflate(body, -15)
    return body


def parsed(body: bytes, content_type: str) -> Any:
    """JSON from the body, or from the `data` of a form (text or base64). Raises Unreadable.

    Where one event of a batch is no JSON, the others still are: it comes as `Salvaged`.
    """
    body = body.removeprefix(codecs.BOM_UTF8).strip()
    if not body:
        raise Unreadable("The body is empty. Send a JSON object.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        if (form := _form_data(body, content_type)) is not None:
            return parsed(form, "")
        return _salvage(body, str(fault))


def _inflate(body: bytes, window: int) -> bytes:
    engine = zlib.decompressobj(window)
    try:
        plain = engine.decompress(body, LARGEST_INFLATED + 1)
    except zlib.error:
        raise Unreadable("The body says that it is compressed, but cannot be unpacked.") from None
    if len(plain) > LARGEST_INFLATED:
        raise Refused(413, "body_too_large", f"Unpacked, the body is larger than {LARGEST_INFLATED // 2**20} MB.")
    if not engine.eof:
        raise Unreadable("The compressed body ends before its end.")
    return plain


def _form_data(body: bytes, content_type: str) -> bytes | None:
    if "form" not in content_type and not body.startswith(b"data="):
        return None
    values = parse_qs(body.decode("utf-8", "replace")).get("data")
    if not values:
        return None
    value = values[0].encode()
    if value[:1] in (b"{", b"["):
        return value
    try:
        plain = base64.b64decode(value.replace(b" ", b"+"), validate=True)
    except ValueError:
        return None
    return inflated(plain, "", {})


# --- What is no JSON ----------------------------------------------------------------------------------------------

# A text without an end reaches to the end of the body: looking for one from each quotation mark in it takes for ever.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\],]', re.DOTALL)
_BATCH = re.compile(r'"(?:batch|events)"\s*:\s*$')
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _salvage(body: bytes, reason: str) -> Any:
    if len(body) > LARGEST_SALVAGE:
        raise Unreadable(f"The body is no JSON ({reason}).")
    text = body.decode("utf-8", "surrogateescape")  # A byte that is none becomes half a surrogate pair, as bad as one.
    elements = list(islice(_elements(text), MOST_EVENTS + 1))
    if len(elements) > MOST_EVENTS:
        raise TooMany
    if not elements:
        whole = _tolerant(text)
        if not isinstance(whole, dict):
            raise Unreadable(f"The body is no JSON ({reason}). Send a JSON object.")
        return _flagged(whole, reason)
    start, end = elements[0][0], elements[-1][1]
    frame = _tolerant(text[:start] + text[end:])
    events = [_element(text[begin:stop]) for begin, stop in elements]
    if isinstance(frame, dict):
        return frame | {"batch": events}
    if frame == []:
        return events
    raise Unreadable(f"The body is no JSON ({reason}). Send a JSON object.")


def _elements(text: str) -> Iterator[tuple[int, int]]:
    """Where the events of a batch (or of a bare list) begin and end, found by brackets alone."""
    depth, home, begin = 0, None, 0
    for token in _TOKEN.finditer(text):
        sign = token.group()
        if sign in "{[":
            is_list = sign == "[" and home is None
            if is_list and (
                depth == 0 or (depth == 1 and _BATCH.search(text, max(0, token.start() - 40), token.start()))
            ):
                home, begin = depth + 1, token.end()
            depth += 1
        elif sign in "}]":
            if depth == home:
                if text[begin : token.start()].strip():
                    yield begin, token.start()
                return
            depth -= 1
        elif sign == "," and depth == home:
            yield begin, token.start()
            begin = token.end()


def _element(text: str) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as fault:
        found = _tolerant(text)
        whole = found if isinstance(found, dict) else {"properties": {"unreadable": _clean(text[:RAW_KEPT])}}
        return _flagged(whole, str(fault))


def _flagged(whole: dict[str, Any], reason: str) -> Salvaged:
    event = Salvaged(whole)
    event.faults = (Fault("unreadable", "", f"This event is no JSON: {reason}."),)
    return event


def _tolerant(text: str) -> Any:
    """JSON with what JSON forbids: NaN and infinities become null, lone surrogates the replacement character."""
    try:
        found = json.loads(text, strict=False, parse_constant=lambda _: None, parse_float=_finite, parse_int=_int)
    except (ValueError, RecursionError):
        return None
    return _clean(found)


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if abs(value) != float("inf") else None


def _int(digits: str) -> int | str:
    """A number PostgreSQL and every reader can hold, else its digits as text."""
    return int(digits) if len(digits) < 19 else digits[:400]


def _clean(value: Any) -> Any:
    match value:
        case str():
            return _LONE_SURROGATE.sub("�", value)
        case dict():
            return {_clean(name): _clean(inner) for name, inner in value.items()}
        case list():
            return [_clean(inner) for inner in value]
        case _:
            return value
