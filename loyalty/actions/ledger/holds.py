"""Points that are locked while a reward is held, and that come back when it is not taken."""

from datetime import datetime

from django.utils.translation import gettext as _

from config.shared.errors import DomainError
from loyalty.actions.ledger import statements
from loyalty.actions.ledger.changes import lock_accounts, take_from_lots
from loyalty.models import Redemption
from loyalty.queries.wording import number


class NotEnoughPoints(DomainError):
    code = "not_enough_points"


def hold(redemption: Redemption) -> bool:
    """Save a new redemption and lock its points, in one call. False when another held one has its code.

    Raises NotEnoughPoints.
    """
    new = redemption
    asked = (
        new.public_id, new.member_id, new.reward_id, new.points, new.value, new.code, new.held_at, new.expires_at,
    )  # fmt: skip
    [[held]] = statements.rows(statements.HOLD, asked)
    if held is None:
        has = lock_accounts([new.member_id]).get(new.member_id, 0)
        told = _("This takes %(points)s points; there are %(balance)s.")
        raise NotEnoughPoints(told % {"points": number(new.points), "balance": number(has)})
    if held:
        new.pk, new._state.adding = held, False
    return bool(held)


def give_back(redemption: Redemption, *, now: datetime, note: str) -> None:
    """The points of a hold return to the lots they came from; once, however often it is asked."""
    before = lock_accounts([redemption.member_id])[redemption.member_id]
    given = statements.rows(
        statements.GIVE_BACK,
        {
            "member": redemption.member_id,
            "points": redemption.points,
            "redemption": redemption.pk,
            "key": str(redemption.public_id),
            "note": note,
            "now": now,
        },
    )
    if given:
        # What the member owed meanwhile is paid with it.
        take_from_lots([(redemption.member_id, min(redemption.points, max(0, -before)))])
