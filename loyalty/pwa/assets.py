"""The files of the app, and the version they make together: a phone keeps one whole version, never parts of two."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders

from config import locales
from loyalty.models import Business
from loyalty.queries import brand

_APP = settings.BASE_DIR / "static" / "pwa"
_TEMPLATES = settings.BASE_DIR / "templates" / "pwa"
WORKER = Path(__file__).with_name("service_worker.js")
FONT = "vendor/inter/files/inter-latin-wght-normal.woff2"
_BESIDE = ("vendor/qr/index.js", "vendor/qr/decode.js", FONT)
# What the first screen needs, fetched side by side instead of one after the other.
FIRST = (
    *"main api dom i18n icons install layout live push router scans session store ui worker".split(),
    *"parts/offers parts/rewards screens/home screens/sign-in".split(),
)


def files() -> list[str]:
    """Names below STATIC_URL of everything the app is made of."""
    own = (path for pattern in ("*.js", "*.css") for path in _APP.rglob(pattern))
    return [*sorted(f"pwa/{path.relative_to(_APP).as_posix()}" for path in own), *_BESIDE]


def url(name: str) -> str:
    """Scripts import each other by plain names, so plain names are used throughout; the version is the app's own."""
    return f"{settings.STATIC_URL}{name}"


def first_modules() -> list[str]:
    return [url(f"pwa/{name}.js") for name in FIRST]


def version(business: Business) -> str:
    """Another one as soon as a file, a translation or the look of the business is another."""
    look = brand.brand()
    told = json.dumps(
        [files_digest(), business.name, business.legal_age, business.vertical, look.accent, look.logo_url]
    )
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def files_digest() -> str:
    return _read_files() if settings.DEBUG else _digest_of_this_process()


@lru_cache(maxsize=1)
def _digest_of_this_process() -> str:
    return _read_files()


def _read_files() -> str:
    digest = hashlib.sha256()
    paths = [finders.find(name) for name in files()]
    for path in [*paths, WORKER, *sorted(_TEMPLATES.glob("*")), *sorted(locales.FOLDER.rglob("*.po"))]:
        if path is not None:
            digest.update(Path(path).read_bytes())
    return digest.hexdigest()
