"""A small server that keeps to what email providers document of their web APIs, and misbehaves when asked to."""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from config import mail

KEY = "Key-0f1E2d3C"
Reply = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class Letter:
    """One request to send, as the provider reads it."""

    to: str
    subject: str
    message_id: str
    headers: dict[str, str]
    metadata: dict[str, str]
    key: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Contract:
    """How one provider is addressed, and what it answers."""

    url: str
    path: str
    login: dict[str, str]
    read: Callable[[dict[str, Any], dict[str, str]], Letter]
    accepted: Callable[[Letter], Reply]
    refused: Callable[[Letter], Reply]
    known_key: Callable[[Letter, bool], Reply] | None = None
    batch_path: str = ""


@dataclass
class House:
    """What the provider took is in `taken`; the rest says how it misbehaves."""

    contract: Contract
    port: int = 0
    taken: list[Letter] = field(default_factory=list)
    calls: int = 0
    heard_at: list[float] = field(default_factory=list)
    connections: int = 0
    refuses: set[str] = field(default_factory=set)
    falls_silent_after: set[str] = field(default_factory=set)
    hangs_up_after: set[str] = field(default_factory=set)
    breaks_at: Callable[[int], bool] = lambda call: False
    answers_first: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    knows_the_key: bool = True
    lock: Lock = field(default_factory=Lock)
    closing: Event = field(default_factory=Event)

    @property
    def taken_ids(self) -> list[str]:
        return [letter.message_id or f"<{letter.metadata['message_id']}>" for letter in self.taken]

    def letter_to(self, recipient: str) -> Letter:
        return next(letter for letter in self.taken if letter.to == recipient)

    def copies(self) -> Counter[str]:
        return Counter(letter.to for letter in self.taken)


def _of_json(
    to: str, subject: str, headers: dict[str, str], metadata: Any, body: dict[str, Any], key: str = ""
) -> Letter:
    given = json.loads(metadata) if isinstance(metadata, str) else metadata
    return Letter(to, subject, headers.get("Message-ID", ""), headers, given, key, body)


def _mailgun(body: dict[str, Any], _: dict[str, str]) -> Letter:
    headers = {name[2:]: value for name, value in body.items() if name.startswith("h:")}
    metadata = {name[2:]: value for name, value in body.items() if name.startswith("v:")}
    return Letter(body["to"], body["subject"], headers.get("Message-Id", ""), headers, metadata, "", body)


def _sendgrid(body: dict[str, Any], _: dict[str, str]) -> Letter:
    [person] = body["personalizations"]
    metadata = {**body.get("custom_args", {}), **person.get("custom_args", {})}
    return _of_json(person["to"][0]["email"], body["subject"], body.get("headers", {}), metadata, body)


def _postmark(body: dict[str, Any], _: dict[str, str]) -> Letter:
    headers = {header["Name"]: header["Value"] for header in body.get("Headers", [])}
    if headers.pop("X-PM-KeepID", "") != "true":
        headers.pop("Message-ID", None)
    return _of_json(body["To"], body["Subject"], headers, body.get("Metadata", {}), body)


def _brevo(body: dict[str, Any], _: dict[str, str]) -> Letter:
    headers = dict(body.get("headers", {}))
    key = next((headers.pop(name) for name in list(headers) if name.casefold() == "idempotencykey"), "")
    return _of_json(body["to"][0]["email"], body["subject"], headers, headers.get("X-Mailin-custom", {}), body, key)


def _resend(body: dict[str, Any], http: dict[str, str]) -> Letter:
    headers = body.get("headers", {})
    key = http.get("Idempotency-Key", "")
    return _of_json(body["to"][0], body["subject"], headers, headers.get("X-Metadata", {}), body, key)


def _mailjet(body: dict[str, Any], _: dict[str, str]) -> Letter:
    [message] = body["Messages"]
    shared = {**body.get("Globals", {}), **message}
    return _of_json(
        message["To"][0]["Email"], shared["Subject"], shared.get("Headers", {}), shared.get("EventPayload", {}), shared
    )


def _sparkpost(body: dict[str, Any], _: dict[str, str]) -> Letter:
    content, [recipient] = body["content"], body["recipients"]
    return _of_json(
        recipient["address"]["email"], content["subject"], content.get("headers", {}), body.get("metadata", {}), body
    )


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def _mailjet_taken(letter: Letter) -> Reply:
    to = {"Email": letter.to, "MessageUUID": str(uuid4()), "MessageID": 456, "MessageHref": ""}
    return 200, {"Messages": [{"Status": "success", "CustomID": "", "To": [to], "Cc": [], "Bcc": []}]}


def _mailjet_refused(letter: Letter) -> Reply:
    fault = {
        "ErrorIdentifier": str(uuid4()),
        "ErrorCode": "mj-0013",
        "StatusCode": 400,
        "ErrorMessage": f'"{letter.to}" is an invalid email address.',
        "ErrorRelatedTo": ["To[0].Email"],
    }
    return 400, {"Messages": [{"Status": "error", "Errors": [fault]}]}


def _inactive(letter: Letter) -> Reply:
    text = (
        f"You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: {letter.to}. "
        "Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual suppression."
    )
    return 422, {"ErrorCode": 406, "Message": text}


def _resend_again(first: Letter, is_same: bool) -> Reply:
    if is_same:
        return 200, {"id": f"resend-{first.key}"}
    return 409, {"statusCode": 409, "name": "invalid_idempotent_request", "message": "Same key, different payload"}


CONTRACTS = {
    "mailgun": Contract(
        url=f"mailgun://{KEY}@mg.shop.example?api_url=http://127.0.0.1:%d/v3",
        path="/v3/mg.shop.example/messages",
        login=_basic("api", KEY),
        read=_mailgun,
        accepted=lambda letter: (200, {"id": letter.message_id, "message": "Queued. Thank you."}),
        refused=lambda letter: (400, {"message": "to parameter is not a valid address. please check documentation"}),
    ),
    "sendgrid": Contract(
        url=f"sendgrid://{KEY}?api_url=http://127.0.0.1:%d/v3/",
        path="/v3/mail/send",
        login={"Authorization": f"Bearer {KEY}"},
        read=_sendgrid,
        accepted=lambda letter: (202, {}),
        refused=lambda letter: (
            400,
            {"errors": [{"message": "Does not contain a valid address.", "field": "personalizations.0.to.0.email"}]},
        ),
    ),
    "postmark": Contract(
        url=f"postmark://{KEY}?message_stream=broadcast&api_url=http://127.0.0.1:%d/",
        path="/email",
        batch_path="/email/batch",
        login={"X-Postmark-Server-Token": KEY},
        read=_postmark,
        accepted=lambda letter: (
            200,
            {"To": letter.to, "MessageID": str(uuid4()), "ErrorCode": 0, "Message": "OK", "SubmittedAt": ""},
        ),
        refused=_inactive,
    ),
    "brevo": Contract(
        url=f"brevo://{KEY}?api_url=http://127.0.0.1:%d/v3/",
        path="/v3/smtp/email",
        login={"api-key": KEY},
        read=_brevo,
        accepted=lambda letter: (201, {"messageId": f"<{uuid4().hex}@smtp-relay.mailin.fr>"}),
        refused=lambda letter: (400, {"code": "invalid_parameter", "message": "email is not valid in to"}),
        known_key=lambda first, _: (
            400,
            {"code": "duplicate_parameter", "message": "idempotencyKey has already been used"},
        ),
    ),
    "resend": Contract(
        url=f"resend://{KEY}?api_url=http://127.0.0.1:%d/",
        path="/emails",
        login={"Authorization": f"Bearer {KEY}"},
        read=_resend,
        accepted=lambda letter: (200, {"id": f"resend-{letter.key}"}),
        refused=lambda letter: (
            422,
            {"statusCode": 422, "name": "validation_error", "message": "Invalid `to` field. Use email@example.com."},
        ),
        known_key=_resend_again,
    ),
    "mailjet": Contract(
        url=f"mailjet://{KEY}:Secret@?api_url=http://127.0.0.1:%d/v3.1/",
        path="/v3.1/send",
        login=_basic(KEY, "Secret"),
        read=_mailjet,
        accepted=_mailjet_taken,
        refused=_mailjet_refused,
    ),
    "sparkpost": Contract(
        url=f"sparkpost://{KEY}?api_url=http://127.0.0.1:%d/api/v1/",
        path="/api/v1/transmissions/",
        login={"Authorization": KEY},
        read=_sparkpost,
        accepted=lambda letter: (
            200,
            {"results": {"total_rejected_recipients": 0, "total_accepted_recipients": 1, "id": str(uuid4())}},
        ),
        refused=lambda letter: (
            200,
            {"results": {"total_rejected_recipients": 1, "total_accepted_recipients": 0, "id": str(uuid4())}},
        ),
    ),
}


class _Desk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # An answer in two writes would wait 40 ms for the other side's receipt.
    house: House

    def setup(self) -> None:
        super().setup()
        with self.house.lock:
            self.house.connections += 1

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        is_form = self.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
        body = {name: values[0] for name, values in parse_qs(raw).items()} if is_form else json.loads(raw)
        with self.house.lock:
            self.house.calls += 1
            self.house.heard_at.append(monotonic())
            answer = self._answer(body)
        if answer:
            self._say(*answer)
        elif self.house.falls_silent_after:
            self.house.falls_silent_after.clear()
            self.house.closing.wait(10)

    def _answer(self, body: dict[str, Any]) -> tuple[int, dict[str, str], Any] | None:
        house, contract = self.house, self.house.contract
        if house.answers_first:
            return house.answers_first.pop(0)
        is_known = house.knows_the_key and all(self.headers[name] == value for name, value in contract.login.items())
        if not is_known:
            return 401, {}, {"message": "Invalid private key"}
        if self.path == contract.batch_path and isinstance(body, list):
            return self._answer_batch(body)
        if self.path != contract.path:
            return 404, {}, {"message": "not found"}
        letter = contract.read(body, dict(self.headers.items()))
        if letter.to in house.refuses:
            return _with_no_headers(contract.refused(letter))
        if house.breaks_at(house.calls):
            return 500, {}, {"message": "Internal Server Error"}
        before = next((one for one in house.taken if letter.key and one.key == letter.key), None)
        if before and contract.known_key:
            return _with_no_headers(contract.known_key(before, before.body == letter.body))
        house.taken.append(letter)
        if letter.to in house.hangs_up_after | house.falls_silent_after:
            self.close_connection = True
            house.hangs_up_after.discard(letter.to)
            return None
        return _with_no_headers(contract.accepted(letter))

    def _answer_batch(self, bodies: list[dict[str, Any]]) -> tuple[int, dict[str, str], Any] | None:
        """200 whatever becomes of each: what was refused has its error in its place, as Postmark documents it."""
        house, contract = self.house, self.house.contract
        if len(bodies) > 500:
            return 422, {}, {"ErrorCode": 410, "Message": "You may only send up to 500 messages in a single batch."}
        letters = [contract.read(body, dict(self.headers.items())) for body in bodies]
        house.batches.append(len(letters))
        if house.breaks_at(house.calls):
            return 500, {}, {"message": "Internal Server Error"}
        taken = [letter for letter in letters if letter.to not in house.refuses]
        house.taken += taken
        for letter in taken:
            if letter.to in house.hangs_up_after | house.falls_silent_after:
                self.close_connection = True
                house.hangs_up_after.discard(letter.to)
                return None
        refused = {letter.to: contract.refused(letter)[1] for letter in letters if letter.to in house.refuses}
        return 200, {}, [refused.get(letter.to) or contract.accepted(letter)[1] for letter in letters]

    def _say(self, status: int, headers: dict[str, str], answer: Any) -> None:
        content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""


def _with_no_headers(reply: Reply) -> tuple[int, dict[str, str], Any]:
    return reply[0], {}, reply[1]


@contextmanager
def open_house(scheme: str, settings: Any) -> Iterator[House]:
    """A provider on a free port, and the product's own mail settings pointing at it."""
    house = House(CONTRACTS[scheme])
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Desk", (_Desk,), {"house": house}))
    server.daemon_threads = True
    house.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    point_at(house.contract.url % house.port, settings)
    try:
        yield house
    finally:
        house.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


def point_at(url: str, settings: Any) -> None:
    for name, value in mail.settings_of(url).items():
        setattr(settings, name, value)
    settings.EMAIL_PROVIDER = mail.provider_of(url)
    settings.CHANNELS = {**settings.CHANNELS, "email": mail.channel_of(url)}
    if hasattr(settings, "ANYMAIL"):
        settings.ANYMAIL = {**settings.ANYMAIL, "REQUESTS_TIMEOUT": (2, 0.4)}
