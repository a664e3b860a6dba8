from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from loyalty.models import PointsAccount, PointsEntry


def balances_out_of_step() -> QuerySet[PointsAccount]:
    """Accounts whose balance is not the sum of their entries. Always empty, unless somebody wrote past the actions."""
    entries = PointsEntry.objects.filter(member=OuterRef("member")).order_by().values("member")
    total = Subquery(entries.annotate(total=Sum("points")).values("total"), output_field=BigIntegerField())
    return PointsAccount.objects.annotate(entered=Coalesce(total, 0)).exclude(balance=F("entered"))
