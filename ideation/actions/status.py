"""Where an idea stands."""

from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Conflict, Refused, require
from core.outbox import record
from core.viewer import Viewer
from ideation import policy
from ideation.actions.locking import lock, touch
from ideation.events import IdeaStatusChanged
from ideation.models import DECLINED, SHIPPED, STATUSES, Idea, IdeaStatusChange


def change_status(actor: Viewer, idea: Idea, status: str, reason: str = "") -> None:
    """Set where an idea stands. Declining needs a public reason; `shipped` is set by publishing a release, not here.

    Raises Refused at the field to mend.
    """
    require(policy.may_triage(actor))
    reason = reason.strip()
    _refuse_status(status, reason)
    idea = lock(idea.id)
    if idea.merged_into_id is not None:
        raise Conflict(_("This idea was merged into another one. Set that one's status."))
    if idea.status == SHIPPED:
        raise Conflict(_("This idea has shipped already."))
    if (status, reason) != (idea.status, idea.status_reason):
        set_status(actor, idea, status, reason)


def _refuse_status(status: str, reason: str) -> None:
    if status not in STATUSES or status == SHIPPED:
        raise Refused(
            _("An idea becomes shipped when its release is published."),
            fields={"status": _("Choose a status. An idea becomes shipped when its release is published.")},
        )
    if status == DECLINED and not reason:
        raise Refused(
            _("Say why, in public: those who voted deserve to know."),
            fields={"reason": _("A declined idea needs a reason that everybody can read.")},
        )


def set_status(actor: Viewer, idea: Idea, status: str, reason: str = "") -> None:
    """Write the status and its history, on a held row. For `change_status` and releases, which asked their rules."""
    require(policy.may_triage(actor))
    previous, moment = idea.status, clock.now()
    idea.status, idea.status_reason, idea.status_at, idea.status_by_id = status, reason, moment, actor.id
    db.session.add(IdeaStatusChange(idea_id=idea.id, status=status, reason=reason, at=moment, by_id=actor.id))
    db.session.flush()
    touch(idea.thread_id)
    record(IdeaStatusChanged(idea.id, idea.thread_id, status, previous), actor=actor)
