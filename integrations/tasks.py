"""What the workers do for the outside world. A task is a nudge: the rows are the work."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from integrations.alerts import telling
from integrations.inbound import calls
from integrations.outbound import delivering

# Not long enough that one task meets the time limit of workers.
PATIENCE = timedelta(seconds=30)


@shared_task(name="integrations.read_calls")
def read_calls() -> None:
    """Batch after batch; what is left is taken up by the next tick."""
    began = timezone.now()
    while calls.read_calls(now=timezone.now()) and timezone.now() - began < PATIENCE:
        pass


@shared_task(name="integrations.forget_old_calls")
def forget_old_calls() -> None:
    calls.forget_old_calls(now=timezone.now())


@shared_task(name="integrations.tell_staff")
def tell_staff() -> None:
    """At a nudge, and again for what a lost nudge or a silent outlet left behind."""
    telling.deliver(now=timezone.now())


@shared_task(name="integrations.deliver_outbound")
def deliver_outbound() -> None:
    """At a nudge, and every few seconds for what is to be tried again or what a lost nudge left behind."""
    delivering.deliver(clock=timezone.now)


@shared_task(name="integrations.finish_outbound_deletions")
def finish_outbound_deletions() -> None:
    """At a nudge, and each minute for what took longer or what a lost nudge left behind."""
    delivering.finish_deletions(clock=timezone.now)


@shared_task(name="integrations.forget_old_deliveries")
def forget_old_deliveries() -> None:
    delivering.forget_old_deliveries(now=timezone.now())
