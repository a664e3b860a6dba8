import sys
import time
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from config.shared.errors import DomainError
from loyalty.actions import imports
from loyalty.rules import purchases

SECONDS_BETWEEN_TRIES = 2


class Command(BaseCommand):
    help = "Import purchases from a CSV file (or .csv.gz). Importing a file twice changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        fields = ", ".join(field.name for field in purchases.FIELDS)
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--mapping", nargs="+", default=[], metavar="FIELD=COLUMN", help=f"Corrects the guess. Fields: {fields}."
        )
        parser.add_argument("--time-zone", default=settings.TIME_ZONE, help="Of times without one, in new stores.")
        parser.add_argument("--decimal-mark", choices=[".", ","], help="Corrects the guess.")
        parser.add_argument("--time-style", choices=list(purchases.STYLES), help="Corrects the guess.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would happen and change nothing.")
        parser.add_argument("--refused", type=Path, metavar="FILE.csv", help="Write every refused line there.")

    def handle(self, *, file: Path, dry_run: bool, refused: Path | None, **options: Any) -> None:
        try:
            reading = self._reading(file, options)
            report = self._import_in_turn(file, reading, dry_run=dry_run, refused_csv=refused, watch=self._watch)
        except (DomainError, OSError) as refusal:
            raise CommandError(str(refusal)) from None
        self._print(report, reading, dry_run=dry_run)

    def _import_in_turn(self, file: Path, reading: imports.Reading, **options: Any) -> imports.Report:
        has_said = False
        while True:
            try:
                return imports.import_file(file, reading, now=timezone.now(), **options)
            except imports.AnotherImportIsRunning:
                if not has_said:
                    self.stderr.write(
                        "Purchases are being imported from another file; this one begins when it is over."
                    )
                    has_said = True
                time.sleep(SECONDS_BETWEEN_TRIES)

    def _reading(self, file: Path, options: dict[str, Any]) -> imports.Reading:
        if options["time_zone"] not in available_timezones():
            raise CommandError(f"{options['time_zone']} is not a time zone name such as America/New_York.")
        shape = imports.examine(file)
        mapping = shape.guessed_mapping()
        for pair in options["mapping"]:
            name, sign, column = pair.partition("=")
            if not sign:
                raise CommandError(f"Write --mapping {name}=COLUMN; the columns are {', '.join(shape.columns)}.")
            mapping = {key: value for key, value in mapping.items() if value != column} | {name: column}
        return imports.Reading.guessed(
            shape,
            time_zone=options["time_zone"],
            mapping=mapping,
            decimal_mark=options["decimal_mark"],
            time_style=options["time_style"],
        )

    def _watch(self, progress: imports.Progress) -> None:
        if sys.stderr.isatty():
            share = f" {progress.done / progress.total:.0%}" if progress.total else ""
            self.stderr.write(f"\r{progress.phase}{share}, {progress.lines:,} lines   ", ending="")

    def _print(self, report: imports.Report, reading: imports.Reading, *, dry_run: bool) -> None:
        say = self.stdout.write
        say(f"{imports.ENCODINGS[reading.encoding]}, cells separated by {imports.DELIMITERS[reading.delimiter]}")
        say(f"Times like {purchases.STYLES[reading.time_style]}, zone {reading.time_zone}")
        for name, column in reading.mapping.items():
            say(f"  {purchases.LABELS[name]:<16} {column}")
        say(f"{'Would be taken' if dry_run else 'Taken'} of {report.lines_read:,} lines:")
        say(f"  {report.lines_new:>10,} new, {report.amount_new}")
        say(f"  {report.lines_known:>10,} already known, {report.amount_known} ({report.lines_changed:,} corrected)")
        say(f"  {report.lines_refused:>10,} refused")
        say(f"  {report.orders_new:>10,} new orders, {report.first_at} to {report.last_at}")
        say(f"  {report.members_new:>10,} new members")
        say(f"  {report.birth_dates_new:>10,} birth dates")
        say(
            f"  {report.consents_given:>10,} consents given, {report.consents_withdrawn:,} withdrawn, "
            f"{report.consents_declined:,} declined"
        )
        say(f"  {report.products_new:>10,} new products, {report.stores_new:,} new stores")
        for name, code in report.stores_named.items():
            say(f"  {name} is the store {code}")
        for title, counts, texts in (
            ("Refused", report.refused, purchases.REFUSALS),
            ("Taken with a remark", report.remarks, purchases.REMARKS),
        ):
            for code, count in counts.items():
                say(f"{title}: {count:,} times: {texts[code]}")
