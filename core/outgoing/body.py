"""Unpacking an answer piece by piece, under a limit that counts what comes out."""

import zlib
from typing import Any, Final

from flask_babel import gettext as _

from core.outgoing.errors import OutgoingFailed, too_large

MAX_GZIP_MEMBERS: Final = 64


class Parcel:
    """A body being unpacked; never holds more than `limit` bytes and one piece from the network."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._limit = limit
        self._arrived = 0
        self._content = bytearray()
        self._members = 0
        self._gzip: Any = None
        if encoding.strip().lower() in ("gzip", "x-gzip"):
            self._open_member()
        elif encoding.strip().lower() not in ("", "identity"):
            raise OutgoingFailed(
                _("The answer is packed with %(encoding)s, which was not asked for.", encoding=encoding[:30])
            )

    def _open_member(self) -> None:
        self._members += 1
        if self._members > MAX_GZIP_MEMBERS:
            raise OutgoingFailed(_("The answer is packed in too many parts."))
        self._gzip = zlib.decompressobj(wbits=31)

    def add(self, piece: bytes) -> None:
        """Take the next piece from the network."""
        self._arrived += len(piece)
        if self._arrived > self._limit:
            raise too_large(self._limit)
        if self._gzip is None:
            self._content += piece
        else:
            self._unpack(piece)

    def _unpack(self, piece: bytes) -> None:
        while piece:
            if self._gzip.eof:
                self._open_member()
            try:
                self._content += self._gzip.decompress(piece, self._limit + 1 - len(self._content))
            except zlib.error as problem:
                raise OutgoingFailed(_("The packed answer is damaged.")) from problem
            if len(self._content) > self._limit:
                raise too_large(self._limit)
            piece = self._gzip.unconsumed_tail or self._gzip.unused_data

    def content(self) -> bytes:
        """The whole; raises OutgoingFailed when the packed form ended early."""
        if self._gzip is not None and self._arrived and not self._gzip.eof:
            raise OutgoingFailed(_("The packed answer is damaged."))
        return bytes(self._content)
