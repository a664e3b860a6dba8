from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.outbound import reference


class Command(BaseCommand):
    help = "Keep the list of events in docs/events_out.md current."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("page", type=Path, help="such as docs/events_out.md")

    def handle(self, *args: Any, page: Path, **options: Any) -> None:
        page.write_text(reference.written_into(page.read_text()))
