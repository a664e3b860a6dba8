"""A language model of the tests' own: says what it is told to, and remembers what it was asked."""

from collections.abc import Callable
from typing import ClassVar

from integrations.llm.base import Listener, Question, Reply, nobody_listens


class Scripted:
    name = "Scripted"
    is_metered = True
    answers: ClassVar[list[str | Callable[[Question], str]]] = []
    asked: ClassVar[list[Question]] = []

    def answer(self, question: Question, *, heard: Listener = nobody_listens) -> Reply:
        Scripted.asked.append(question)
        answer = Scripted.answers.pop(0)
        return Reply(answer if isinstance(answer, str) else answer(question))
