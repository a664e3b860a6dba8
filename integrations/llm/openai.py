"""Any server that speaks OpenAI's protocol: POST /v1/chat/completions, streamed, with structured output.

The stream is read in a thread of its own. So whoever asked can go away at any moment, also while the model says
nothing: the thread then ends with the next piece, or when the connection has been silent for too long.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import monotonic

import openai
from django.conf import settings
from openai import Omit
from openai.types.chat import ChatCompletionChunk
from openai.types.shared_params.response_format_json_schema import JSONSchema

from integrations.llm.base import Listener, ModelUnavailable, Question, Reply, Usage, nobody_listens
from integrations.llm.faults import is_unused, never_left, pause_asked

# Without a word, and until the last one.
TIMEOUT_SECONDS = 90
LONGEST_SECONDS = 300
RETRIES = 2
THREAD = "language model"
SHORT = timedelta(seconds=2)  # a pause that is waited for
PAUSES = (0.5, 2.0)  # seconds before each further try
_NOTHING = Usage(0, 0)
_LISTENING_SECONDS = 0.25
_Piece = ChatCompletionChunk | Exception | None


class OpenAIModel:
    is_metered = True

    def __init__(self) -> None:
        self.name = str(settings.OPENAI["model"])
        self._client = openai.OpenAI(
            api_key=settings.OPENAI["api_key"],
            base_url=settings.OPENAI["base_url"],
            timeout=TIMEOUT_SECONDS,
            max_retries=0,  # the SDK would ask again for whoever has left
        )

    def answer(self, question: Question, *, heard: Listener = nobody_listens) -> Reply:
        answer = _Answer()
        try:
            for chunk in self._chunks(question, answer, heard):
                answer.take(chunk)
        except openai.OpenAIError as error:
            raise self._told(error, answer) from error
        return self._judged(answer)

    def _chunks(self, question: Question, answer: "_Answer", heard: Listener) -> Iterator[ChatCompletionChunk]:
        """As they come. None comes for a while: `heard` is asked all the same."""
        pieces, is_left = SimpleQueue[_Piece](), Event()
        Thread(target=self._listen, args=(question, pieces, is_left), name=THREAD, daemon=True).start()
        began = last = monotonic()
        try:
            while True:
                try:
                    piece = pieces.get(timeout=_LISTENING_SECONDS)
                except Empty:
                    piece = None
                else:
                    if piece is None:
                        return
                    if isinstance(piece, Exception):
                        raise piece
                    last = monotonic()
                    yield piece
                heard(answer.text)
                if monotonic() - last > TIMEOUT_SECONDS or monotonic() - began > LONGEST_SECONDS:
                    raise _too_slow(answer, monotonic() - began)
        finally:
            is_left.set()

    def _listen(self, question: Question, pieces: "SimpleQueue[_Piece]", is_left: Event) -> None:
        """What goes wrong is told where the answer is waited for."""
        try:
            with self._asked(question, is_left) as stream:
                for chunk in stream:
                    if is_left.is_set():
                        return
                    pieces.put(chunk)
            pieces.put(None)
        except Exception as error:
            pieces.put(error)

    def _asked(self, question: Question, is_left: Event) -> "openai.Stream[ChatCompletionChunk]":
        """Asked again where nothing was answered, while somebody waits: what was heard may have to be paid."""
        for pause in PAUSES[:RETRIES]:
            try:
                return self._ask(question)
            except openai.OpenAIError as error:
                if not _may_be_asked_again(error) or is_left.wait(pause):
                    raise
        return self._ask(question)

    def _ask(self, question: Question) -> "openai.Stream[ChatCompletionChunk]":
        shape: JSONSchema = {"name": question.task, "strict": True, "schema": question.schema.model_json_schema()}
        return self._client.chat.completions.create(
            model=self.name,
            messages=[
                {"role": "system", "content": question.instructions},
                {"role": "user", "content": json.dumps(question.facts, ensure_ascii=False)},
            ],
            response_format={"type": "json_schema", "json_schema": shape},
            max_completion_tokens=question.most_tokens or Omit(),
            stream=True,
            stream_options={"include_usage": True},
        )

    def _told(self, error: openai.OpenAIError, answer: "_Answer") -> ModelUnavailable:
        """What a person reads. The server's own words stay out of it: they may repeat the key."""
        if isinstance(error, openai.RateLimitError):
            return _busy(error)
        if isinstance(error, openai.APITimeoutError):
            return _too_slow(answer, TIMEOUT_SECONDS)
        usage = _NOTHING if is_unused(error) else answer.usage
        return ModelUnavailable(self._why(error, answer), text=answer.text, usage=usage)

    def _why(self, error: openai.OpenAIError, answer: "_Answer") -> str:
        told = "The language model does not answer; check OPENAI_BASE_URL."
        match error:
            case openai.AuthenticationError():
                told = "The language model refused the key; check OPENAI_API_KEY."
            case openai.NotFoundError():
                told = f"There is no {self.name}; check OPENAI_MODEL and OPENAI_BASE_URL."
            case openai.BadRequestError() if _knows_no_schema(error):
                told = (
                    f"{self.name} takes no JSON schema, and without one its answers cannot be used: name a model, or a"
                    " server, that knows structured output (OPENAI_MODEL, OPENAI_BASE_URL)."
                )
            case openai.APIStatusError():
                told = f"The language model answered with status {error.status_code}."
            case _ if answer.text:
                told = "The language model stopped in the middle of its answer; ask again."
        return told

    def _judged(self, answer: "_Answer") -> Reply:
        came = {"text": answer.text, "usage": answer.usage}
        if answer.refusal or answer.ended == "content_filter":
            why = answer.refusal[:300] or "its filter stopped the answer."
            raise ModelUnavailable(f"The language model refused: {why}", outcome="refused", **came)  # type: ignore[arg-type]
        if answer.ended == "length":
            raise ModelUnavailable(
                "The answer was cut off: it needed more tokens than it may use. Raise the tokens a plan may use under"
                " Settings → Campaigns, or plan for fewer groups.",
                outcome="truncated",
                **came,  # type: ignore[arg-type]
            )
        if not answer.is_any:  # a proxy may answer 200 with a page of its own
            raise ModelUnavailable("The language model answered with nothing; check OPENAI_BASE_URL.")
        return Reply(answer.text, answer.usage)


@dataclass
class _Answer:
    """What has come so far."""

    pieces: list[str] = field(default_factory=list)
    refusal: str = ""
    ended: str = ""
    usage: Usage | None = None
    is_any: bool = False

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def take(self, chunk: ChatCompletionChunk) -> None:
        if chunk.usage:  # the last chunk, which has no choices
            self.usage = Usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        for choice in (chunk.choices or [])[:1]:
            self.is_any = True
            self.pieces.append(choice.delta.content or "")
            self.refusal += choice.delta.refusal or ""
            self.ended = choice.finish_reason or self.ended


def _may_be_asked_again(error: openai.OpenAIError) -> bool:
    """Busy for a moment, broken, or not reached; not who was too slow, and may still be writing."""
    if isinstance(error, openai.RateLimitError):
        return error.code != "insufficient_quota" and (pause_asked(error) or SHORT) <= SHORT
    return isinstance(error, openai.InternalServerError) or never_left(error)


def _busy(error: openai.RateLimitError) -> ModelUnavailable:
    if error.code == "insufficient_quota":
        return ModelUnavailable(
            "The quota of the language model is used up; look at your account with its provider.", usage=_NOTHING
        )
    later = pause_asked(error)
    when = f"in {later.total_seconds():.0f} seconds" if later else "later"
    return ModelUnavailable(
        f"The language model is busy, or its quota is used up; try again {when}.",
        usage=_NOTHING,
        outcome="rate_limited",
        retry_after=later,
    )


def _too_slow(answer: _Answer, seconds: float) -> ModelUnavailable:
    return ModelUnavailable(
        f"The language model took longer than {seconds:.0f} seconds. Try again, or name a quicker one (OPENAI_MODEL).",
        outcome="timeout",
        text=answer.text,
        usage=answer.usage,
    )


def _knows_no_schema(error: openai.BadRequestError) -> bool:
    """Servers say it in many words; all name what they do not know."""
    return error.param == "response_format" or any(
        name in str(error).lower() for name in ("response_format", "json_schema", "structured output")
    )
