"""What the law says of rewards by state and trade. Nothing is in force until the shop says so."""

from datetime import date

from django.db import transaction

from config.shared.errors import DomainError
from config.shared.trail import note_change
from loyalty.models import RewardPolicy
from loyalty.rules.reward_policies import SHIPPED, STATES


class BadRewardPolicy(DomainError):
    code = "bad_reward_policy"


def ship_reward_policies() -> None:
    """Those of rules.reward_policies that the shop has not got yet, not in force."""
    for policy in SHIPPED:
        RewardPolicy.objects.get_or_create(
            state=policy.state,
            vertical=policy.vertical,
            kind=policy.kind,
            defaults={"reason": policy.reason, "source": policy.source, "as_of": policy.as_of},
        )


@transaction.atomic
def save_reward_policy(
    *,
    policy: RewardPolicy | None,
    state: str,
    vertical: str,
    kind: str,
    is_denied: bool,
    reason: str,
    source: str,
    as_of: date,
    is_in_force: bool,
) -> RewardPolicy:
    """Make a policy or change one. Raises BadRewardPolicy."""
    state = state.strip().upper()
    if state not in STATES:
        raise BadRewardPolicy(f"{state} is no state we know. Write two letters, such as CA.")
    if not reason.strip() or not source.strip():
        raise BadRewardPolicy("Say what members read, and which law or rule it rests on.")
    same = RewardPolicy.objects.filter(state=state, vertical=vertical, kind=kind)
    if (same.exclude(pk=policy.pk) if policy else same).exists():
        raise BadRewardPolicy("There is a policy for this state, trade and kind already. Change that one.")
    policy = policy or RewardPolicy()
    policy.state, policy.vertical, policy.kind = state, vertical, kind
    policy.is_denied, policy.reason, policy.source = is_denied, reason.strip(), source.strip()
    policy.as_of, policy.is_in_force = as_of, is_in_force
    policy.save()
    return policy


@transaction.atomic
def put_in_force(*, policy: RewardPolicy, is_in_force: bool) -> None:
    changed = RewardPolicy.objects.filter(pk=policy.pk).exclude(is_in_force=is_in_force)
    if changed.update(is_in_force=is_in_force):
        note_change(policy, is_in_force=(not is_in_force, is_in_force))
