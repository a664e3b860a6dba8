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


def hold(redemption: Redemption, *, now: datetime) -> None:
    """Lock the points of a redemption whose row is there already. Raises NotEnoughPoints."""
    member_id, points = redemption.member_id, redemption.points
    parameters = {
        "member": member_id,
        "points": points,
        "redemption": redemption.pk,
        "key": str(redemption.public_id),
        "now": now,
    }
    if not statements.rows(statements.HOLD, parameters)[0][0]:
        has = lock_accounts([member_id]).get(member_id, 0)
        told = _("This takes %(points)s points; there are %(balance)s.")
        raise NotEnoughPoints(told % {"points": number(points), "balance": number(has)})


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
