"""Giving threads their topics."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db, insert_ignore
from core.errors import Refused, require
from core.viewer import Viewer
from forum import policy
from forum.models import Tag, Thread, ThreadTag

MOST_TAGS: Final = 5


def set_tags(thread: Thread, names: Sequence[str]) -> None:
    """Make `names` (already checked) the thread's only tags; unknown ones come into being."""
    wanted = sorted(dict.fromkeys(names))
    if len(wanted) > MOST_TAGS:
        raise Refused(
            _("At most %(number)s tags, please.", number=MOST_TAGS), fields={"tags": _("Too many tags.")}
        )
    text = " ".join(wanted)
    if thread.tags == text:
        return
    db.session.execute(sa.delete(ThreadTag).where(ThreadTag.thread_id == thread.id))
    thread.tags = text
    if wanted:
        moment = clock.now()
        insert_ignore(Tag.__table__, [{"name": n, "description": "", "created_at": moment} for n in wanted])
        ids = db.session.execute(sa.select(Tag.id).where(Tag.name.in_(wanted))).scalars()
        insert_ignore(ThreadTag.__table__, [{"thread_id": thread.id, "tag_id": tag_id} for tag_id in ids])


def describe_tag(actor: Viewer, tag: Tag, description: str) -> Tag:
    """Say what a tag is for; shown on its page."""
    require(policy.may_describe_tags(actor))
    tag.description = description
    return tag
