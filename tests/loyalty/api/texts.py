"""A channel for SMS, as settings.CHANNELS may name one."""

from datetime import timedelta
from typing import Any


class Texts:
    """A channel for SMS that keeps what it is given."""

    provider = "tests"
    remembers_for = timedelta(0)
    sent: list[Any] = []

    def __enter__(self) -> "Texts":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def send(self, message: Any) -> str:
        self.sent.append(message)
        return message.id
