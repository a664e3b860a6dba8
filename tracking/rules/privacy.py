"""What of an event is shown to somebody who may not see who people are, and what they may ask of it.

A question is an answer too: how many events have this address says whether somebody has it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from config.shared.masking import masked

HIDDEN, SEVERAL = "•••", "(several values)"
REFUSAL = "Who people are is for those who may see it."
ABOUT_PEOPLE = ("identify", "group")  # Kinds of events, and what all SDKs call them: every property may be personal.
PERSONAL = {
    "address", "birthdate", "birthday", "city", "dateofbirth", "dob", "email", "emailaddress", "firstname", "fullname",
    "ip", "ipaddress", "lastname", "mobile", "phone", "phonenumber", "postalcode", "postcode", "street", "surname",
    "zip", "zipcode",
}  # fmt: skip
PEOPLE = {"contact", "customer", "member", "person", "recipient", "traits", "user"}  # A “name” inside is somebody's.


def is_personal(path: Iterable[str]) -> bool:
    """Whether the property at `path` (names, outermost first) says who somebody is, however it is written."""
    words = {"".join(filter(str.isalnum, name)).lower() for name in path}
    return bool(words & PERSONAL) or ("name" in words and bool(words & PEOPLE))


def may_be_asked(path: Iterable[str], *, names: Iterable[str] = (), values: Iterable[str] = ()) -> bool:
    """Whether somebody who may not see people may ask for a property of events of these names, or for these values.

    Events of any name may be ABOUT_PEOPLE by their kind, which no name tells: a question leaves those out itself.
    """
    is_about_people = any(name.lower() in ABOUT_PEOPLE for name in names)
    return not is_about_people and not is_personal(path) and all(shown_value(value) == value for value in values)


def shown(value: Any, *, may_see: bool) -> Any:
    """A value from an event as this reader may see it."""
    return value if may_see else _without_people(value, ())


def _without_people(value: Any, path: tuple[str, ...]) -> Any:
    match value:
        case str():
            return masked(value)
        case list():
            return [_without_people(inner, path) for inner in value]
        case dict():
            return {
                name: HIDDEN if is_personal((*path, name)) else _without_people(inner, (*path, name))
                for name, inner in value.items()
            }
        case _:
            return value


def shown_value(text: str, *, may_see: bool = False) -> str:
    """A property's value as text. That of an object or a list may hold anything."""
    return text if may_see else SEVERAL if text.startswith(("{", "[")) else masked(text)


def shown_properties(kind: str, properties: Mapping[str, Any], *, may_see: bool) -> Any:
    """What somebody told of themselves is hidden whole."""
    if kind in ABOUT_PEOPLE and not may_see:
        return dict.fromkeys(properties, HIDDEN)
    return shown(properties, may_see=may_see)


def shown_message(message: str, *, kind: str, pointer: str, may_see: bool) -> str:
    """What is wrong with an event. A structure quotes what it found at the JSON pointer."""
    if may_see:
        return message
    quotes_much = "{" in message or "[" in message
    return HIDDEN if kind in ABOUT_PEOPLE or quotes_much or is_personal(pointer.split("/")) else masked(message)


def shown_faults(kind: str, faults: Sequence[Mapping[str, str]], *, may_see: bool) -> list[dict[str, str]]:
    """The faults of an event, each with what this reader may see of its message."""
    return [
        {**fault, "message": shown_message(fault["message"], kind=kind, pointer=fault["pointer"], may_see=may_see)}
        for fault in faults
    ]
