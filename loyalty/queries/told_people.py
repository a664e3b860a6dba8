"""Who members are, for a destination that is to know (settings.OUTBOUND_PEOPLE)."""

from collections.abc import Collection, Mapping
from uuid import UUID

from loyalty.models import Member


def told_people(public_ids: Collection[str]) -> Mapping[str, Mapping[str, str]]:
    """Name, email and phone by public id, each where it is known; nobody who has left."""
    wanted = [number for number in map(_uuid, public_ids) if number]
    found = Member.objects.filter(public_id__in=wanted, left_at=None).only("public_id", "name", "email", "phone")
    return {str(member.public_id): _known(member) for member in found}


def _known(member: Member) -> dict[str, str]:
    fields = {"name": member.name, "email": member.email, "phone": member.phone}
    return {name: value for name, value in fields.items() if value}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
