"""A server that keeps to OpenAI's contract of chat completions and images, and misbehaves when a test asks.

As platform.openai.com/docs documents it: a bearer key (401), a model it knows (404), a JSON body (400); answers as
server-sent events of `chat.completion.chunk` that end with `[DONE]`; the tokens in a last chunk without choices where
`stream_options.include_usage` asks for it; refusals as `refusal` instead of `content`; a strict JSON schema only when
every object closes itself and names all its fields as required; errors as {"error": {message, type, param, code}}.

POST /v1/images/generations takes a prompt of up to 32,000 characters, n of 1 to 10 and a documented size, knows
no `response_format` for GPT image models, and answers {"created", "data": [{"b64_json"} or {"url"}], "usage"}.
"""

import json
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

KEY, MODEL, IMAGE_MODEL = "sk-test", "gpt-4.1-mini", "gpt-image-1"
_SIZES = {"1024x1024", "1536x1024", "1024x1536", "auto"}
Asked = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """An answer: in pieces of so many characters, with the tokens it took, and how it ends."""

    text: str = ""
    refusal: str = ""
    ends: str = "stop"
    tokens: tuple[int, int] | None = (1200, 300)
    piece: int = 40
    # How many pieces before the line breaks, or before nothing comes any more until the test is over.
    breaks_after: int | None = None
    hangs_after: int | None = None
    # What happens elsewhere while it says nothing.
    meanwhile: Callable[[], None] | None = None


@dataclass(frozen=True)
class Failed:
    status: int
    message: str = "No"
    code: str | None = None
    param: str | None = None
    headers: dict[str, str] = field(default_factory=lambda: {"Retry-After-Ms": "1"})
    body: bytes | None = None


@dataclass(frozen=True)
class Painted:
    """Pictures for one call: in the answer, or at addresses of this server, or of whoever `urls` names."""

    pictures: tuple[bytes, ...] = ()
    at_addresses: bool = False
    urls: tuple[str, ...] = ()
    revised: str = ""
    body: bytes | None = None
    hangs: bool = False
    meanwhile: Callable[[], None] | None = None


Turn = Said | Failed | Callable[[Asked], Said]


@dataclass
class ModelServer:
    """`turns` are what it does next, one a call; then `always`. `wire` is every byte it was sent."""

    address: str = ""
    turns: deque[Turn] = field(default_factory=deque)
    always: Turn | None = None
    calls: list[Asked] = field(default_factory=list)
    wire: list[bytes] = field(default_factory=list)
    knows_schemas: bool = True
    gone: Event = field(default_factory=Event)  # somebody hung up in the middle of an answer
    released: Event = field(default_factory=Event)
    paints: Painted | Failed | None = None
    painted: list[Asked] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)  # pictures that are fetched by their address

    def paint(self, headers: Any, body: bytes, path: str) -> Painted | Failed:
        self.wire.append(f"{path}\n{headers}\n".encode() + body)
        asked = json.loads(body)
        self.painted.append(asked)
        assert self.paints is not None, "Nobody told the model what to paint."
        return self._fault_of_painting(headers, asked) or self.paints

    def _fault_of_painting(self, headers: Any, asked: Asked) -> Failed | None:
        if headers["Authorization"] != f"Bearer {KEY}":
            return Failed(401, "Incorrect API key provided: sk-wrong", "invalid_api_key")
        if asked["model"] != IMAGE_MODEL:
            return Failed(404, f"The model {asked['model']} does not exist", "model_not_found")
        if unknown := set(asked) - {"model", "prompt", "n", "size", "quality", "background", "output_format", "user"}:
            return Failed(400, f"Unknown parameter: {unknown}", "unknown_parameter", sorted(unknown)[0])
        if not 1 <= asked.get("n", 1) <= 10:
            return Failed(400, "n must be 1 to 10", param="n")
        if asked.get("size", "auto") not in _SIZES or not 0 < len(asked["prompt"]) <= 32_000:
            return Failed(400, "Invalid value")
        return None

    def turn(self, headers: Any, body: bytes, path: str) -> Said | Failed:
        self.wire.append(f"{path}\n{headers}\n".encode() + body)
        asked = json.loads(body)
        self.calls.append(asked)
        if fault := self._fault(headers, asked, path):
            return fault
        turn = self.turns.popleft() if self.turns else self.always
        assert turn is not None, "Nobody told the model what to say."
        return turn if isinstance(turn, Said | Failed) else turn(asked)

    def _fault(self, headers: Any, asked: Asked, path: str) -> Failed | None:
        if path != "/v1/chat/completions":
            return Failed(404, "Not found")
        if headers["Authorization"] != f"Bearer {KEY}":
            return Failed(401, "Incorrect API key provided: sk-wrong", "invalid_api_key")
        if asked["model"] != MODEL:
            return Failed(404, f"The model {asked['model']} does not exist", "model_not_found")
        wanted = asked.get("response_format", {})
        if wanted and not self.knows_schemas:
            return Failed(400, "'response_format' of type 'json_schema' is not supported", param="response_format")
        if wanted.get("type") == "json_schema" and (fault := _not_strict(wanted["json_schema"]["schema"])):
            return Failed(400, f"Invalid schema for response_format: {fault}", param="response_format")
        return None


def facts_of(asked: Asked) -> dict[str, Any]:
    """What the model was told."""
    told = json.loads(asked["messages"][1]["content"])
    assert isinstance(told, dict)
    return told


def _not_strict(schema: Any) -> str:
    """Strict mode: `additionalProperties` is false and every property is required, at any depth."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            if schema.get("additionalProperties") is not False:
                return "additionalProperties must be false"
            if sorted(schema.get("required", [])) != sorted(schema["properties"]):
                return "required must name every property"
        return next((fault for value in schema.values() if (fault := _not_strict(value))), "")
    if isinstance(schema, list):
        return next((fault for value in schema if (fault := _not_strict(value))), "")
    return ""


def _chunk(choices: list[Any], usage: Any = None) -> bytes:
    told = {
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_774_800_000, "model": MODEL,
        "choices": choices, "usage": usage,
    }  # fmt: skip
    return b"data: " + json.dumps(told).encode() + b"\n\n"


def _choice(delta: dict[str, Any], ends: str | None = None) -> list[Any]:
    return [{"index": 0, "delta": delta, "finish_reason": ends, "logprobs": None}]


def _chunks(said: Said, asked: Asked) -> Iterator[bytes]:
    yield _chunk(_choice({"role": "assistant", "content": "", "refusal": None}))
    name, words = ("refusal", said.refusal) if said.refusal else ("content", said.text)
    for start in range(0, len(words), said.piece):
        yield _chunk(_choice({name: words[start : start + said.piece]}))
    yield _chunk(_choice({}, said.ends))
    if said.tokens and asked.get("stream_options", {}).get("include_usage"):
        came, went = said.tokens
        yield _chunk([], {"prompt_tokens": came, "completion_tokens": went, "total_tokens": came + went})
    yield b"data: [DONE]\n\n"


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/v1/images/generations":
                self._paint(server.paint(self.headers, body, self.path))
                return
            turn = server.turn(self.headers, body, self.path)
            if isinstance(turn, Failed):
                self._fail(turn)
            else:
                self._stream(turn, json.loads(body))

        def do_GET(self) -> None:
            """A picture that was painted."""
            self._answer(server.kept[int(self.path.rpartition("/")[2])], "image/png")

        def _paint(self, turn: Painted | Failed) -> None:
            if isinstance(turn, Failed):
                self._fail(turn)
                return
            if turn.meanwhile:
                turn.meanwhile()
            if turn.hangs:
                server.released.wait(20)
            items: list[dict[str, str]] = [{"url": url} for url in turn.urls]
            for picture in turn.pictures:
                if turn.at_addresses:
                    server.kept.append(picture)
                    items.append({"url": f"{server.address.removesuffix('/v1')}/pictures/{len(server.kept) - 1}"})
                else:
                    items.append({"b64_json": b64encode(picture).decode()})
            if turn.revised:
                items = [{**item, "revised_prompt": turn.revised} for item in items]
            usage = {"input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210}
            told = json.dumps({"created": 1_774_800_000, "data": items, "usage": usage}).encode()
            self._answer(told if turn.body is None else turn.body, "application/json")

        def _answer(self, body: bytes, kind: str) -> None:
            try:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                server.gone.set()

        def _fail(self, failed: Failed) -> None:
            error = {"message": failed.message, "type": "error", "param": failed.param, "code": failed.code}
            body = json.dumps({"error": error}).encode() if failed.body is None else failed.body
            self.send_response(failed.status)
            for name, value in {"Content-Type": "application/json", **failed.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, said: Said, asked: Asked) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for place, piece in enumerate(_chunks(said, asked)):
                    if place == said.hangs_after:
                        if said.meanwhile:
                            said.meanwhile()
                        server.released.wait(20)
                    if place == said.breaks_after:
                        self.close_connection = True
                        return
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")
            except (BrokenPipeError, ConnectionResetError):
                server.gone.set()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler


@contextmanager
def open_model(settings: Any) -> Iterator[ModelServer]:
    """A language model on this machine, which the settings name."""
    model = ModelServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(model))
    server.daemon_threads = True
    model.address = f"http://127.0.0.1:{server.server_port}/v1"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    settings.LANGUAGE_MODEL = "integrations.llm.openai.OpenAIModel"
    settings.OPENAI = {"api_key": KEY, "base_url": model.address, "model": MODEL}
    settings.IMAGE_MODEL = "integrations.llm.openai_pictures.OpenAIPictures"
    settings.OPENAI_IMAGES = {"api_key": KEY, "base_url": model.address, "model": IMAGE_MODEL}
    try:
        yield model
    finally:
        model.released.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
