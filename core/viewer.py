"""Who is looking or acting: plain values, never a database object, so that policies and templates cannot query."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

VISITOR, MEMBER, STAFF = 0, 1, 2
ROLES: Final = ("customer", "agent", "moderator", "product_manager", "supervisor", "owner")
STAFF_ROLES: Final = frozenset(ROLES[1:])


@dataclass(frozen=True, slots=True)
class Viewer:
    """A visitor, a signed-in person, or the system itself; also what flask-login calls the current user."""

    id: int | None = None
    name: str = ""
    handle: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    level: int = 0
    locale: str = ""
    timezone: str = ""
    theme: str = ""
    avatar_key: str = ""
    banned_until: datetime | None = None
    session_id: int | None = None
    session_fresh_at: datetime | None = None
    session_seen_at: datetime | None = None
    token: str = ""
    is_system: bool = False

    @classmethod
    def visitor(cls, locale: str = "", timezone: str = "", theme: str = "") -> "Viewer":
        """Somebody who is not signed in."""
        return cls(locale=locale, timezone=timezone, theme=theme)

    @classmethod
    def system(cls) -> "Viewer":
        """The product itself: imports, schedules and reactions to events."""
        return cls(name="Fullcircle", roles=frozenset(ROLES), is_system=True)

    @property
    def avatar_url(self) -> str:
        """Where the person's picture is served; empty when the initials stand in."""
        return f"/avatars/{self.avatar_key}" if self.avatar_key else ""

    @property
    def clearance(self) -> int:
        """0 visitor, 1 member, 2 staff: rows with `access <= clearance` may be seen."""
        if self.is_system or self.is_staff:
            return STAFF
        return MEMBER if self.is_member else VISITOR

    @property
    def is_member(self) -> bool:
        """Signed in."""
        return self.id is not None

    @property
    def is_staff(self) -> bool:
        """Has any role of the company's own people."""
        return bool(self.roles & STAFF_ROLES)

    def has(self, *roles: str) -> bool:
        """Has one of these roles; the owner has them all."""
        return "owner" in self.roles or not self.roles.isdisjoint(roles)

    @property
    def is_authenticated(self) -> bool:
        """For flask-login."""
        return self.is_member

    @property
    def is_active(self) -> bool:
        """For flask-login: a banned person's sessions are ended, so whoever has one is active."""
        return True

    @property
    def is_anonymous(self) -> bool:
        """For flask-login."""
        return not self.is_member

    def get_id(self) -> str:
        """The token of the server-side session record (never the person's id)."""
        return self.token
