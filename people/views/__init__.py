"""Routes of people: one blueprint, one module for each part of the site it serves."""

from core.sign_in import login_manager
from people.queries import viewer_of_token
from people.views import (
    invitations,
    moderation,
    profiles,
    recovery,
    registering,
    sessions,
    settings,
    setup,
    sign_in,
)
from people.views.blueprint import blueprint

__all__ = [
    "blueprint",
    "invitations",
    "moderation",
    "profiles",
    "recovery",
    "registering",
    "sessions",
    "settings",
    "setup",
    "sign_in",
]

login_manager.user_loader(viewer_of_token)
