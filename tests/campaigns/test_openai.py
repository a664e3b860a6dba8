"""The OpenAI adapter over real HTTP, in the documented shape of chat completions, and the plans that come of it."""

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from integrations.llm import openai as adapter
from integrations.llm.base import LanguageModel, ModelUnavailable, Question, language_model

COMPLETIONS = "/v1/chat/completions"


class Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    greeting: str
    name: str | None


QUESTION = Question(task="greet", instructions="Greet politely.", facts={"goal": "Grüße"}, schema=Reply)


def completion(content: str | None, **message: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_774_800_000,
        "model": "gpt-4.1-mini",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": None, **message},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def refused(status: int, message: str) -> Response:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
    return Response(json.dumps(body), status, {"Retry-After-Ms": "1"}, content_type="application/json")


@pytest.fixture
def model(settings: Any, httpserver: HTTPServer) -> LanguageModel:
    settings.LANGUAGE_MODEL = "integrations.llm.openai.OpenAIModel"
    settings.OPENAI = {"api_key": "sk-test", "base_url": httpserver.url_for("/v1"), "model": "gpt-4.1-mini"}
    return language_model()


def test_structured_output_is_asked_for_in_the_documented_shape(model: LanguageModel, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(COMPLETIONS, method="POST").respond_with_json(completion('{"greeting": "Hi"}'))
    assert model.answer(QUESTION) == '{"greeting": "Hi"}'
    request, _response = httpserver.log[0]
    assert request.headers["Authorization"] == "Bearer sk-test"
    asked = request.get_json()
    assert asked["model"] == "gpt-4.1-mini"
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert json.loads(asked["messages"][1]["content"]) == {"goal": "Grüße"}
    wanted = asked["response_format"]
    assert wanted["type"] == "json_schema"
    assert (wanted["json_schema"]["name"], wanted["json_schema"]["strict"]) == ("greet", True)
    assert wanted["json_schema"]["schema"]["additionalProperties"] is False
    assert wanted["json_schema"]["schema"]["required"] == ["greeting", "name"]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "refused the key; check OPENAI_API_KEY"),
        (403, "answered with status 403"),
        (404, "There is no gpt-4.1-mini; check OPENAI_MODEL"),
        (400, "answered with status 400"),
        (429, "busy, or its quota is used up"),
        (500, "answered with status 500"),
    ],
)
def test_an_error_of_the_server_is_said_in_words_a_person_can_act_on(
    model: LanguageModel, httpserver: HTTPServer, status: int, says: str
) -> None:
    httpserver.expect_request(COMPLETIONS).respond_with_response(refused(status, "sk-secret is wrong"))
    with pytest.raises(ModelUnavailable) as refusal:
        model.answer(QUESTION)
    assert says in str(refusal.value)
    assert "sk-" not in str(refusal.value)
    assert len(httpserver.log) == (3 if status in (429, 500) else 1)


def test_a_busy_server_is_asked_again(model: LanguageModel, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request(COMPLETIONS).respond_with_response(refused(429, "slow down"))
    httpserver.expect_ordered_request(COMPLETIONS).respond_with_response(refused(503, "overloaded"))
    httpserver.expect_ordered_request(COMPLETIONS).respond_with_json(completion("{}"))
    assert model.answer(QUESTION) == "{}"


def test_a_refusal_of_the_model_is_said_in_its_words(model: LanguageModel, httpserver: HTTPServer) -> None:
    httpserver.expect_request(COMPLETIONS).respond_with_json(completion(None, refusal="I cannot plan alcohol ads."))
    with pytest.raises(ModelUnavailable, match=r"refused to plan this: I cannot plan alcohol ads\."):
        model.answer(QUESTION)


@pytest.mark.parametrize(
    "reply",
    [
        Response("<html>Sign in to the proxy</html>", content_type="text/html"),
        Response('{"choices": []}', content_type="application/json"),
        Response("{}", content_type="application/json"),
    ],
)
def test_a_reply_of_something_else_is_said_to_be_nothing(
    model: LanguageModel, httpserver: HTTPServer, reply: Response
) -> None:
    httpserver.expect_request(COMPLETIONS).respond_with_response(reply)
    with pytest.raises(ModelUnavailable, match="answered with nothing"):
        model.answer(QUESTION)


def test_a_server_that_is_not_there_is_said(model: LanguageModel, settings: Any) -> None:
    settings.OPENAI = settings.OPENAI | {"base_url": "http://127.0.0.1:9/v1"}
    with pytest.raises(ModelUnavailable, match="check OPENAI_BASE_URL"):
        language_model().answer(QUESTION)


def test_a_server_that_hangs_is_not_waited_for_for_ever(
    model: LanguageModel, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event

    done = Event()

    def hang(request: Request) -> Response:
        done.wait(10)
        return Response("late")

    httpserver.expect_request(COMPLETIONS).respond_with_handler(hang)
    monkeypatch.setattr(adapter, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(adapter, "RETRIES", 0)
    with pytest.raises(ModelUnavailable, match="took longer than"):
        language_model().answer(QUESTION)
    done.set()


# --- A plan by way of it ------------------------------------------------------------------------------------------


@pytest.fixture
def planned(
    model: LanguageModel, shop: Any, make_campaign: Callable[..., Any], make_plan: Callable[[Any], Any]
) -> Callable[[], Any]:
    """A plan for twelve members, made while the server says what a test told it to."""

    def plan() -> Any:
        members = [shop.join(f"Grace Hopper{place}", born=dt.date(1981, 2, 3 + place)) for place in range(12)]
        shop.sell(*((member, 9 * place + 1, f"{90 - place}.00") for place, member in enumerate(members)))
        shop.score()
        return make_plan(make_campaign(budget=Decimal(500)))

    return plan


def by_the_rules(request: Request) -> Response:
    """A model that reads the facts it was sent, and proposes a sound week."""
    from integrations.llm.rules import plan_week

    week = plan_week(json.loads(request.get_json()["messages"][1]["content"]))
    return Response(json.dumps(completion(json.dumps(week))), content_type="application/json")


def test_a_good_answer_becomes_a_plan(planned: Callable[[], Any], httpserver: HTTPServer) -> None:
    httpserver.expect_request(COMPLETIONS).respond_with_handler(by_the_rules)
    plan = planned()
    assert (plan.status, plan.model_name) == ("READY", "gpt-4.1-mini")
    assert plan.steps.exists()
    assert len(httpserver.log) == 1


def test_no_personal_data_leaves_the_house(planned: Callable[[], Any], httpserver: HTTPServer) -> None:
    from loyalty.models import Member

    httpserver.expect_request(COMPLETIONS).respond_with_handler(by_the_rules)
    planned()
    request, _response = httpserver.log[0]
    sent = request.get_data(as_text=True)
    assert "Win back lapsed customers" in sent
    assert "@" not in sent
    for member in Member.objects.all():
        for private in (member.name, member.name.split()[0], str(member.birth_date), str(member.public_id)):
            assert private not in sent


def test_a_broken_answer_is_asked_for_once_more_and_then_reported(
    planned: Callable[[], Any], httpserver: HTTPServer
) -> None:
    httpserver.expect_request(COMPLETIONS).respond_with_json(completion('{"steps": [{"day": "Mon'))
    plan = planned()
    assert plan.status == "FAILED"
    assert plan.error.startswith("gpt-4.1-mini proposed a week that cannot be used, twice.")
    assert len(httpserver.log) == 2
    assert [answer.raw for answer in plan.answers.all()] == ['{"steps": [{"day": "Mon'] * 2


def test_a_wrong_key_fails_the_plan_with_what_to_change(planned: Callable[[], Any], httpserver: HTTPServer) -> None:
    httpserver.expect_request(COMPLETIONS).respond_with_response(refused(401, "Incorrect API key provided"))
    plan = planned()
    assert (plan.status, plan.error) == ("FAILED", "The language model refused the key; check OPENAI_API_KEY.")
