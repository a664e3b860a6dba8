"""Structures drafted from events, laid beside each other, and read from what people type."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.rules.differences import differences, text_difference
from tracking.rules.inference import DEEPEST, inferred
from tracking.rules.schema_text import Unreadable, laid_out, line_of, read, refuse_unstorable
from tracking.rules.structures import BadStructure, Structure

ORDERS = [
    {
        "order_id": f"O-{number}",
        "total": 19.5 if number % 2 else 20,
        "items": [{"sku": f"S{number}", "quantity": 1}],
        "channel": ("app", "till", "web")[number % 3],
        "placed_at": "2026-03-01T12:00:00Z",
        "email": f"ada{number}@example.com",
        "receipt": f"https://shop.example/receipts/{number}",
        "customer": {"id": number, "is_member": True},
        **({"coupon": "SPRING"} if number == 7 else {}),
    }
    for number in range(30)
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def test_a_structure_drafted_from_orders_says_what_they_have_in_common():
    found = inferred(ORDERS)
    assert found["properties"] == {
        "channel": {"type": "string", "enum": ["app", "till", "web"]},
        "coupon": {"type": "string"},
        "customer": {
            "type": "object",
            "properties": {"id": {"type": "integer"}, "is_member": {"type": "boolean"}},
            "required": ["id", "is_member"],
        },
        "email": {"type": "string", "format": "email"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"quantity": {"type": "integer"}, "sku": {"type": "string"}},
                "required": ["quantity", "sku"],
            },
        },
        "order_id": {"type": "string"},
        "placed_at": {"type": "string", "format": "date-time"},
        "receipt": {"type": "string", "format": "uri"},
        "total": {"type": "number"},
    }
    assert found["required"] == sorted(set(ORDERS[0]))


def test_one_text_that_is_no_address_takes_the_format_away():
    assert inferred([*ORDERS, ORDERS[0] | {"email": "none"}])["properties"]["email"] == {"type": "string"}


def test_words_seen_a_few_times_are_no_choice():
    assert "enum" not in inferred(ORDERS[:4])["properties"]["channel"]


def test_one_word_that_always_came_is_no_choice_either():
    assert inferred([{"shop": "Main Street"}] * 50)["properties"]["shop"] == {"type": "string"}


def test_a_word_with_a_colon_is_no_address():
    assert inferred([{"note": "Paid:cash"}])["properties"]["note"] == {"type": "string"}


def test_a_value_that_is_empty_now_and_then_may_be_empty():
    assert inferred([{"coupon": None}, {"coupon": "SPRING"}])["properties"]["coupon"] == {"type": ["null", "string"]}


def test_a_map_from_ids_is_not_described_name_by_name():
    stock = {f"sku{number}": number for number in range(500)}
    assert inferred([{"stock": stock}])["properties"]["stock"] == {"type": "object"}


def test_what_is_nested_for_ever_is_described_for_a_while():
    deep: dict = {}
    for _ in range(60):
        deep = {"a": deep}
    found = inferred([deep])
    assert Structure(found).allows(deep)
    assert laid_out(found).count('"properties"') == DEEPEST


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=4), ANYTHING, max_size=5), max_size=8))
def test_a_drafted_structure_allows_every_event_it_was_drafted_from(samples):
    structure = Structure(inferred(samples))
    assert all(structure.allows(properties) for properties in samples)


PUBLISHED = {
    "type": "object",
    "required": ["sku"],
    "properties": {
        "sku": {"type": "string"},
        "price": {"type": "number"},
        "colour": {"enum": ["red"]},
        "items": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    },
}
DRAFT = {
    "type": "object",
    "description": "Changes nothing",
    "required": ["price"],
    "additionalProperties": False,
    "properties": {
        "sku": {"type": "string", "minLength": 3},
        "price": {"type": "integer"},
        "colour": {"enum": ["red", "blue"]},
        "items": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "number"}}}},
        "note": {"type": "string"},
    },
}


def test_a_new_version_says_in_words_what_it_changes_and_what_may_fail_now():
    assert {(str(each), each.is_stricter) for each in differences(PUBLISHED, DRAFT)} == {
        ("The event: takes no properties beside those described", True),
        ("sku: is optional now", False),
        ("sku: “minLength” is new: 3", True),
        ("price: is required now", True),
        ("price: was number, is integer", True),
        ('colour: “enum” has changed: [   "red",   "blue" ]', False),
        ("items[].n: was integer, is number", False),
        ("note: is new (string)", True),
    }
    assert differences(PUBLISHED, PUBLISHED) == []


def test_the_two_texts_can_be_read_line_by_line():
    lines = text_difference({"type": "object"}, {"type": "array"})
    assert [(line.sign, line.text.strip()) for line in lines if line.sign in "+-"] == [
        ("-", '"type": "object"'),
        ("+", '"type": "array"'),
    ]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('{\n  "type": "object",\n}', 3, "double quotes (column 1)"),
        ('{"minimum": NaN}', 1, "NaN"),
        ('{"type": "object", "type": "array"}', 1, "named twice"),
        ("[" * 100_000, 1, "too deep"),
        ("", 1, "Expecting value"),
        ('{"minimum": ' + "9" * 5_000 + "}", 1, "limit"),
    ],
)
def test_a_text_that_is_no_json_says_where(text, line, told):
    with pytest.raises(Unreadable) as refusal:
        read(text)
    assert told.lower() in str(refusal.value).lower()
    assert refusal.value.line == line


def test_what_is_wrong_in_a_schema_is_found_on_its_line():
    schema = {"type": "object", "properties": {"price": {"type": "numeral"}}}
    with pytest.raises(BadStructure) as refusal:
        Structure(schema)
    assert refusal.value.path == ("properties", "price", "type")
    assert "“numeral” is no type" in str(refusal.value)
    assert '"numeral"' in laid_out(schema).splitlines()[line_of(schema, refusal.value.path) - 1]


@pytest.mark.parametrize("word", ["$ref", "$dynamicRef", "$recursiveRef"])
@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/a.json", "//elsewhere.example", "file:///etc/passwd", "a.json"]
)
def test_a_schema_that_points_elsewhere_is_refused_wherever_it_does(word, target):
    with pytest.raises(BadStructure, match="points outside") as refusal:
        Structure({"properties": {"a": {"items": {word: target}}}})
    assert refusal.value.path == ("properties", "a", "items", word)


@pytest.mark.parametrize("text", ['{"title": "\\u0000"}', '{"title": "\\ud800"}', json.dumps({"title": "x" * 200_001})])
def test_what_no_database_keeps_is_refused_before_it_gets_there(text):
    with pytest.raises(BadStructure):
        refuse_unstorable(read(text))
