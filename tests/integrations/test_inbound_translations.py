"""What each provider says, in the shapes its documentation shows, becomes exactly these reports."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.inbound.base import Kept, Kind, Unreadable
from integrations.inbound.senders import senders
from integrations.models import ProviderReport
from tests.integrations.callers import payloads

MESSAGE = "0b6e2f7c-93a1-4c7e-8a55-2f3f0b9f6d11@shop.example"
NOW = datetime.fromisoformat("2026-03-29T15:30:00+00:00")
CASES = [
    pytest.param(name, case, id=f"{name}: {title}") for name in senders() for title, case in payloads(name).items()
]


def kept(name: str, content: Any) -> Kept:
    match name:
        case "twilio":
            body = urlencode(content)
        case "ses":
            body = json.dumps({"Type": "Notification", "MessageId": "SNS-1", "Message": json.dumps(content)})
        case _:
            body = json.dumps(content)
    return Kept(key="call", body=body.encode(), received_at=NOW, query=f"message={MESSAGE}")


@pytest.mark.parametrize(("name", "case"), CASES)
def test_what_a_provider_documents_becomes_these_reports(name, case):
    reports = senders()[name].translate(kept(name, case["call"]))
    nothing = {"is_permanent": False, "reason": "", "provider_id": "", "message_id": "", "address": ""}
    told = [asdict(report) | {"occurred_at": report.occurred_at.isoformat()} for report in reports]
    assert told == [nothing | expected for expected in case["reports"]]


def test_every_kind_a_translation_knows_is_one_the_database_keeps():
    assert {kind.value for kind in Kind} == set(ProviderReport.Kind.values)


def test_every_provider_is_shown_with_every_kind_it_has():
    wanted = {"delivered", "bounced", "failed", "other", "unsubscribed"}
    for name in senders():
        told = [report for case in payloads(name).values() for report in case["reports"]]
        assert wanted <= {report["kind"] for report in told}, name
        assert {report.get("is_permanent", False) for report in told} == {True, False}, name


def test_what_is_said_to_have_happened_tomorrow_happened_when_it_was_told():
    event = payloads("sendgrid")["hard bounce"]["call"][0] | {"timestamp": 4_000_000_000}
    assert senders()["sendgrid"].translate(kept("sendgrid", [event]))[0].occurred_at == NOW


def test_the_greeting_of_a_new_topic_reports_nothing():
    body = {"Type": "Notification", "Message": "Successfully validated SNS topic for Amazon SES event publishing."}
    call = Kept(key="call", body=json.dumps(body).encode(), received_at=NOW)
    assert senders()["ses"].translate(call) == []


words = st.sampled_from(
    sorted({
        "event-data", "event", "timestamp", "message", "headers", "message-id", "user-variables", "delivery-status",
        "RecordType", "Metadata", "Type", "Bounce", "SubscriptionChange", "Message", "MessageId", "mail", "destination",
        "bounce", "bouncedRecipients", "data", "type", "message.received", "text", "ts_epoch", "email", "failed",
    })
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.text(max_size=5), inner, max_size=5),
    max_leaves=25,
)


@pytest.mark.parametrize("name", senders())
@settings(max_examples=150, deadline=None)
@given(content=values, raw=st.binary(max_size=200), is_raw=st.booleans())
def test_nonsense_is_called_unreadable_and_never_breaks_a_translation(name, content, raw, is_raw):
    text = json.dumps(content)
    if name == "ses":
        text = json.dumps({"Type": "Notification", "Message": text})
    if name == "twilio":
        text = urlencode({"MessageSid": "SM1", "Body": str(content), "From": str(content)[:9]}, errors="replace")
    call = Kept(key="call", body=raw if is_raw else text.encode(), received_at=NOW)
    try:
        reports = senders()[name].translate(call)
    except Unreadable:
        return
    assert all(report.kind in Kind and report.occurred_at <= NOW for report in reports)
