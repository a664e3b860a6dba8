"""A shopper's phone that talks to the API as the app does."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.actions.login_codes import send_codes
from loyalty.actions import members, till_keys
from loyalty.models import Member, Store, TillKey
from tests.loyalty.counter import Counted
from tests.post_office import PostOffice, letters_to, open_post_office

V1 = "/api/loyalty/v1"
BORN = dt.date(1981, 12, 10)
JOIN = {"name": "Ada Lovelace", "birth_date": BORN.isoformat(), "language": "en"}


class Phone:
    """One browser: its cookies, and the access token it holds in memory."""

    def __init__(self, address: str = "192.0.2.1") -> None:
        self.client = Client(REMOTE_ADDR=address, enforce_csrf_checks=True)
        self.access = self.refresh_token = ""
        self.answer: Any = None

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = {"authorization": f"Bearer {self.access}"} if self.access else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        how = {} if method == "get" else {"content_type": "application/json", "data": {} if body is None else body}
        url = path if path.startswith("/") else f"{V1}/{path}"
        self.answer = getattr(self.client, method)(url, headers=sent, **how)
        return self.answer

    def get(self, path: str, **headers: str) -> Any:
        return self.call("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("post", path, body, **headers)

    def ask_for_code(self, email: str) -> tuple[str, str]:
        """The id of the code, and the code as the email says it."""
        answer = self.post("sign-in/codes", {"email": email})
        assert answer.status_code == 202, answer.content
        return answer.json()["id"], code_in_mail(email)

    def sign_in(self, email: str = "ada@example.com", **said: Any) -> Any:
        asked_id, code = self.ask_for_code(email)
        return self.show(asked_id, code, **said)

    def show(self, asked_id: str, code: str, **said: Any) -> Any:
        answer = self.post("sign-in/tokens", {"id": asked_id, "code": code, "device_name": "Ada's phone"} | said)
        self._take(answer)
        return answer

    def refresh(self, **body: str) -> Any:
        answer = self.call("post", "sign-in/refresh", body, x_requested_with="regulars")
        self._take(answer)
        return answer

    def _take(self, answer: Any) -> None:
        if answer.status_code == 200:
            self.access = answer.json()["access"]
            self.refresh_token = answer.json().get("refresh", "")


def code_in_mail(email: str) -> str:
    send_codes(now=timezone.now())
    text = letters_to(email)[-1].get_content()
    found = re.search(r"^ {4}(\d{6})\r?$", text, re.MULTILINE)
    assert found, text
    return found[1]


@pytest.fixture(autouse=True)
def post_office(settings: Any) -> Iterator[PostOffice]:
    with open_post_office(settings) as office:
        yield office


@pytest.fixture
def now() -> dt.datetime:
    """Views look at the clock."""
    return timezone.now()


@pytest.fixture
def phone(db: None) -> Phone:
    return Phone()


@pytest.fixture
def ada(db: None, now: dt.datetime) -> Member:
    return members.join(name="Ada Lovelace", email="ada@example.com", birth_date=BORN, source="till", now=now)


@pytest.fixture
def signed_in(ada: Member) -> Phone:
    phone = Phone()
    assert phone.sign_in().status_code == 200
    return phone


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the clock that views look at be later."""

    def go_on(**how_long: float) -> None:
        real, later = dt.datetime.now, dt.timedelta(**how_long)
        monkeypatch.setattr(timezone, "now", lambda: real(dt.UTC) + later)

    return go_on


class TillCounter:
    """A till of a store, with its key."""

    def __init__(self, key: str) -> None:
        self.client, self.key = Client(enforce_csrf_checks=True), key

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = {"authorization": f"Bearer {self.key}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        how = {} if method == "get" else {"content_type": "application/json", "data": {} if body is None else body}
        return getattr(self.client, method)(f"{V1}/till/{path}", headers=sent, **how)

    def get(self, path: str, **asked: str) -> Any:
        return self.call("get", f"{path}?{urlencode(asked)}" if asked else path)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("post", path, body, **headers)


@pytest.fixture
def counted(db: None, now: dt.datetime) -> Counted:
    return Counted(now)


@pytest.fixture
def store(counted: Counted) -> Store:
    return counted.store()


@pytest.fixture
def till_of(now: dt.datetime) -> Callable[..., TillCounter]:
    def make(store: Store, *scopes: str) -> TillCounter:
        wanted = scopes or TillKey.Scope.values
        made = till_keys.make_till_key(store=store, name="Counter 1", scopes=wanted, by=None, now=now)
        return TillCounter(made.shown)

    return make


@pytest.fixture
def till(store: Store, till_of: Callable[..., TillCounter]) -> TillCounter:
    return till_of(store)
