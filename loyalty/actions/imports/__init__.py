from loyalty.actions.imports.files import DELIMITERS, ENCODINGS, UnreadableFile, examine
from loyalty.actions.imports.importer import Progress, Reading, Report, import_file
from loyalty.actions.imports.runs import (
    LARGEST_UPLOAD,
    BadReading,
    WrongState,
    cancel,
    change_reading,
    run,
    start_check,
    start_import,
    take_in,
    topic,
    waiting,
)
from loyalty.actions.imports.turns import AnotherImportIsRunning

__all__ = [
    "DELIMITERS",
    "ENCODINGS",
    "LARGEST_UPLOAD",
    "AnotherImportIsRunning",
    "BadReading",
    "Progress",
    "Reading",
    "Report",
    "UnreadableFile",
    "WrongState",
    "cancel",
    "change_reading",
    "examine",
    "import_file",
    "run",
    "start_check",
    "start_import",
    "take_in",
    "topic",
    "waiting",
]
