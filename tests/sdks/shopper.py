"""A shopper's script written against the client that openapi-python-client makes of our description."""

import json
import os
import sys
import uuid
from typing import TypeVar

from regulars import AuthenticatedClient, Client
from regulars.api.loyalty import (
    loyalty_v1_me_redemptions_create,
    loyalty_v1_me_redemptions_release_create,
    loyalty_v1_me_retrieve,
    loyalty_v1_me_rewards_retrieve,
    loyalty_v1_programme_retrieve,
    loyalty_v1_sign_in_codes_create,
    loyalty_v1_sign_in_refresh_create,
    loyalty_v1_sign_in_tokens_create,
)
from regulars.models import CodeInput, HoldInput, Problem, RefreshInput, TokenInput

Answer = TypeVar("Answer")


def given(answer: Answer | Problem | None) -> Answer:
    assert answer is not None
    assert not isinstance(answer, Problem), answer
    return answer


stranger = Client(base_url=os.environ["BASE"])
asked = given(loyalty_v1_sign_in_codes_create.sync(client=stranger, body=CodeInput(email=os.environ["EMAIL"])))
sys.stdout.write(f"{asked.id}\n")
sys.stdout.flush()
code = sys.stdin.readline().strip()

entrance = TokenInput(id=asked.id, code=code, device_name="A Python client", native=True)
signed_in = given(loyalty_v1_sign_in_tokens_create.sync(client=stranger, body=entrance))
renewed = given(loyalty_v1_sign_in_refresh_create.sync(client=stranger, body=RefreshInput(refresh=signed_in.refresh)))
client = AuthenticatedClient(base_url=os.environ["BASE"], token=renewed.access)

me = given(loyalty_v1_me_retrieve.sync(client=client))
rewards = given(loyalty_v1_me_rewards_retrieve.sync(client=client)).results
wanted = HoldInput(reward=next(reward.id for reward in rewards if reward.can_hold))
key = str(uuid.uuid4())
held, again = (
    given(loyalty_v1_me_redemptions_create.sync(client=client, body=wanted, idempotency_key=key)) for _ in range(2)
)
released = given(loyalty_v1_me_redemptions_release_create.sync(client=client, public_id=held.id))
after = given(loyalty_v1_me_retrieve.sync(client=client))
programme = given(loyalty_v1_programme_retrieve.sync(client=stranger))

told = {
    "member": me.name,
    "before": me.points.balance,
    "held": [held.status, len(held.pin or "")],
    "is_same": held.id == again.id,
    "released": released.status,
    "after": after.points.balance,
    "legal_age": programme.legal_age,
}
sys.stdout.write(json.dumps(told))
