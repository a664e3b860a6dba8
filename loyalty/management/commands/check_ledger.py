from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from loyalty.actions.ledger import check_ledger
from loyalty.queries.points import Difference


class Command(BaseCommand):
    help = "Compare every points account with its entries and lots. Exit status 1 when one does not agree."

    def handle(self, *args: Any, **options: Any) -> None:
        check = check_ledger(clock=timezone.now)
        for found in check.differences:
            difference = Difference(**found)
            self.stderr.write(f"Member {difference.member}: {difference.words}")
        if check.difference_count:
            raise CommandError(f"{check.difference_count:,} of {check.accounts:,} accounts do not agree.")
        self.stdout.write(f"{check.accounts:,} accounts agree with {check.entries:,} entries.")
