"""Apple's push service (APNs), which speaks HTTP/2 only: all phones are told over one connection, side by side.

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
"""

import asyncio
import json
import re
import ssl
from collections.abc import Sequence
from datetime import timedelta
from tempfile import NamedTemporaryFile

import httpx2
from django.conf import settings

from config.wallet import AppleIdentity
from integrations import outgoing
from integrations.wallets.base import Answer, Word

AT_ONCE = 50
TOKEN = re.compile(r"[0-9a-fA-F]{1,200}")
GONE = 410  # and stays so: the phone was erased, or the pass was thrown away
# Of a token. A wrong certificate or pass type of ours makes Apple say so of every phone, so none is forgotten for it.
NOT_OURS = {"BadDeviceToken", "DeviceTokenNotForTopic", "MissingDeviceToken"}
OURS_TO_MEND = {400, 403, 405, 413}
# Apple ends connections as it likes (GOAWAY). Being told twice is being told once, so another is opened.
TRIES = 3
# One is enough for all, while Apple ends none.
MOST_CONNECTIONS = 3


def tell_changed(tokens: Sequence[str], *, identity: AppleIdentity, url: str) -> list[Answer]:
    """An empty notification to each; what became of it, in their order."""
    return asyncio.run(_tell_all(tokens, identity, url)) if tokens else []


async def _tell_all(tokens: Sequence[str], identity: AppleIdentity, url: str) -> list[Answer]:
    headers = {"apns-topic": identity.pass_type, "apns-push-type": "background", "apns-priority": "5"}
    gate = asyncio.Semaphore(AT_ONCE)
    try:
        context = _identified(identity)
    except (OSError, ssl.SSLError):
        return [Answer(Word.REFUSED, "APPLE_PASS_CERTIFICATE cannot be used for a connection.")] * len(tokens)
    async with httpx2.AsyncClient(
        http1=False,
        http2=True,
        verify=context,
        headers=headers,
        base_url=url,
        timeout=settings.OUTGOING_TIMEOUT,
        limits=httpx2.Limits(max_connections=MOST_CONNECTIONS),
        trust_env=False,
        follow_redirects=False,
    ) as client:
        return await asyncio.gather(*(_tell(client, token, gate) for token in tokens))


async def _tell(client: httpx2.AsyncClient, token: str, gate: asyncio.Semaphore) -> Answer:
    if not TOKEN.fullmatch(token):  # it becomes part of an address
        return Answer(Word.GONE, "This is no token of a phone.")
    why = "Apple cannot be reached."
    async with gate:
        for _try in range(TRIES):
            try:
                return _answer(await client.post(f"/3/device/{token}", content=b"{}"))
            except httpx2.TimeoutException:
                return Answer(Word.REFUSED, "Apple did not answer in time.")
            except (httpx2.HTTPError, ssl.SSLError, RuntimeError) as error:
                why = f"Apple cannot be reached: {type(error).__name__}."
    return Answer(Word.REFUSED, why)


def _answer(response: httpx2.Response) -> Answer:
    status, reason = response.status_code, _reason(response)
    if status == 200:
        return Answer(Word.TOLD)
    if status == GONE:
        return Answer(Word.GONE, reason)
    wait = outgoing.retry_after(response.headers) or _wait(status, reason)
    return Answer(
        Word.REFUSED, f"Apple answered {status} {reason}".strip(), wait, is_ours_to_mend=status in OURS_TO_MEND
    )


def _wait(status: int, reason: str) -> timedelta | None:
    """What asks for patience without saying how much; and what somebody has to mend first."""
    if reason in NOT_OURS:
        return timedelta(hours=1)
    return timedelta(minutes=10) if status in (429, 503) else None


def _reason(response: httpx2.Response) -> str:
    try:
        return str(json.loads(response.content[:2_000]).get("reason", ""))[:100]
    except (ValueError, AttributeError):
        return ""


def _identified(identity: AppleIdentity) -> ssl.SSLContext:
    """The pass's own certificate opens the connection. Python reads it from a file only."""
    context = ssl.create_default_context(cafile=settings.APNS_CA_FILE or None)
    with NamedTemporaryFile(suffix=".pem") as file:  # for this user alone, and gone at once
        file.write(identity.certificate_pem + identity.key_pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context
