"""The OpenAI adapter by its own SDK over real HTTP, and the plans that come of it."""

import datetime as dt
import json
import re
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pydantic import BaseModel, ConfigDict

from campaigns.actions import planning, review
from campaigns.actions.planning import cancel_plan, request_plan
from campaigns.ai.instructions import prompt
from campaigns.models import Campaign, ModelCall, Plan
from campaigns.queries.calls import Thinking, bill_of, thinking_of
from integrations.llm import openai as adapter
from integrations.llm.base import LanguageModel, ModelUnavailable, Question, Usage, language_model
from integrations.llm.rules import plan_week
from loyalty.models import Member, User
from tests.campaigns.world import Shop, rule
from tests.language_models import Asked, Failed, ModelServer, Said, facts_of, open_model

Status = ModelCall.Status


class Greeting(BaseModel):
    model_config = ConfigDict(extra="forbid")

    greeting: str
    name: str | None


QUESTION = Question(task="greet", instructions="Greet politely.", facts={"goal": "Grüße"}, schema=Greeting)


@pytest.fixture
def server(settings: Any) -> Iterator[ModelServer]:
    with open_model(settings) as model:
        yield model


@pytest.fixture
def model(server: ModelServer) -> LanguageModel:
    return language_model()


def test_structured_output_is_asked_for_and_streamed_in_the_documented_shape(
    model: LanguageModel, server: ModelServer
) -> None:
    server.turns.append(Said('{"greeting": "Grüß Gott, and welcome to our shop by the harbour"}', piece=7))
    heard: list[str] = []
    reply = model.answer(QUESTION, heard=heard.append)
    assert reply.text == '{"greeting": "Grüß Gott, and welcome to our shop by the harbour"}'
    assert reply.usage == Usage(1200, 300)
    assert len(heard) > 5
    assert reply.text.startswith(heard[3])

    asked = server.calls[0]
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert facts_of(asked) == {"goal": "Grüße"}
    assert (asked["stream"], asked["stream_options"]) == (True, {"include_usage": True})
    assert "max_completion_tokens" not in asked
    wanted = asked["response_format"]
    assert (wanted["type"], wanted["json_schema"]["name"], wanted["json_schema"]["strict"]) == (
        "json_schema",
        "greet",
        True,
    )


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (Failed(401), "refused the key; check OPENAI_API_KEY"),
        (Failed(403), "answered with status 403"),
        (Failed(404), "There is no gpt-4.1-mini; check OPENAI_MODEL"),
        (Failed(400), "answered with status 400"),
        (Failed(429), "busy, or its quota is used up"),
        (Failed(429, code="insufficient_quota"), "quota of the language model is used up; look at your account"),
        (Failed(500), "answered with status 500"),
        (Failed(400, "json_schema is not a known type"), "takes no JSON schema"),
    ],
)
def test_an_error_of_the_server_is_said_in_words_a_person_can_act_on(
    model: LanguageModel, server: ModelServer, failure: Failed, says: str
) -> None:
    server.always = Failed(failure.status, f"sk-secret {failure.message}", failure.code)
    with pytest.raises(ModelUnavailable) as refusal:
        model.answer(QUESTION)
    assert says in str(refusal.value)
    assert "sk-" not in str(refusal.value)
    assert len(server.calls) == (3 if failure.status in (429, 500) and not failure.code else 1)


def test_a_server_without_structured_output_is_told_apart_from_one_that_is_broken(
    model: LanguageModel, server: ModelServer
) -> None:
    server.knows_schemas = False
    with pytest.raises(ModelUnavailable, match="name a model, or a server, that knows structured output"):
        model.answer(QUESTION)


def test_a_busy_server_is_asked_again(model: LanguageModel, server: ModelServer) -> None:
    server.turns += [Failed(429), Failed(503), Said("{}")]
    assert model.answer(QUESTION).text == "{}"


def test_a_server_that_asks_for_a_long_pause_gets_it_and_the_wait_is_said(
    model: LanguageModel, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.always = Failed(429, headers={"Retry-After": "120"})
    with pytest.raises(ModelUnavailable, match="try again in 120 seconds") as refusal:
        language_model().answer(QUESTION)
    assert (refusal.value.outcome, refusal.value.retry_after) == ("rate_limited", dt.timedelta(seconds=120))
    assert len(server.calls) == 1


def test_nonsense_for_a_pause_is_no_pause(model: LanguageModel, server: ModelServer) -> None:
    server.always = Failed(429, headers={"Retry-After": "9" * 15})
    with pytest.raises(ModelUnavailable, match="try again later") as refusal:
        language_model().answer(QUESTION)
    assert refusal.value.retry_after is None


@pytest.mark.parametrize("failure", [Failed(401), Failed(404), Failed(429), Failed(400)])
def test_what_was_refused_has_used_nothing(model: LanguageModel, server: ModelServer, failure: Failed) -> None:
    server.always = failure
    with pytest.raises(ModelUnavailable) as refusal:
        model.answer(QUESTION)
    assert refusal.value.usage == Usage(0, 0)


def test_a_refusal_of_the_model_is_said_in_its_words(model: LanguageModel, server: ModelServer) -> None:
    server.always = Said(refusal="I cannot plan alcohol ads.")
    with pytest.raises(ModelUnavailable, match=r"refused: I cannot plan alcohol ads\.") as refusal:
        model.answer(QUESTION)
    assert (refusal.value.outcome, refusal.value.usage) == ("refused", Usage(1200, 300))


def test_an_answer_that_was_cut_off_is_not_taken_for_whole(model: LanguageModel, server: ModelServer) -> None:
    server.always = Said('{"greeting": "Hel', ends="length")
    with pytest.raises(ModelUnavailable, match="Raise the tokens a plan may use") as refusal:
        model.answer(QUESTION)
    assert (refusal.value.outcome, refusal.value.text) == ("truncated", '{"greeting": "Hel')


def test_a_line_that_breaks_in_the_middle_is_said(model: LanguageModel, server: ModelServer) -> None:
    server.always = Said('{"greeting": "Hello and welcome"}', piece=5, breaks_after=4)
    with pytest.raises(ModelUnavailable, match="stopped in the middle of its answer"):
        model.answer(QUESTION)


@pytest.mark.parametrize("body", [b"<html>Sign in to the proxy</html>", b'{"choices": []}', b"{}"])
def test_a_reply_of_something_else_is_said_to_be_nothing(
    model: LanguageModel, server: ModelServer, body: bytes
) -> None:
    server.always = Failed(200, body=body)
    with pytest.raises(ModelUnavailable, match="answered with nothing"):
        model.answer(QUESTION)


def test_a_server_that_tells_no_tokens_is_still_used(model: LanguageModel, server: ModelServer) -> None:
    server.always = Said("{}", tokens=None)
    assert model.answer(QUESTION).usage is None


def test_a_server_that_is_not_there_is_said(model: LanguageModel, settings: Any) -> None:
    settings.OPENAI = settings.OPENAI | {"base_url": "http://127.0.0.1:9/v1"}
    with pytest.raises(ModelUnavailable, match="check OPENAI_BASE_URL"):
        language_model().answer(QUESTION)


def test_a_server_that_falls_silent_is_not_waited_for_for_ever(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.always = Said('{"greeting": "Hello and welcome"}', piece=5, hangs_after=3)
    monkeypatch.setattr(adapter, "TIMEOUT_SECONDS", 0.4)
    with pytest.raises(ModelUnavailable, match="took longer than") as refusal:
        language_model().answer(QUESTION)
    assert (refusal.value.outcome, refusal.value.text) == ("timeout", '{"greeting')
    assert_asked_no_more(server)


class Gone(Exception):
    pass


def test_who_goes_away_is_free_at_once_also_while_the_model_says_nothing(
    model: LanguageModel, server: ModelServer
) -> None:
    server.always = Said("{}" * 200, hangs_after=2)

    def leave(text: str) -> None:
        if text:
            raise Gone

    with pytest.raises(Gone):
        model.answer(QUESTION, heard=leave)


def test_who_goes_away_between_two_tries_is_not_asked_for_again(
    model: LanguageModel, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PAUSES", (60, 60))
    server.always = Failed(503)

    def leave(text: str) -> None:
        raise Gone

    with pytest.raises(Gone):
        model.answer(QUESTION, heard=leave)
    assert_asked_no_more(server)


def assert_asked_no_more(server: ModelServer) -> None:
    """Once every thread that might ask has ended."""
    for thread in threading.enumerate():
        if thread.name == adapter.THREAD:
            thread.join(10)
    assert len(server.calls) == 1


# --- A plan by way of it ------------------------------------------------------------------------------------------


@pytest.fixture
def members(shop: Shop) -> list[Member]:
    members = [shop.join(f"Grace Hopper{place}", born=dt.date(1981, 2, 3 + place)) for place in range(12)]
    shop.sell(*((member, 9 * place + 1, f"{90 - place}.00") for place, member in enumerate(members)))
    shop.score()
    return members


@pytest.fixture
def planned(
    server: ModelServer, members: list[Member], make_campaign: Callable[..., Any], make_plan: Callable[[Any], Any]
) -> Callable[..., Plan]:
    """A plan for twelve members, made while the server says what a test told it to."""
    return lambda **wishes: make_plan(make_campaign(**({"budget": Decimal(500)} | wishes)))


def by_the_rules(asked: Asked) -> Said:
    """A model that reads the facts it was sent, and proposes a sound week."""
    return Said(json.dumps(plan_week(facts_of(asked))))


def test_a_model_is_told_what_should_be_different_and_from_what_without_the_names_of_members(
    planned: Callable[[], Plan], server: ModelServer, marketer: User, now: dt.datetime, shop: Shop
) -> None:
    server.always = by_the_rules
    shop.join("Ada Lovelace")
    plan = planned()
    assert "note" not in facts_of(server.calls[0])
    first, left_out = plan.steps.order_by("day", "position")[:2]
    review.remove_step(step=left_out, by=marketer, now=now)
    anew = request_plan(campaign=plan.campaign, by=marketer, now=now, note="Shorter, and not to Ada Lovelace")
    planning.make_plan(anew.pk, now=now)
    told = facts_of(server.calls[-1])
    assert told["note"].startswith("Shorter, and not to ")
    assert "Lovelace" not in told["note"]
    assert (told["instead_of"][0]["day"], told["instead_of"][0]["body"]) == (first.day.isoformat(), first.body)
    assert len(told["instead_of"]) == plan.steps.count() - 1


def test_a_good_answer_becomes_a_plan_and_the_call_is_kept(planned: Callable[[], Plan], server: ModelServer) -> None:
    server.always = by_the_rules
    plan = planned()
    assert (plan.status, plan.model_name) == ("READY", "gpt-4.1-mini")
    assert plan.steps.exists()
    call = plan.calls.get()
    assert (call.task, call.status, call.attempt, call.asked_by) == ("plan_week", "ANSWERED", 1, plan.requested_by)
    assert (call.tokens_in, call.tokens_out, call.is_counted) == (1200, 300, True)
    assert call.latency_ms is not None
    assert call.prompt == prompt("plan_week").name
    assert call.prompt_digest == prompt("plan_week").digest
    assert json.loads(call.raw)["steps"]


def test_what_a_plan_cost_follows_the_prices_and_is_not_made_up_without_them(
    planned: Callable[..., Plan], server: ModelServer, settings: Any
) -> None:
    server.always = by_the_rules
    settings.OPENAI_PRICES = (Decimal("0.40"), Decimal("1.60"))
    assert bill_of(planned()).cost == Decimal("0.00096")  # 1,200 × 0.40 and 300 × 1.60 a million
    settings.OPENAI_PRICES = (None, None)
    assert bill_of(planned()).cost is None


def test_a_broken_answer_is_asked_for_once_more_and_then_reported(
    planned: Callable[[], Plan], server: ModelServer
) -> None:
    server.always = Said('{"steps": [{"day": "Mon')
    plan = planned()
    assert plan.status == "FAILED"
    assert plan.error.startswith("gpt-4.1-mini proposed a week that cannot be used, twice.")
    assert "faults_of_your_last_answer" in facts_of(server.calls[1])
    assert [(call.raw, call.status) for call in plan.calls.all()] == [('{"steps": [{"day": "Mon', "MALFORMED")] * 2


@pytest.mark.parametrize(
    ("turn", "status", "says"),
    [
        (Failed(401), "UNAVAILABLE", "The language model refused the key; check OPENAI_API_KEY."),
        (Said(refusal="No."), "REFUSED", "The language model refused: No."),
        (Said("{", ends="length"), "TRUNCATED", "The answer was cut off"),
        (Failed(429), "RATE_LIMITED", "The language model is busy"),
    ],
)
def test_a_call_that_brought_no_answer_is_kept_with_its_reason(
    planned: Callable[[], Plan], server: ModelServer, turn: Any, status: str, says: str
) -> None:
    server.always = turn
    plan = planned()
    assert plan.status == "FAILED"
    assert plan.error.startswith(says)
    call = plan.calls.get()
    assert (call.status, call.faults) == (status, [plan.error])


def test_a_call_that_would_pass_the_tokens_of_a_plan_is_not_made(
    planned: Callable[[], Plan], server: ModelServer
) -> None:
    rule(plan_tokens=1_000)
    plan = planned()
    assert plan.status == "FAILED"
    assert "Raise “Tokens for one plan” under Settings → Campaigns." in plan.error
    assert not server.calls
    assert plan.calls.get().status == Status.CAPPED


def test_a_call_that_would_pass_the_cost_of_a_plan_is_not_made(
    planned: Callable[[], Plan], server: ModelServer, settings: Any
) -> None:
    settings.OPENAI_PRICES = (Decimal(10), Decimal(30))
    rule(plan_cost=Decimal("0.05"))
    plan = planned()
    assert "Raise “US dollars for one plan”" in plan.error
    assert not server.calls


def test_an_answer_may_be_as_long_as_the_caps_leave_room_for(
    planned: Callable[[], Plan], server: ModelServer, settings: Any
) -> None:
    server.always = by_the_rules
    settings.OPENAI_PRICES = (Decimal(0), Decimal(10))
    rule(plan_cost=Decimal("0.10"))
    planned()
    assert server.calls[0]["max_completion_tokens"] == 10_000


@pytest.mark.django_db(transaction=True)
def test_cancelling_takes_effect_in_the_middle_of_an_answer(
    members: list[Member], campaign: Campaign, marketer: User, now: dt.datetime, server: ModelServer
) -> None:
    """The model has begun and then says nothing more: the worker is free all the same, and what came is kept."""
    plan = request_plan(campaign=campaign, by=marketer, now=now)

    def cancel() -> None:
        assert Plan.objects.get(pk=plan.pk).status == Plan.Status.WRITING
        cancel_plan(plan=plan, now=now)
        connection.close()

    words = '{"steps": [{"day": "2026-03-30", "send_at": "10:00"}]}'
    server.always = Said(words, piece=31, hangs_after=2, meanwhile=cancel)
    assert planning.make_plan(plan.pk, now=now)
    plan.refresh_from_db()
    call = plan.calls.get()
    assert (plan.status, call.status) == (Plan.Status.CANCELLED, Status.CANCELLED)
    assert call.raw == '{"steps": [{"day": "2026-03-30"'
    assert not call.is_counted
    assert call.tokens_out > 0
    assert not plan.steps.exists()


@pytest.mark.django_db(transaction=True)
def test_who_looks_sees_how_far_an_answer_has_come(
    members: list[Member], campaign: Campaign, marketer: User, now: dt.datetime, server: ModelServer
) -> None:
    plan = request_plan(campaign=campaign, by=marketer, now=now)
    seen: list[Thinking | None] = []

    def look() -> None:
        for _ in range(100):
            server.released.wait(0.1)
            if (thinking := thinking_of(plan, now=now + dt.timedelta(seconds=8))) and thinking.day:
                seen.append(thinking)
                break
        cancel_plan(plan=plan, now=now)
        connection.close()

    words = '{"steps": [{"day": "2026-03-30", "send_at": "10:00"}]}'
    server.always = Said(words, piece=31, hangs_after=2, meanwhile=look)
    assert planning.make_plan(plan.pk, now=now)
    thinking = seen[0]
    assert thinking
    assert (thinking.day, thinking.attempt, thinking.tokens) == (dt.date(2026, 3, 30), 1, 7)
    assert 6 <= thinking.seconds <= 8


# --- What leaves the house ----------------------------------------------------------------------------------------


def test_nothing_about_a_person_and_no_product_is_in_any_byte_that_leaves(
    shop: Shop,
    server: ModelServer,
    make_campaign: Callable[..., Any],
    make_plan: Callable[[Any], Any],
) -> None:
    telling = ("Zuleika", "Brontesaurus", "zuleika.b@private.example", "+12075550188", "1987-11-23", "allergic to")
    member = shop.join("Zuleika Brontesaurus", email="zuleika.b@private.example", born=dt.date(1987, 11, 23))
    Member.objects.filter(pk=member.pk).update(phone="+12075550188")
    others = [shop.join(f"Marigold{place} Featherstone") for place in range(9)]
    shop.sell(*((one, 7 * place + 1, "31.41") for place, one in enumerate([member, *others])))
    shop.score()
    server.always = by_the_rules
    make_plan(
        make_campaign(
            goal="Win back Zoe at zoe@elsewhere.example or +1 207 555 0199, and zuleika  Brontesaurus's friends"
        )
    )
    assert len(server.wire) == 1
    sent = server.wire[0].decode()
    assert "Win back Zoe" in sent
    for private in (*telling, "zoe@elsewhere.example", "555 0199", "Marigold", "Featherstone", "Red", "@"):
        assert private not in sent
    for person in Member.objects.all():
        for known in (person.name, person.email, str(person.public_id), f'"{person.external_id}"'):
            assert known not in sent


def test_of_a_group_of_few_only_its_size_is_told(
    shop: Shop,
    server: ModelServer,
    make_campaign: Callable[..., Any],
    make_plan: Callable[[Any], Any],
    client_of: Callable[[User], Client],
    marketer: User,
) -> None:
    many = [shop.join(f"Regular {place}") for place in range(8)]
    one = shop.join("Long Gone")
    shop.sell(*((member, days, "20.00") for member in many for days in (1, 8, 15)), (one, 300, "77.70"))
    shop.sell(*((member, 20, "20.00") for member in many), (one, 301, "20.00"), category="BEER")
    shop.score()
    server.always = by_the_rules
    plan = make_plan(make_campaign(goal="Sell beer to all"))
    facts = facts_of(server.calls[0])
    told = {group["members"]: group for group in facts["groups"]}
    assert (facts["understood"]["bought"], told[8]["bought"], told[1]["bought"]) == ({"BEER": 8}, {"BEER": 8}, {})
    assert told[1]["average_order"] is None
    assert (told[1]["last_bought_days"], told[1]["favourite_categories"]) == (None, [])
    assert told[8]["average_order"] == "20.00"
    assert not {"97.70", "48.85"} & set(re.findall(r"[0-9.]+", server.wire[0].decode()))
    rests_on = client_of(marketer).get(f"/staff/campaigns/plans/{plan.public_id}/evidence/").text
    assert "it was told the size alone" in rests_on
    assert "&quot;97.70&quot;" not in rests_on
