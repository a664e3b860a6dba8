"""Python's garbage collector, told what it need not look through."""

import gc


def leave_imports_alone() -> None:
    """What is here now stays for as long as the process does. Looking through it again and again took a third of the
    time in which a worker sends; young garbage is looked for less often, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
