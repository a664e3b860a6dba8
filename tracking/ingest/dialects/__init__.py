"""One module for each family of SDKs, each with a `DIALECT`. A new file here is all that a new family needs."""

from importlib import import_module
from pkgutil import iter_modules

from tracking.ingest.neutral import Dialect


def dialects() -> list[Dialect]:
    names = sorted(module.name for module in iter_modules(__path__))
    return [import_module(f"{__name__}.{name}").DIALECT for name in names]
