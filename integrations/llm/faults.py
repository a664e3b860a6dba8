"""What an error of the SDK says of the call it ended, for words and pictures alike."""

from datetime import timedelta

import openai


def is_unused(error: openai.OpenAIError) -> bool:
    """Nothing was made of the call: it was refused, or never left. What the server broke off may have been made."""
    return (isinstance(error, openai.APIStatusError) and error.status_code < 500) or never_left(error)


def never_left(error: openai.OpenAIError) -> bool:
    return isinstance(error, openai.APIConnectionError) and "Connect" in type(error.__cause__).__name__


def pause_asked(error: openai.APIStatusError) -> timedelta | None:
    """How long the server wants to be left alone; None where it does not say, or says nonsense."""
    wait = error.response.headers.get("Retry-After", "")
    return timedelta(seconds=int(wait)) if wait.isascii() and wait.isdigit() and len(wait) < 7 else None
