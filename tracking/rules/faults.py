"""What can be wrong with an event, in words."""

FAULTS = {
    "required_missing": "Required property missing",
    "wrong_type": "Wrong type",
    "additional_property": "Property not planned",
    "format": "Wrong format",
    "other": "Other violation",
    "missing_name": "No name",
    "incomplete": "Incomplete",
    "malformed": "Malformed",
    "unreadable": "Unreadable",
    "bad_timestamp": "No readable time",
    "too_large": "Too large",
    "too_deep": "Nested too deep",
    "id_collision": "Message id used twice",
}
