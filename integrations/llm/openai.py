"""Any server that speaks OpenAI's protocol, with structured output."""

import json

import openai
from django.conf import settings

from integrations.llm.base import ModelUnavailable, Question

TIMEOUT_SECONDS = 90


class OpenAIModel:
    def __init__(self) -> None:
        self.name = settings.OPENAI["model"]
        self._client = openai.OpenAI(
            api_key=settings.OPENAI["api_key"],
            base_url=settings.OPENAI["base_url"],
            timeout=TIMEOUT_SECONDS,
            max_retries=2,
        )

    def answer(self, question: Question) -> str:
        try:
            completion = self._client.chat.completions.create(
                model=self.name,
                messages=[
                    {"role": "system", "content": question.instructions},
                    {"role": "user", "content": json.dumps(question.facts, ensure_ascii=False)},
                ],
                response_format={
                    "type": "json_schema",
                    "json_schema": {
                        "name": question.task,
                        "strict": True,
                        "schema": question.schema.model_json_schema(),
                    },
                },
            )
        except openai.AuthenticationError as error:
            raise ModelUnavailable("The language model refused the key; check OPENAI_API_KEY.") from error
        except openai.APIStatusError as error:
            raise ModelUnavailable(f"The language model answered with status {error.status_code}.") from error
        except openai.APIError as error:
            raise ModelUnavailable("The language model does not answer; check OPENAI_BASE_URL.") from error
        if not completion.choices:
            raise ModelUnavailable("The language model answered with nothing.")
        message = completion.choices[0].message
        return message.content or message.refusal or ""
