"""Python's collector of garbage, told what lasts: a web process that has loaded keeps what it loaded.

Counting all of it again with every few hundred new objects costs a tenth of the start and of every page.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (5_000, 20, 50)  # a page makes some thousand objects, and nearly none of them in circles


@contextmanager
def lasting() -> Iterator[None]:
    """What is made inside stays for the life of the process, and is left out of every later collection."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
        gc.enable()
