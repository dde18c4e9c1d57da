"""What stands before a post: drafts kept on the server, and pictures on their way into one."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock, files
from core.db import change, db, upsert
from core.errors import Refused, require
from core.files import Picture
from core.prepared import PreparedChange
from core.viewer import Viewer
from forum import policy
from forum.models import Attachment, Draft

MOST_DRAFTS: Final = 200
MOST_UNPLACED: Final = 100


def save_draft(actor: Viewer, key: str, fields: Mapping[str, Any]) -> None:
    """Keep unsent writing under its key (`thread`, `reply:7`, `edit:12`); saving nothing discards it."""
    require(policy.may_keep_draft(actor))
    if not any(str(value).strip() for name, value in fields.items() if name in ("title", "body")):
        discard_draft(actor, key)
        return
    _refuse_too_many(actor, key)
    new = {"fields": dict(fields), "updated_at": clock.now()}
    upsert(Draft.__table__, {"person_id": actor.id, "key": key} | new, key=["person_id", "key"], change=new)


def _refuse_too_many(actor: Viewer, key: str) -> None:
    others = sa.select(sa.func.count()).where(Draft.person_id == actor.id, Draft.key != key)
    if (db.session.execute(others).scalar() or 0) >= MOST_DRAFTS:
        raise Refused(_("You keep %(number)s drafts already. Please discard some first.", number=MOST_DRAFTS))


_D: Final = Draft.__table__.c
_DISCARD: Final = PreparedChange(
    sa.delete(Draft.__table__).where(  # type: ignore[arg-type]
        _D.person_id == sa.bindparam("me"), _D.key == sa.bindparam("draft_key")
    )
)


def discard_draft(actor: Viewer, key: str) -> None:
    """Forget a draft; also what posting does with the one it came from."""
    require(policy.may_keep_draft(actor))
    change(_DISCARD, {"me": actor.id, "draft_key": key})


def attach_picture(actor: Viewer, picture: Picture, name: str) -> Attachment:
    """Keep an uploaded picture. Its owner alone can read it until it stands in a post."""
    require(policy.may_attach_picture(actor))
    _refuse_hoard(actor)
    attachment = Attachment(
        key=files.put(picture.data, picture.content_type),
        public_id=secrets.token_urlsafe(15),
        owner_id=actor.id,
        name=name[:120],
        content_type=picture.content_type,
        size=len(picture.data),
        width=picture.width,
        height=picture.height,
        created_at=clock.now(),
    )
    db.session.add(attachment)
    db.session.flush()
    return attachment


def _refuse_hoard(actor: Viewer) -> None:
    waiting = sa.select(sa.func.count()).where(Attachment.owner_id == actor.id, Attachment.post_id.is_(None))
    if (db.session.execute(waiting).scalar() or 0) >= MOST_UNPLACED:
        raise Refused(_("Too many of your pictures are in no post yet. Please post some of them first."))
