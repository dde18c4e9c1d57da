"""The page server's worker at scale: gunicorn's own, which lets a worker with less in hand take new connections first.

All workers of a page server wait at one socket, and who wakes first takes what is there: now and then one had all the
kept connections of a proxy, and the others' cores stood idle (`docs/decisions/0007-fair-workers.md`).
"""

import socket
import time
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker

STEP: Final = (
    0.0001  # seconds to wait for each connection in hand: longer than it takes an idle worker to wake
)
MOST: Final = 10  # connections that count


class FairThreadWorker(ThreadWorker):  # type: ignore[misc]
    """Threads for requests, one loop that accepts."""

    def accept(self, listener: socket.socket) -> Any:
        """Take a new connection, unless somebody with fewer was there in the meantime."""
        if self.nr_conns:
            time.sleep(min(self.nr_conns, MOST) * STEP)
        return super().accept(listener)
