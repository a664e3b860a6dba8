from dataclasses import dataclass

from loyalty.models import Invite
from loyalty.queries.terms import terms


@dataclass(frozen=True)
class Invitation:
    """What a friend may read of an invite: a first name, and what both would get."""

    code: str
    first_name: str
    friend_points: int
    referrer_points: int


def invite_by(code: str) -> Invitation | None:
    invite = (
        Invite.objects.filter(code=code, member__left_at=None, member__merged_into=None)
        .select_related("member")
        .first()
    )
    if invite is None:
        return None
    programme, first_name = terms(), invite.member.name.split(" ")[0]
    return Invitation(invite.code, first_name, programme.friend_points, programme.referrer_points)
