"""Makes and fills the database of the page benchmark, in a process of its own, and builds its search index."""

import sys

from app import create_app
from bench import dataset
from core import schema
from forum import tasks


def main() -> None:
    """Fill the database that the environment names."""
    app = create_app()
    with app.app_context():
        schema.bring_up()
        dataset.fill(*((200, 2_000, 100) if "--quick" in sys.argv else ()))
        print(tasks.reindex_command(lambda _text: None), flush=True)


if __name__ == "__main__":
    main()
