"""Telling whoever waits at a terminal how far an import is: one line that changes, or a line every few seconds."""

import sys
import time
from typing import Final, TextIO

EVERY_ON_TERMINAL: Final = 0.1
EVERY_IN_LOG: Final = 5.0
_WIDTH: Final = 28


class Progress:
    """A bar on a terminal; elsewhere plain lines, so that a log stays readable."""

    def __init__(self, is_terminal: bool, out: TextIO | None = None) -> None:
        self.is_terminal = is_terminal
        self.out = out or sys.stderr
        self.shown_at = 0.0
        self.words = ""

    def show(self, words: str, done: int, total: int) -> None:
        """`done` of `total` of what `words` name, told when it is time or when all is done."""
        is_due = time.monotonic() - self.shown_at >= (EVERY_ON_TERMINAL if self.is_terminal else EVERY_IN_LOG)
        if not is_due and done < total and words == self.words:
            return
        if self.is_terminal and words != self.words and self.words:
            self.out.write("\n")
        self.shown_at, self.words = time.monotonic(), words
        self.out.write(self._line(words, min(done, total), max(1, total)))
        self.out.flush()

    def _line(self, words: str, done: int, total: int) -> str:
        percent = 100 * done // total
        if not self.is_terminal:
            return f"{words}: {percent} % ({done:,} of {total:,})\n"
        bar = "#" * (_WIDTH * done // total)
        return f"\r{words:<24} [{bar:<{_WIDTH}}] {percent:3} %  {done:,} of {total:,}\033[K"

    def end(self) -> None:
        """Leave the line of the bar."""
        if self.is_terminal and self.words:
            self.out.write("\n")
            self.out.flush()
