"""Every write of listening, by subject; the names to use from elsewhere stand here."""

from listening.actions.contact import allow_contact, refuse_contact
from listening.actions.mentions import dismiss, link_to_idea, make_thread, raise_idea, reopen
from listening.actions.receiving import keep_checked_html, receive, receive_delivery, sweep_deliveries
from listening.actions.replies import (
    approve_reply,
    confirm_posted,
    discard_reply,
    draft_reply,
    edit_reply,
    redraft_reply,
    restore_reply,
    send_again,
    settle_unknown,
    write_reply,
)
from listening.actions.sending import begin_sending, note_outcome
from listening.actions.sources import (
    claim_check,
    create_source,
    edit_source,
    note_failure,
    note_unchanged,
    pause_source,
    remove_source,
    renew_secret,
    resume_source,
    want_check,
)

__all__ = [
    "allow_contact",
    "approve_reply",
    "begin_sending",
    "claim_check",
    "confirm_posted",
    "create_source",
    "discard_reply",
    "dismiss",
    "draft_reply",
    "edit_reply",
    "edit_source",
    "keep_checked_html",
    "link_to_idea",
    "make_thread",
    "note_failure",
    "note_outcome",
    "note_unchanged",
    "pause_source",
    "raise_idea",
    "receive",
    "receive_delivery",
    "redraft_reply",
    "refuse_contact",
    "remove_source",
    "renew_secret",
    "reopen",
    "restore_reply",
    "resume_source",
    "send_again",
    "settle_unknown",
    "sweep_deliveries",
    "want_check",
    "write_reply",
]
