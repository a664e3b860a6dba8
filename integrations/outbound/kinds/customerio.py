"""Customer.io: each event in its Track API, beside the person it is about.

POST /api/v2/batch takes deeds of 32 kB each, 500 kB together. A ULID makes an event the same when it is told twice, and
`timestamp` says when it happened. 200 took all of it; 207 names those it did not take. docs.customer.io, Track API.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings

from integrations.outbound.base import TOLD, Answer, Call, CannotBeTold, Kind, Notice, Verdict, judged

REGIONS = [("us", "United States"), ("eu", "European Union")]
LARGEST = 32_768  # bytes of one deed; fifteen of them, and who they are about, fit into 500 kB
LONGEST_NAME = 100  # bytes
UNKNOWN = "Customer.io does not know this site id and API key. Enter them again, for the right region."


class CustomerIoForm(forms.Form):
    region = forms.ChoiceField(
        choices=REGIONS, label="Region", help_text="Where your Customer.io account is kept: see Settings → Account."
    )
    site_id = forms.RegexField(
        r"^[\x21-\x39\x3b-\x7e]+$",
        max_length=100,
        label="Site id",
        help_text="Customer.io → Settings → Account settings → API credentials → Track API keys.",
        error_messages={"invalid": "A site id has letters and digits only."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class CustomerIo(Kind):
    name = "customerio"
    title = "Customer.io"
    icon = "user-share"
    about = (
        "Events appear in Customer.io beside the people they are about, to start campaigns and build segments there."
    )
    form = CustomerIoForm
    asks_for = "API key"
    at_once = 15

    @property
    def place(self) -> str:
        return dict(REGIONS)[self.options["region"]]

    def check(self, notice: Notice) -> None:
        if notice.is_gone and not notice.forgets:
            raise CannotBeTold("Its member has asked to be forgotten. To tell it would bring them back to Customer.io.")
        if len(notice.name.encode()) > LONGEST_NAME:
            raise CannotBeTold(f"Customer.io takes names of {LONGEST_NAME} bytes at most.")
        if any(len(_json(deed)) > LARGEST for deed in _deeds(notice)):
            raise CannotBeTold("Customer.io takes events of 32 kB at most.")

    def call(self, notices: Sequence[Notice], *, now: datetime) -> Call:
        login = b64encode(f"{self.options['site_id']}:{self.secrets[0]}".encode()).decode()
        return Call(
            url=f"{settings.CUSTOMERIO_URLS[self.options['region']]}/api/v2/batch",
            headers={"Content-Type": "application/json", "Authorization": f"Basic {login}"},
            body=_json({"batch": [deed for notice in notices for deed in _deeds(notice)]}),
        )

    def verdicts(self, answer: Answer, notices: Sequence[Notice]) -> list[Verdict]:
        match answer.status:
            case 207:
                return _each(answer, notices)
            case 400 | 413:
                is_alone = len(notices) == 1
                verdict = Verdict(error=f"It answered {answer.status}.", is_final=is_alone, apart=not is_alone)
                return [verdict] * len(notices)
            case 401 | 403:
                return [Verdict(error=UNKNOWN)] * len(notices)
            case _:
                return [judged(answer)] * len(notices)


def _deeds(notice: Notice) -> list[dict[str, Any]]:
    """Who it is about and what happened; for whoever wants to be forgotten, only that."""
    who = {"type": "person", "identifiers": {"id": notice.subject}}
    if notice.forgets:
        return [{**who, "action": "delete"}]
    happened = {
        "action": "event",
        "id": notice.id,
        "name": notice.name,
        "timestamp": int(notice.at.timestamp()),
        "attributes": dict(notice.properties),
    }
    return [{**who, "action": "identify", "attributes": dict(notice.person)}, {**who, **happened}]


def _each(answer: Answer, notices: Sequence[Notice]) -> list[Verdict]:
    """A refused deed is named by its place in the batch, and its event is refused for good."""
    try:
        errors = {int(error["batch_index"]): _said(error) for error in json.loads(answer.body)["errors"]}
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return [Verdict(error="It answered 207 and did not say what it refused.")] * len(notices)
    verdicts, place = [], 0
    for notice in notices:
        deeds = range(place, place + len(_deeds(notice)))
        said = next((errors[deed] for deed in deeds if deed in errors), None)
        refused = Verdict(error="Customer.io refused it.", said=said or "", is_final=True)
        verdicts.append(TOLD if said is None else refused)
        place = deeds.stop
    return verdicts


def _said(error: dict[str, Any]) -> str:
    words = (str(error.get(name) or "") for name in ("reason", "field", "message"))
    return ", ".join(filter(None, words))


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


KIND = CustomerIo
