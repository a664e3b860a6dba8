"""Which front-end packages are served, and from where.

The files are used as their authors ship them. Only the folders named here are served; Tabler's `dist/libs` never is,
because it bundles packages under other licences.
"""

from pathlib import Path

from django.contrib.staticfiles.apps import StaticFilesConfig

_PACKAGES = Path(__file__).resolve().parent.parent / "node_modules"

FOLDERS = [
    ("vendor/tabler/css", _PACKAGES / "@tabler/core/dist/css"),
    ("vendor/tabler/js", _PACKAGES / "@tabler/core/dist/js"),
    ("vendor/icons", _PACKAGES / "@tabler/icons-webfont/dist"),
    ("vendor/inter", _PACKAGES / "@fontsource-variable/inter"),
    ("vendor/echarts", _PACKAGES / "echarts/dist"),
    ("vendor/qr", _PACKAGES / "qr"),
    ("vendor/idiomorph", _PACKAGES / "idiomorph/dist"),
]


class StaticFiles(StaticFilesConfig):
    """Collects what the pages load, not the variants nobody asks for (right-to-left, unminified, sources)."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "*.rtl.*",
        "*.esm.*",
        "*.scss",
        "*.d.*",
        "*.md",
        "tabler-[!i]*.css*",
        "tabler-icons-*",
        "tabler-icons.html",
        "*-italic*",
        "*-opsz-*",
        "*-standard-*",
        "opsz.css",
        "standard.css",
        "echarts.[!m]*",
        "idiomorph-*",
        "idiomorph.js",
        "extension",
        "dom.js",
        "src",
        "package.json",
    ]
