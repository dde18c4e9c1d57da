"""A bare app that has the face and nothing beneath it: templates, assets, plain values for the rest."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, current_app, render_template, render_template_string, request
from markupsafe import Markup
from werkzeug.serving import make_server

from core import assets
from core.config import Settings
from core.errors import NotFound
from core.frame import Around, framed

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)
WRITE = """{% extends "base.html" %}
{% from "parts/forms.html" import markdown_field, field, browser_zone %}
{% from "parts/votes.html" import vote_box %}
{% block main %}<form class="form" method="post" action="/write">{{ browser_zone() }}{{ field("Title", "title") }}
{{ markdown_field("Question", draft_url="/drafts/1", mentions_url="/people/suggestions") }}</form>
{{ vote_box(3, false, "/vote", "Vote", may_vote=viewer.is_member, sign_in_url="/sign-in") }}{% endblock %}"""
VOTED = '{% from "parts/votes.html" import vote_box %}{{ vote_box(4, true, "/vote", "Vote") }}'
SUGGESTIONS = '<li role="option" data-value="@ben">Ben Okafor</li>'
MOMENT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def face() -> Flask:
    """/parts shows the gallery to Ana (?visitor, ?staff, ?rtl); what is PUT to /drafts/1 is remembered."""
    made = Flask("face", root_path=str(Path(assets.__file__).parents[1]), static_folder=None)
    made.secret_key = "face"
    made.jinja_env.add_extension("jinja2.ext.i18n")
    made.jinja_env.install_gettext_callables(lambda s: s, lambda s, p, n: s if n == 1 else p, newstyle=True)
    made.jinja_env.trim_blocks = made.jinja_env.lstrip_blocks = True
    made.jinja_env.filters.update(iso=datetime.isoformat, instant=lambda value: f"{value:%d %b %Y, %H:%M}")
    made.jinja_env.globals["csrf_token"] = lambda: "token-of-the-form"
    made.jinja_env.globals |= {"drawn": _drawn, "spliced": _drawn, "framed": framed, "around": _around}
    made.context_processor(_values)
    made.after_request(_guard)
    made.register_error_handler(NotFound, lambda _error: ("", 404))
    assets.init(made, Settings())
    made.extensions |= {"drafts": [], "votes": []}
    made.add_url_rule("/parts", "parts", lambda: render_template("parts_gallery.html", moment=MOMENT))
    made.add_url_rule("/drafts/1", "draft", _draft, methods=["GET", "PUT"])
    made.add_url_rule("/vote", "vote", _vote, methods=["POST"])
    made.add_url_rule("/people/suggestions", "suggest", lambda: SUGGESTIONS)
    made.add_url_rule("/write", "write", lambda: render_template_string(WRITE))
    made.add_url_rule(
        "/events/poll", "poll", lambda: {"messages": [{"type": "bell", "count": 9}], "cursor": "1"}
    )
    return made


def _drawn(template: str, macro: str, *arguments: object) -> Markup:
    """As `drawn` and `spliced` of core.templates, but nothing is kept."""
    module: Any = current_app.jinja_env.get_template(template).module
    return Markup(getattr(module, macro)(*arguments))


def _values() -> dict[str, Any]:
    member = "visitor" not in request.args
    who = {"id": 7, "name": "Ana Lima", "handle": "ana", "theme": "", "avatar_url": ""}
    viewer = SimpleNamespace(is_member=member, is_staff="staff" in request.args, **who)
    site = SimpleNamespace(name="Northwind <Community>", tagline="Ask and answer.", logo_url="", brand_url="")
    rtl = "rtl" in request.args
    return {
        "viewer": viewer,
        "site": site,
        "lang": "ar" if rtl else "en",
        "direction": "rtl" if rtl else "ltr",
    }


def _around() -> Around:
    values = _values()
    is_member, is_staff = values["viewer"].is_member, values["viewer"].is_staff
    token, waiting = "token-of-the-form" if is_member else "", (0, 0) if is_staff else None
    return Around(**values, root="", token=token, waiting=waiting)


def _guard(response: Any) -> Any:
    response.headers["Content-Security-Policy"] = CSP
    return response


def _vote() -> Any:
    current_app.extensions["votes"].append((request.headers.get("X-CSRFToken"), request.form.to_dict()))
    return render_template_string(VOTED)


def _draft() -> Any:
    if request.method == "GET":
        return "", 204
    current_app.extensions["drafts"].append((request.headers.get("X-CSRFToken"), request.get_json()))
    return "", 204


@pytest.fixture(scope="session")
def face_url(face: Flask) -> Iterator[str]:
    """Address of the bare app, served on loopback."""
    server = make_server("127.0.0.1", 0, face, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
