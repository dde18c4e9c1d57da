"""One line of a post, read from left to right in columns rather than characters."""

import re


class Line:
    """A cursor over one line that counts columns, tabs being stops of four."""

    __slots__ = ("at", "column", "indent", "next", "spare", "text", "used")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = self.column = self.spare = 0
        self.used = False
        self._look()

    def _look(self) -> None:
        """Find the next character that is not white space, and how many columns lie before it."""
        column = self.column + self.spare
        at = self.at
        while (character := self.text[at : at + 1]) and character in " \t":
            column += 1 if character == " " else 4 - column % 4
            at += 1
        self.next = at
        self.indent = column - self.column

    @property
    def blank(self) -> bool:
        return self.next == len(self.text)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Match at the next character that is not white space."""
        return pattern.match(self.text, self.next)

    def skip(self, columns: int) -> None:
        """Go over up to `columns` columns of white space; a tab may be cut in two."""
        cut = min(columns, self.spare)
        self.spare -= cut
        self.column += cut
        columns -= cut
        while columns and self.text[self.at : self.at + 1] in (" ", "\t"):
            width = 1 if self.text[self.at] == " " else 4 - self.column % 4
            self.at += 1
            self.spare = max(0, width - columns)
            self.column += width - self.spare
            columns -= width - self.spare
        self._look()

    def take(self, length: int) -> None:
        """Go over white space and `length` characters of markup."""
        self.column += self.indent + length
        self.at = self.next + length
        self.spare = 0
        self._look()

    def use_up(self) -> str:
        """Take everything that is left, as markup; returns it without white space around it."""
        left = self.text[self.next :].strip(" \t")
        self.at = self.next = len(self.text)
        self.used = True
        return left

    def rest(self) -> str:
        return " " * self.spare + self.text[self.at :]

    def trimmed(self) -> str:
        return self.text[self.next :]
