"""How often the REST API answers, whom it counts, and that it answers while Redis is away."""

import datetime as dt
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from django.utils import timezone

from loyalty.actions import tokens
from loyalty.models import User
from tests.copies import free_port
from tests.tracking.received import a_system, receive, said
from tracking.actions import partners

pytestmark = pytest.mark.django_db
PARTNERS = "/api/tracking/v1/partners/"
STEPS = {"steps": [{"names": ["Viewed"]}, {"names": ["Sold"]}]}


@pytest.fixture
def allow(settings: Any) -> Any:
    """So many calls a minute."""

    def limit(**rates: int) -> None:
        settings.REST_FRAMEWORK = configured.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}

    return limit


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def token_of(user: User) -> dict[str, str]:
    return bearer(tokens.make_token(user=user, name="Script", scope="read", days=30, now=timezone.now()).shown)


def statuses(times: int, **how: Any) -> list[int]:
    return [Client().get(PARTNERS, **how).status_code for _ in range(times)]


def test_a_script_that_runs_wild_is_told_when_to_come_back(manager, allow):
    allow(caller=3)
    headers = token_of(manager)
    assert statuses(4, headers=headers) == [200, 200, 200, 429]
    answer = Client().get(PARTNERS, headers=headers)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"].isdigit()
    assert 50 < int(answer["Retry-After"]) <= 60
    assert answer.json()["code"] == "throttled"
    assert f"Ask again in {answer['Retry-After']} seconds." in answer.json()["detail"]


def test_each_token_and_key_and_person_has_a_minute_of_their_own(manager, client_of, allow):
    allow(caller=1)
    system = a_system("Acme", "Website")
    keys = [partners.add_pair(system=system, by=None) for _ in range(2)]
    shown = [token_of(manager), token_of(manager), *(bearer(f"{key.key.prefix}:{key.shown}") for key in keys)]
    for headers in shown:
        assert statuses(2, headers=headers) == [200, 429]
    assert [client_of(manager).get(PARTNERS).status_code for _ in range(2)] == [200, 429]


def test_costly_questions_have_a_lower_limit(manager, allow):
    allow(caller=9, costly=1)
    headers, asked = token_of(manager), {"content_type": "application/json"}
    url = "/api/tracking/v1/funnels/"
    assert [Client().post(url, STEPS, headers=headers, **asked).status_code for _ in range(2)] == [200, 429]
    assert statuses(1, headers=headers) == [200]


@pytest.mark.parametrize("shown", ["", "rg_" + "x" * 43, "wk_unknown"])
def test_guesses_and_strangers_are_slowed_down_by_address(manager, allow, shown):
    allow(stranger=2, caller=9)
    guess = bearer(shown) if shown else {}
    assert statuses(3, headers=guess) == [401, 401, 429]
    assert statuses(1, headers=guess, REMOTE_ADDR="192.0.2.7") == [401]
    assert statuses(1, headers=token_of(manager)) == [200], "who shows what is known is no stranger"


def test_strangers_who_read_the_description_are_counted_too(allow):
    allow(stranger=1)
    assert [Client().get("/api/schema/").status_code for _ in range(2)] == [200, 429]


def test_what_is_refused_at_the_door_counts(viewer, allow):
    allow(caller=2, stranger=9)
    change = tokens.make_token(user=viewer, name="Script", scope="change", days=30, now=timezone.now())
    how = {"headers": bearer(change.shown), "content_type": "application/json"}
    assert [Client().post(PARTNERS, {"name": "A"}, **how).status_code for _ in range(3)] == [403, 403, 429]


def test_behind_a_proxy_the_address_is_the_one_it_saw(allow, settings):
    allow(stranger=1)
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert statuses(2, headers={"x-forwarded-for": "9.9.9.9, 192.0.2.1"}) == [401, 429]
    assert statuses(1, headers={"x-forwarded-for": "8.8.8.8, 192.0.2.1"}) == [429], "what a caller writes there is air"
    assert statuses(1, headers={"x-forwarded-for": "9.9.9.9, 192.0.2.2"}) == [401]
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 3
    assert statuses(1, headers={"x-forwarded-for": "192.0.2.1"}) == [401], "a wrong number of proxies breaks nothing"


def test_no_number_is_no_limit(manager, allow):
    allow(caller=0, stranger=0, costly=0)
    assert set(statuses(20, headers=token_of(manager))) == {200}


def test_while_redis_is_away_the_api_answers_and_says_so_once(manager, client_of, allow, settings, caplog):
    allow(caller=1, stranger=1)
    system = a_system("Acme", "Website")
    receive(system, said("Sold"), at=timezone.now() - dt.timedelta(hours=1))
    browser, headers = client_of(manager), token_of(manager)
    settings.CACHES = {"default": configured.CACHES["default"] | {"LOCATION": f"redis://127.0.0.1:{free_port()}"}}
    assert statuses(3, headers=headers) == [200] * 3
    assert statuses(3) == [401] * 3
    assert browser.get(PARTNERS).status_code == 200
    url = f"/api/events/statistics?partner_system={system.public_id}"
    assert Client().get(url, headers=headers).status_code == 200
    assert len([line for line in caplog.messages if "Redis is away" in line]) == 1


def test_every_answer_of_the_description_may_be_too_many_calls():
    told = Client().get("/api/schema/?format=json").json()
    assert "personalToken" in told["components"]["securitySchemes"]
    told["paths"].pop("/api/events/ingest")  # has a rate of its own
    operations = [operation for methods in told["paths"].values() for operation in methods.values()]
    assert all("Retry-After" in operation["responses"]["429"]["headers"] for operation in operations)
