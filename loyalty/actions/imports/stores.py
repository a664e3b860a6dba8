"""Which store a line means: tills write its code, people its name."""

from collections import Counter
from zoneinfo import ZoneInfo

from loyalty.actions.imports.entering import NAMELESS_STORE
from loyalty.models import Store


class Stores:
    """The stores there are. `named` gathers those that a file called by their name, not by their code: name -> code."""

    def __init__(self, stores: list[Store], *, time_zone: str) -> None:
        """`time_zone` is that of stores that are new."""
        names = Counter(store.name.casefold() for store in stores)
        self._by_code = {store.code: store for store in stores}
        self._by_name = {name: store for store in stores if names[name := store.name.casefold()] == 1}
        self._zones = {store.code: ZoneInfo(store.time_zone) for store in stores}
        self._zone_of_new = ZoneInfo(time_zone)
        self.named: dict[str, str] = {}

    @classmethod
    def known(cls, time_zone: str) -> "Stores":
        return cls(list(Store.objects.all()), time_zone=time_zone)

    def code_of(self, said: str) -> str:
        """The code itself, else that of the only store with this name, else a new store's."""
        if not said:
            return NAMELESS_STORE
        if said in self._by_code or (store := self._by_name.get(said.casefold())) is None:
            return said
        self.named[store.name] = store.code
        return store.code

    def zone_of(self, said: str) -> ZoneInfo:
        return self._zones.get(self.code_of(said), self._zone_of_new)
