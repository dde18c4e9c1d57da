"""Jinja set up for pages that say the same things many times: words, imports and whole pieces are kept.

Flask-Babel asks for the catalogue at every word, and Jinja compares all globals at every `{% from ... import %}`; on a
page with a hundred words and twenty imports these two cost as much as the page itself. And most of a page is the same
for everybody, or the same for its reader a moment ago: `drawn` keeps such pieces under all that they are made of, so
that there is nothing to invalidate. The largest are `spliced`: Jinja sees a short mark where they stand, and they go
into the answer as the bytes that they are kept as.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from flask import Flask, Response, has_request_context
from flask_babel import get_locale, get_translations, gettext  # type: ignore[attr-defined]
from jinja2 import Template, pass_eval_context
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from markupsafe import Markup

from core.assets import asset
from core.context import here
from core.shelf import Shelf
from core.sign_in import viewer

_KEY: Final = "fullcircle.words"
_DRAWN: Final = "fullcircle.drawn"
_SPLICED: Final = "fullcircle.spliced"
KEPT_BYTES: Final = 64_000_000
KEPT_SECONDS: Final = 3600.0
BESIDE: Final = 1_000  # bytes of a piece besides its text
Words = dict[str, tuple[Markup, Markup]]


class KeptTemplate(Template):
    """A template whose macros are loaded once: parts use globals alone, and globals are the same for all pages."""

    def _get_default_module(self, ctx: Context | None = None) -> Any:
        return super()._get_default_module(None)


def init(app: Flask) -> None:
    """Switch both on. Call after Flask-Babel is set up."""
    app.extensions[_KEY] = {}
    app.extensions[_DRAWN] = Shelf[Markup](KEPT_BYTES, KEPT_SECONDS)
    app.extensions[_SPLICED] = Shelf[bytes](KEPT_BYTES, KEPT_SECONDS)
    app.jinja_env.template_class = KeptTemplate
    app.jinja_env.globals.update(
        {"_": word, "gettext": word, "ngettext": plural, "drawn": drawn, "spliced": spliced}
    )


def drawn(template: str, macro: str, /, *arguments: Any) -> Markup:
    """What `macro` of `template` makes of these arguments, all of them hashable, kept for the next time.

    A macro drawn like this may depend on nothing else but the language, the reader's zone, and where the site is
    mounted: it reads neither the viewer nor the request.
    """
    context = here()
    shelf: Shelf[Markup] = context.app.extensions[_DRAWN]
    key = (template, macro, _where(context.g), arguments)
    piece = shelf.get(key)
    if piece is None:
        piece = _draw(context.app, template, macro, arguments)
        shelf.put(key, piece, 2 * len(piece) + BESIDE)  # what it was drawn from is kept with it
    return piece


def _draw(app: Flask, template: str, macro: str, arguments: Sequence[Any]) -> Markup:
    module: Any = app.jinja_env.get_template(template).module
    return Markup(getattr(module, macro)(*arguments))  # noqa: S704 - a macro's own output


@dataclass(slots=True)
class Splices:
    """What stands behind the marks of this request's page. Nobody can write a mark who does not know its secret."""

    mark: str = field(default_factory=lambda: f"<!{secrets.token_hex(8)}:")
    pieces: list[bytes] = field(default_factory=list)

    def add(self, piece: bytes) -> Markup:
        """The mark that stands for it."""
        self.pieces.append(piece)
        return Markup(f"{self.mark}{len(self.pieces) - 1}>")  # noqa: S704 - ours alone

    def put_in(self, text: str) -> bytes:
        """The whole page."""
        first, *marked = text.split(self.mark)
        found = [first.encode()]
        for part in marked:
            number, _end, rest = part.partition(">")
            found += (self.pieces[int(number)], rest.encode())
        return b"".join(found)


def spliced(template: str, macro: str, /, *arguments: Any) -> Markup:
    """As `drawn`, for a large piece of a page and from a page's own template only.

    A page of tens of kilobytes would else be copied at every level of its templates, and encoded, for every reader.
    """
    if not has_request_context():
        return drawn(template, macro, *arguments)
    context = here()
    shelf: Shelf[bytes] = context.app.extensions[_SPLICED]
    key = (template, macro, _where(context.g), arguments)
    piece = shelf.get(key)
    if piece is None:
        piece = _draw(context.app, template, macro, arguments).encode()
        shelf.put(key, piece, len(piece) + BESIDE)
    splices: Splices | None = context.g.get("template_splices")
    if splices is None:
        splices = context.g.template_splices = Splices()
    return splices.add(piece)


def whole(answer: Any) -> Any:
    """What a view returned, with the spliced pieces in their places if its body is a page that has some."""
    splices: Splices | None = here().g.get("template_splices")
    if splices is None:
        return answer
    if isinstance(answer, str):
        return splices.put_in(answer)
    if isinstance(answer, tuple):
        return (whole(answer[0]), *answer[1:])
    if isinstance(answer, Response) and not answer.is_streamed:
        answer.set_data(splices.put_in(answer.get_data(as_text=True)))
    return answer


@pass_eval_context
def word(context: EvalContext, message: str, /, **variables: Any) -> str:
    """The message in the reader's language, with variables put in (escaped where the template escapes)."""
    words = _words()
    found = words.get(message)
    if found is None:
        text = Markup(gettext(message))  # noqa: S704 - catalogues are the product's own
        found = words[message] = (text, text if "%(" in text else text % {})
    if context.autoescape:
        return found[0] % variables if variables else found[1]
    return str(found[0]) % variables if variables else str(found[1])


@pass_eval_context
def plural(context: EvalContext, singular: str, several: str, number: int, /, **variables: Any) -> str:
    """The message in the plural form that the language has for `number`, which the message knows as `num`."""
    text = str(get_translations().ungettext(singular, several, number))
    values = {"num": number} | variables
    return Markup(text) % values if context.autoescape else text % values  # noqa: S704


def _where(kept: Any) -> tuple[str, ...]:
    """What a kept piece depends on besides its arguments: language, zone, and where files are served."""
    locale, found = _locale(kept), kept.get("template_where")
    if found is None or found[0] is not locale:
        where = (str(locale or "en"), viewer().timezone or "UTC", asset(""))
        found = kept.template_where = (locale, where)
    return cast(tuple[str, ...], found[1])


def _words() -> Words:
    """What was looked up already in the language of the moment; a forced language has its own."""
    context = here()
    locale, found = _locale(context.g), context.g.get("template_words")
    if found is None or found[0] is not locale:
        tables: dict[str, Words] = context.app.extensions[_KEY]
        found = context.g.template_words = (locale, tables.setdefault(str(locale or "en"), {}))
    return cast(Words, found[1])


def _locale(kept: Any) -> Any:
    """The language of the moment, without the detour that `get_locale` takes every time."""
    return getattr(kept.get("_flask_babel"), "babel_locale", None) or get_locale()
