"""Routes of the letters kept at home."""

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from admin.views.base import administrator, blueprint
from core import mail, web
from core.errors import NotFound
from core.headers import content_policy
from core.mail import MailView

PAGE = 50
# A letter's HTML stands alone in a frame: no scripts, no forms, no links out, no pictures from elsewhere.
FRAME_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


@blueprint.get("/admin/mail")
def mail_outbox() -> ResponseReturnValue:
    """The letters kept at home."""
    administrator()
    letters = mail.outbox(PAGE + 1, request.args.get("before") or None)
    return render_template("admin/mail.html", letters=letters[:PAGE], has_more=len(letters) > PAGE)


@blueprint.get("/admin/mail/<key>")
def one_letter(key: str) -> ResponseReturnValue:
    """One letter as its reader has it: the text, and the HTML in a frame that can do nothing."""
    administrator()
    page = Response(render_template("admin/letter.html", letter=_letter(key)))
    policy = content_policy(web.nonce())
    page.headers["Content-Security-Policy"] = f"{policy}; frame-src 'self'"
    return page


@blueprint.get("/admin/mail/<key>/html")
def letter_html(key: str) -> ResponseReturnValue:
    """The HTML part for the frame on its letter's page."""
    administrator()
    html = _letter(key).html
    if html is None:
        raise NotFound
    page = Response(html)
    page.headers["Content-Security-Policy"] = FRAME_POLICY
    page.headers["X-Frame-Options"] = "SAMEORIGIN"
    return page


def _letter(key: str) -> MailView:
    found = mail.read(key)
    if found is None:
        raise NotFound
    return found
