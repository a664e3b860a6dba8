"""One file for each kind of destination, each with a `KIND`. A new file here is all that a new kind needs."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from integrations.outbound.base import Kind


@cache
def kinds() -> dict[str, type[Kind]]:
    """By name, in the order of their titles."""
    names = [module.name for module in iter_modules(__path__)]
    found: list[type[Kind]] = [import_module(f"{__name__}.{name}").KIND for name in names]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.title)}
