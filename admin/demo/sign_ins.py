"""The demo people's passwords: random for each installation, kept beside its data, printed at start."""

import json
import os
import secrets
from collections.abc import Callable
from typing import Final

from core.config import Settings
from core.disk import make_folder, write_whole

CAST: Final = {
    "ana": ("Ana", "customer", ("customer",)),
    "ben": ("Ben", "power user", ("customer",)),
    "cleo": ("Cleo", "product manager", ("product_manager",)),
    "dev": ("Dev", "agent and moderator", ("agent", "moderator")),
    "sam": ("Sam", "supervisor", ("supervisor",)),
    "olu": ("Olu", "owner", ("owner",)),
}
_WORDS: Final = (
    "amber", "anchor", "autumn", "basil", "birch", "breeze", "cedar", "clover", "cobalt", "coral",
    "delta", "ember", "fern", "garnet", "harbour", "hazel", "heron", "ivory", "juniper", "lagoon",
    "lantern", "linen", "maple", "marble", "meadow", "mosaic", "nectar", "ocean", "olive", "orchid",
    "pebble", "plum", "quartz", "river", "saffron", "silver", "sparrow", "summit", "thistle", "timber",
    "topaz", "velvet", "violet", "walnut", "willow", "winter", "zephyr",
)  # fmt: skip


def make_passwords(settings: Settings) -> dict[str, str]:
    """A password for each of the cast, written where only this installation's owner can read it."""
    made = {handle: "-".join(secrets.choice(_WORDS) for _ in range(5)) for handle in CAST}
    make_folder(settings.var_dir)
    path = settings.var_dir / "demo_sign_ins.json"
    write_whole(path, json.dumps(made, indent=1).encode())
    os.chmod(path, 0o600)
    return made


def print_sign_ins(settings: Settings, say: Callable[[str], None]) -> None:
    """Say who can sign in and how; nothing where there is no demo."""
    path = settings.var_dir / "demo_sign_ins.json"
    if not path.exists():
        return
    passwords = json.loads(path.read_text(encoding="utf-8"))
    say("Demo sign-ins (made for this installation):")
    for handle, password in passwords.items():
        name, what, _ = CAST[handle]
        say(f"  {name:5} {what:20} {address_of(handle):24} {password}")


def address_of(handle: str) -> str:
    """The mail address of one of the cast; `.example` belongs to nobody."""
    return f"{handle}@tidewater.example"
