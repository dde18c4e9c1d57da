"""Bytes of a feed as text: the few encodings of the web, by what the feed says, never by guessing."""

import codecs
import re
from typing import Final

from flask_babel import gettext as _

from listening.connectors.item import Unreadable

# Python's names of the encodings that text on the web is written in. Others (utf-7, punycode ...) are tricks.
_KNOWN: Final = frozenset(
    (
        *(
            "utf-8",
            "utf-16-le",
            "utf-16-be",
            "utf-32-le",
            "utf-32-be",
            "ascii",
            "koi8-r",
            "koi8-u",
            "tis-620",
        ),
        *(f"iso8859-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)),
        *(
            f"cp{number}"
            for number in (866, 874, 932, 949, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)
        ),
        *("big5", "big5hkscs", "gb2312", "gbk", "gb18030", "euc_jp", "euc_kr", "shift_jis", "iso2022_jp"),
    )
)
# On the web these labels mean the larger set of their family.
_WIDER: Final = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
_BEGINNINGS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0?\0", "utf-16-le"),
    (b"\0<\0?", "utf-16-be"),
)
_DECLARED: Final = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_.:-]{1,40})[\"']")
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.I)


def decoded(body: bytes, content_type: str) -> str:
    """The text: by its first bytes, else its XML declaration, else the answer's charset, else UTF-8.

    Raises Unreadable, naming the encoding, when the bytes do not fit or nobody knows it.
    """
    for beginning, codec in _BEGINNINGS:
        if body.startswith(beginning):
            return _strictly(body, codec, codec).removeprefix("\ufeff")
    declared = _DECLARED.match(body)
    charset = _CHARSET.search(content_type)
    label = declared[1].decode() if declared else (charset[1] if charset else "utf-8")
    if label.lower().startswith(("utf-16", "utf-32", "ucs", "iso-10646")):
        label = "utf-8"  # the declaration could be read byte by byte, so it is not true
    return _strictly(body, _codec_of(label), label)


def _codec_of(label: str) -> str:
    try:
        name = codecs.lookup(label).name
    except LookupError:
        name = ""
    if name not in _KNOWN:
        message = _("The feed says it is written in %(encoding)s, which cannot be read here.", encoding=label)
        raise Unreadable(message)
    return _WIDER.get(name, name)


def _strictly(body: bytes, codec: str, label: str) -> str:
    try:
        return body.decode(codec)
    except UnicodeDecodeError as problem:
        message = _(
            "The feed says it is written in %(encoding)s, but byte %(place)s does not fit that. "
            "Its publisher must mend the encoding.",
            encoding=label,
            place=problem.start + 1,
        )
        raise Unreadable(message) from None
