import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from integrations.channels import mailbox


class Command(BaseCommand):
    help = "Listen for mail on 127.0.0.1 and keep it in the local mailbox, until told to stop."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            asyncio.run(_serve(settings.MAILBOX_PORT))
        except OSError as error:
            raise CommandError(
                f"Port {settings.MAILBOX_PORT} cannot be used ({error.strerror}); set MAILBOX_PORT."
            ) from error


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await mailbox.listen("127.0.0.1", port)
    async with server:
        await stop.wait()
