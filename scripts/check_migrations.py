"""Fail when the history of migrations has more than one end: `python -m scripts.check_migrations`."""

import sys

from alembic.script import ScriptDirectory


def main() -> int:
    """Returns 0 when there is exactly one head."""
    heads = ScriptDirectory("migrations").get_heads()
    if len(heads) == 1:
        return 0
    print(f"migrations/ must have one head, it has {len(heads)}: {', '.join(heads) or 'none'}.")
    print("Two branches? Set down_revision of the newer one to the other's revision.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
