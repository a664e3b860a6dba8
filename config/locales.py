"""The languages shoppers may read. Each is one file, `locale/<code>/LC_MESSAGES/django.po`; English is in the code.

    python -m config.locales

looks for words in the app and its pages, and adds new ones to every language with an empty translation. What Django
reads is compiled when the product starts, into the folder of its data: no compiled file is kept in the source.
"""

import io
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO, Any

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract, extract_javascript, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "locale"
ENGLISH = "en"

KEYWORDS = {
    "t": None,
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "n": (1, 2),
    "ngettext": (1, 2),
}
SOURCES = (
    ("config", "*.py"),
    ("loyalty", "*.py"),
    ("campaigns", "*.py"),
    ("static/pwa", "*.js"),
    ("templates/pwa", "*.html"),
    ("templates/public", "offer.html"),
    ("templates/public", "unsubscribe.html"),
    ("templates", "base_plain.html"),
    ("templates/components", "theme_switch.html"),
    ("templates/emails", "login_code.txt"),
)


def codes() -> list[str]:
    """The languages there is a file for, and English."""
    return [ENGLISH, *sorted(path.parent.parent.name for path in FOLDER.glob("*/LC_MESSAGES/django.po"))]


def languages() -> list[tuple[str, str]]:
    """(code, name in that language) for each."""
    return [(code, Locale.parse(code).get_display_name(code) or code) for code in codes()]


def catalogue(code: str) -> Catalog:
    """The translations into a language, with where each text stands."""
    with _file(code).open("rb") as file:
        return read_po(file, locale=code)


@cache
def words_of_scripts(code: str) -> dict[str, str | list[str]]:
    """What the scripts of the app say in this language: English -> translation, or its plural forms."""
    if code == ENGLISH:
        return {}
    return {
        message.id if isinstance(message.id, str) else message.id[0]: _forms(message.string)
        for message in catalogue(code)
        if any(place.endswith(".js") for place, _ in message.locations)
    }


def compiled_into(folder: Path) -> Path:
    """Write what gettext reads where it is missing or older than its source; return the folder."""
    for code in codes()[1:]:
        source, target = _file(code), folder / code / "LC_MESSAGES" / "django.mo"
        if target.exists() and target.stat().st_mtime_ns == source.stat().st_mtime_ns:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may start at once: each writes a file of its own, and the last one stays.
        unfinished = target.with_suffix(f".{os.getpid()}")
        with unfinished.open("wb") as file:
            write_mo(file, catalogue(code))
        os.utime(unfinished, ns=(source.stat().st_mtime_ns, source.stat().st_mtime_ns))
        unfinished.replace(target)
    return folder


def found() -> Catalog:
    """Every text in the sources that is to be translated."""
    catalog = Catalog(project="Regulars", charset="utf-8")
    for path in _sources():
        with path.open("rb") as file:
            for line, message, _, _ in extract(METHODS[path.suffix], file, keywords=KEYWORDS):
                catalog.add(message, locations=[(str(path.relative_to(ROOT)), line)])
    return catalog


def update() -> None:
    """Bring every language up to date with the sources."""
    template = found()
    for code in codes()[1:]:
        catalog = catalogue(code)
        begun = catalog.creation_date
        catalog.update(template, no_fuzzy_matching=True)
        # Neither line numbers nor today's date: a file changes when its texts do.
        catalog.creation_date = begun
        catalog.obsolete.clear()
        with _file(code).open("wb") as file:
            write_po(file, catalog, width=120, sort_output=True, include_lineno=False)


def _sources() -> Iterator[Path]:
    for folder, pattern in SOURCES:
        yield from sorted(path for path in (ROOT / folder).rglob(pattern) if "migrations" not in path.parts)


def _texts_of_page(file: IO[bytes], *how: Any, **options: Any) -> Iterator[Any]:
    """Babel reads no Django templates; Django rewrites one as Python in which only the texts are left."""
    lines = templatize(file.read().decode()).split("\n")
    return extract_python(io.BytesIO("\n".join(line.lstrip() for line in lines).encode()), *how, **options)


METHODS: dict[str, Any] = {
    ".py": extract_python,
    ".js": extract_javascript,
    ".html": _texts_of_page,
    ".txt": _texts_of_page,
}


def _file(code: str) -> Path:
    return FOLDER / code / "LC_MESSAGES" / "django.po"


def _forms(text: Any) -> str | list[str]:
    return text if isinstance(text, str) else list(text)


if __name__ == "__main__":
    update()
