"""One folder for each provider, each with a `SENDER`. A new folder here is all that a new provider needs."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from integrations.inbound.base import Sender


@cache
def senders() -> dict[str, Sender]:
    """By the last part of the address."""
    names = sorted(module.name for module in iter_modules(__path__))
    found = [import_module(f"{__name__}.{name}").SENDER for name in names]
    return {sender.name: sender for sender in found}
