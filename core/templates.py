"""Jinja set up for pages that say the same words many times: looked up once for each language, imports kept.

Flask-Babel asks for the catalogue at every word, and Jinja compares all globals at every `{% from ... import %}`; on a
page with a hundred words and twenty imports these two cost as much as the page itself.
"""

from typing import Any, Final

from flask import Flask, current_app, g
from flask_babel import get_locale, get_translations, gettext  # type: ignore[attr-defined]
from jinja2 import Template, pass_eval_context
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from markupsafe import Markup

_KEY: Final = "fullcircle.words"
Words = dict[str, tuple[Markup, Markup]]


class KeptTemplate(Template):
    """A template whose macros are loaded once: parts use globals alone, and globals are the same for all pages."""

    def _get_default_module(self, ctx: Context | None = None) -> Any:
        return super()._get_default_module(None)


def init(app: Flask) -> None:
    """Switch both on. Call after Flask-Babel is set up."""
    app.extensions[_KEY] = {}
    app.jinja_env.template_class = KeptTemplate
    app.jinja_env.globals.update({"_": word, "gettext": word, "ngettext": plural})


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


def _words() -> Words:
    """What was looked up already in the language of the moment; a forced language has its own."""
    locale = getattr(g.get("_flask_babel"), "babel_locale", None) or get_locale()
    kept: tuple[Any, Words] | None = g.get("template_words")
    if kept is not None and kept[0] is locale:
        return kept[1]
    tables: dict[str, Words] = current_app.extensions[_KEY]
    words = tables.setdefault(str(locale or "en"), {})
    g.template_words = (locale, words)
    return words
