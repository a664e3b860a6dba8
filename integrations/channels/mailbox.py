"""The local mailbox: a real SMTP server that delivers to a page instead of to the world."""

import asyncio
import logging

from aiosmtpd.smtp import SMTP, Envelope, Session
from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.utils import timezone

from integrations import actions

LARGEST_MESSAGE = 10 * 2**20
logger = logging.getLogger(__name__)


class Mailbox:
    """Takes mail for anybody. 250 means that it is in the database."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        try:
            await sync_to_async(_keep, thread_sensitive=False)(envelope.mail_from or "", envelope.rcpt_tos, raw)
        except Exception:
            logger.exception("The mailbox could not keep a message")
            return "451 The mailbox cannot store messages now, try again later"
        return "250 Delivered to the local mailbox"


def _keep(sender: str, recipients: list[str], raw: bytes) -> None:
    close_old_connections()
    try:
        actions.take_mail(sender=sender, recipients=recipients, raw=raw, now=timezone.now())
    finally:
        close_old_connections()


async def listen(host: str, port: int) -> asyncio.Server:
    """Start the listener in the running event loop."""
    handler = Mailbox()
    return await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, data_size_limit=LARGEST_MESSAGE, enable_SMTPUTF8=True, ident="Regulars mailbox"),
        host,
        port,
    )
