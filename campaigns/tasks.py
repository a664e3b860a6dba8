from celery import shared_task
from django.utils import timezone

from campaigns.actions import notices, planning, sends
from campaigns.queries.plans import plans_to_make

MANY_BATCHES = 20


@shared_task(name="campaigns.make_plan")
def make_plan(plan_id: int) -> None:
    planning.make_plan(plan_id, now=timezone.now())


@shared_task(name="campaigns.sweep_plans")
def sweep_plans() -> None:
    """Plans whose nudge was lost, or whose worker died."""
    for plan_id in plans_to_make(timezone.now()).values_list("pk", flat=True)[:10]:
        make_plan.delay(plan_id=plan_id)


@shared_task(name="campaigns.send_due")
def send_due() -> None:
    for _ in range(MANY_BATCHES):
        if not sends.send_due(now=timezone.now()):
            break


@shared_task(name="campaigns.email_notices")
def email_notices() -> None:
    notices.email_notices(now=timezone.now())
