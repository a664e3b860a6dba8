import logging

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)


def nudge(task: str, **arguments: object) -> None:
    """Once this transaction commits, ask a worker to look at these rows now.

    A lost nudge is harmless: the rows are the work, and a sweep finds them.
    """

    def send() -> None:
        try:
            current_app.send_task(task, kwargs=arguments)
        except Exception:
            logger.warning("The broker does not answer; the sweep will take up %s.", task)

    transaction.on_commit(send)
