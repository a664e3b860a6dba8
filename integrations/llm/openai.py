"""Any server that speaks OpenAI's protocol, with structured output."""

import json

import openai
from django.conf import settings
from openai.types.chat import ChatCompletion
from openai.types.shared_params.response_format_json_schema import JSONSchema

from integrations.llm.base import ModelUnavailable, Question

TIMEOUT_SECONDS = 90
RETRIES = 2


class OpenAIModel:
    def __init__(self) -> None:
        self.name = str(settings.OPENAI["model"])
        self._client = openai.OpenAI(
            api_key=settings.OPENAI["api_key"],
            base_url=settings.OPENAI["base_url"],
            timeout=TIMEOUT_SECONDS,
            max_retries=RETRIES,
        )

    def answer(self, question: Question) -> str:
        try:
            completion = self._ask(question)
        except openai.AuthenticationError as error:
            raise ModelUnavailable("The language model refused the key; check OPENAI_API_KEY.") from error
        except openai.NotFoundError as error:
            raise ModelUnavailable(f"There is no {self.name}; check OPENAI_MODEL and OPENAI_BASE_URL.") from error
        except openai.RateLimitError as error:
            raise ModelUnavailable("The language model is busy, or its quota is used up; try again later.") from error
        except openai.APIStatusError as error:
            raise ModelUnavailable(f"The language model answered with status {error.status_code}.") from error
        except openai.APITimeoutError as error:
            raise ModelUnavailable(f"The language model took longer than {TIMEOUT_SECONDS} seconds.") from error
        except openai.OpenAIError as error:
            raise ModelUnavailable("The language model does not answer; check OPENAI_BASE_URL.") from error
        return _text(completion)

    def _ask(self, question: Question) -> ChatCompletion:
        shape: JSONSchema = {"name": question.task, "strict": True, "schema": question.schema.model_json_schema()}
        return self._client.chat.completions.create(
            model=self.name,
            messages=[
                {"role": "system", "content": question.instructions},
                {"role": "user", "content": json.dumps(question.facts, ensure_ascii=False)},
            ],
            response_format={"type": "json_schema", "json_schema": shape},
        )


def _text(completion: ChatCompletion) -> str:
    choices = getattr(completion, "choices", None)  # a proxy may answer 200 with a page of its own
    if not choices:
        raise ModelUnavailable("The language model answered with nothing; check OPENAI_BASE_URL.")
    message = choices[0].message
    if message.refusal:
        raise ModelUnavailable(f"The language model refused to plan this: {message.refusal[:300]}")
    return message.content or ""
