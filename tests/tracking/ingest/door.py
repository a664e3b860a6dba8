"""The way in, driven from a test as an SDK drives it: real requests to the real application over a real database."""

from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal

from tracking.actions import partners
from tracking.ingest.app import IngestApp
from tracking.models import PartnerSystem, ReceivedEvent, SystemKey


class Door:
    """The application in a loop of its own. It sees what is committed, and only that."""

    def __init__(self, app: IngestApp) -> None:
        self.app = app
        self._opening = start_blocking_portal()

    def __enter__(self) -> "Door":
        self._portal: BlockingPortal = self._opening.__enter__()
        self._portal.call(self.app.start)
        transport = httpx2.ASGITransport(app=self.app)
        self._client = httpx2.AsyncClient(transport=transport, base_url="http://events.example", follow_redirects=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.call(self._client.aclose)
        self._portal.call(self.app.close)
        self._opening.__exit__(kind, fault, trace)

    def send(self, method: str, path: str, **how: Any) -> httpx2.Response:
        return self._portal.call(partial(self._client.request, method, path, **how))

    def run(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """In the application's own loop."""
        return self._portal.call(work)

    def post(self, path: str, body: Any = None, *, key: str = "", **how: Any) -> httpx2.Response:
        """`body` is sent as JSON unless it is bytes."""
        headers = {"x-write-key": key} if key else {}
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return self.send("POST", path, **content, headers=headers | how.pop("headers", {}), **how)


class Sender:
    """One system of a partner, and the keys it was given."""

    def __init__(self, partner: str = "Acme", name: str = "Website", *, events_per_second: int = 0) -> None:
        owner = partners.Partner.objects.filter(name=partner).first() or partners.add_partner(name=partner)
        self.system = partners.add_system(
            partner=owner, name=name, kind=PartnerSystem.Kind.WEBSITE, events_per_second=events_per_second
        )
        self._write_key = partners.add_write_key(system=self.system, by=None)
        self._pair = partners.add_pair(system=self.system, by=None)
        self.key = self._write_key.shown
        self.id, self.secret = self._pair.key.prefix, self._pair.shown
        self.pair = f"{self.id}:{self.secret}"

    @property
    def write_key(self) -> SystemKey:
        return self._write_key.key

    def stored(self) -> list[ReceivedEvent]:
        """In the order in which they came."""
        return list(ReceivedEvent.objects.filter(system_id=self.system.pk).order_by("received_at", "id"))

    def invalid(self) -> list[ReceivedEvent]:
        return [event for event in self.stored() if event.errors]
