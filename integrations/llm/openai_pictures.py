"""Any server that speaks OpenAI's protocol for pictures: POST /v1/images/generations.

A picture costs money each time it is made, so nothing is asked for twice by itself. The answer is read no further than
so many pictures can be long, in a thread of its own: whoever asked can go away at any moment. Where the answer names an
address, that is somebody else's word: it is fetched as any address of a stranger, from the public internet only.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import monotonic
from typing import Any

import openai
from django.conf import settings
from requests import RequestException

from integrations import outgoing
from integrations.llm.base import Listener, ModelUnavailable, Usage, nobody_listens
from integrations.llm.faults import is_unused, pause_asked
from integrations.llm.pictures import Drawn

# What every model and server knows.
SIZE = "1024x1024"
LONGEST_SECONDS = 240
LARGEST_PICTURE = 10 * 2**20
_AROUND = 256 * 2**10  # what stands around the pictures of an answer
_LISTENING_SECONDS = 0.25
_NOTHING = Usage(0, 0, 0)
_POLICY_CODES = {"content_policy_violation", "moderation_blocked", "content_filter", "safety_violation"}


class _TooLarge(Exception):
    """The answer is longer than the pictures asked for can be."""


class OpenAIPictures:
    def __init__(self) -> None:
        self.name = str(settings.OPENAI_IMAGES["model"])
        self._client = openai.OpenAI(
            api_key=settings.OPENAI_IMAGES["api_key"],
            base_url=settings.OPENAI_IMAGES["base_url"],
            timeout=LONGEST_SECONDS,
            max_retries=0,
        )

    def draw(self, brief: str, *, count: int, heard: Listener = nobody_listens) -> Drawn:
        try:
            body = self._answer(brief, count, heard)
        except openai.OpenAIError as error:
            raise self._told(error) from error
        except _TooLarge:
            raise ModelUnavailable(
                f"The image model answered with more than {count * LARGEST_PICTURE // 2**20} MB, and was not read to"
                " the end. Name a model that makes smaller pictures (OPENAI_IMAGE_MODEL)."
            ) from None
        items = _items(body)[:count]
        pictures, faults = list[bytes](), list[ModelUnavailable]()
        for item in items:
            try:
                pictures.append(_picture(item))
            except ModelUnavailable as fault:
                faults.append(fault)
        if not pictures:
            raise faults[0]
        said = [str(item["revised_prompt"]) for item in items if item.get("revised_prompt")]
        return Drawn(pictures, "\n\n".join(said), Usage(0, 0, len(items)))

    def _answer(self, brief: str, count: int, heard: Listener) -> bytes:
        """The body, when it has come."""
        came, is_left = SimpleQueue[bytes | Exception](), Event()
        Thread(target=self._listen, args=(brief, count, came, is_left), daemon=True).start()
        began = monotonic()
        try:
            while monotonic() - began < LONGEST_SECONDS:
                heard("")
                try:
                    answer = came.get(timeout=_LISTENING_SECONDS)
                except Empty:
                    continue
                if isinstance(answer, Exception):
                    raise answer
                return answer
            raise _too_slow()
        finally:
            is_left.set()

    def _listen(self, brief: str, count: int, came: "SimpleQueue[bytes | Exception]", is_left: Event) -> None:
        """What goes wrong is told where the answer is waited for."""
        body, longest = bytearray(), count * LARGEST_PICTURE * 4 // 3 + _AROUND
        try:
            asking = self._client.images.with_streaming_response.generate(
                model=self.name, prompt=brief, n=count, size=SIZE
            )
            with asking as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if is_left.is_set():
                        return
                    if len(body) > longest:
                        raise _TooLarge
            came.put(bytes(body))
        except Exception as error:
            came.put(error)

    def _told(self, error: openai.OpenAIError) -> ModelUnavailable:
        """What a person reads. The server's own words stay out of it: they may repeat the key, or the brief."""
        if isinstance(error, openai.APITimeoutError):
            return _too_slow()
        usage = _NOTHING if is_unused(error) else None
        if isinstance(error, openai.RateLimitError):
            return _busy(error)
        if isinstance(error, openai.BadRequestError) and _is_policy(error):
            return ModelUnavailable(
                "The image model refuses this brief for what it is to show. Change the brief, then ask again.",
                outcome="refused",
                usage=usage,
            )
        return ModelUnavailable(self._why(error), usage=usage)

    def _why(self, error: openai.OpenAIError) -> str:
        match error:
            case openai.AuthenticationError():
                return "The image model refused the key; check OPENAI_IMAGE_API_KEY, or OPENAI_API_KEY without it."
            case openai.NotFoundError():
                return f"There is no {self.name}; check OPENAI_IMAGE_MODEL and OPENAI_IMAGE_BASE_URL."
            case openai.BadRequestError(param="n"):
                return f"{self.name} does not make so many pictures at once. Ask for one."
            case openai.APIStatusError():
                return f"The image model answered with status {error.status_code}."
        return "The image model does not answer; check OPENAI_IMAGE_BASE_URL."


def _items(body: bytes) -> list[Mapping[str, Any]]:
    try:
        items = json.loads(body)["data"]
    except (ValueError, KeyError, TypeError):
        items = None
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        # A proxy may answer 200 with a page of its own.
        raise ModelUnavailable("The image model answered with no pictures; check OPENAI_IMAGE_BASE_URL.")
    return items


def _picture(item: Mapping[str, Any]) -> bytes:
    """The bytes of one, whatever they are."""
    if isinstance(said := item.get("b64_json"), str) and said:
        try:
            return b64decode(said, validate=True)
        except ValueError:
            return said[:100].encode(errors="replace")  # no picture either
    if isinstance(url := item.get("url"), str) and url:
        return _fetched(url)
    raise ModelUnavailable("The image model answered with neither a picture nor an address of one.")


def _fetched(url: str) -> bytes:
    """Raises ModelUnavailable. What is too long is cut off, one byte after the longest."""
    try:
        with outgoing.untrusted(longest=LARGEST_PICTURE + 1) as session:
            response = session.get(url)
    except outgoing.AddressRefused:
        raise ModelUnavailable(
            "The image model made the pictures, and keeps them inside a private network, where nothing is fetched from:"
            " have it answer with b64_json, or set ALLOW_PRIVATE_ADDRESSES."
        ) from None
    except (outgoing.NotConnected, RequestException, ValueError):
        raise ModelUnavailable("The pictures were made, and could not be fetched from where they are kept.") from None
    if response.status_code != 200:
        raise ModelUnavailable(f"The pictures were made, and where they are kept answers {response.status_code}.")
    return response.content


def _is_policy(error: openai.BadRequestError) -> bool:
    """Servers say it in many words."""
    if error.code in _POLICY_CODES:
        return True
    return any(
        word in str(error).lower() for word in ("content policy", "content_policy", "safety system", "moderation")
    )


def _busy(error: openai.RateLimitError) -> ModelUnavailable:
    if error.code == "insufficient_quota":
        return ModelUnavailable(
            "The quota of the image model is used up; look at your account with its provider.", usage=_NOTHING
        )
    later = pause_asked(error)
    when = f"in {later.total_seconds():.0f} seconds" if later else "later"
    return ModelUnavailable(
        f"The image model is busy, or its quota is used up; try again {when}.",
        outcome="rate_limited",
        usage=_NOTHING,
        retry_after=later,
    )


def _too_slow() -> ModelUnavailable:
    return ModelUnavailable(
        f"The image model took longer than {LONGEST_SECONDS} seconds. Ask for fewer pictures, or name a quicker one"
        " (OPENAI_IMAGE_MODEL).",
        outcome="timeout",
    )
