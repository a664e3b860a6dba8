from typing import Any

from django.core.management.base import BaseCommand

from tracking.actions.restored import renumber_after_restore


class Command(BaseCommand):
    help = "After a dump was restored into another server, and before the product is started: number its log anew."

    def handle(self, *args: Any, **options: Any) -> None:
        done = renumber_after_restore()
        self.stdout.write("The log is numbered anew." if done else "The log fits this server: nothing to do.")
