"""Who may see and do what at the desk and in the administration."""

from core.viewer import Viewer


def may_see_desk(viewer: Viewer) -> bool:
    """The queue of cases and flags."""
    return viewer.has("agent", "moderator", "supervisor")


def may_see_circle(viewer: Viewer) -> bool:
    """The circle in numbers is for everybody on the team."""
    return viewer.is_staff


def may_administer(viewer: Viewer) -> bool:
    """Settings, brand, people and roles, mail outbox, dead letters."""
    return viewer.has("owner")


def may_see_log(viewer: Viewer) -> bool:
    """The log of what moderators and the team did."""
    return viewer.has("moderator", "supervisor")
