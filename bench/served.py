"""The servers the page benchmark asks: the product and two bare Flask apps, on the same server and workers.

`python -m bench.served app PORT` and `python -m bench.served bare PORT` serve as at home, without the worker;
gunicorn takes `bench.served:bare` at scale.
"""

import os
import sys
from pathlib import Path
from typing import Any

from flask import Flask

from core import garbage

TEMPLATE = """<!doctype html><title>{{ title }}</title>{{ head|safe }}
{% for post in posts %}<article id="post-{{ post.id }}">
<a href="/people/{{ post.name }}">{{ post.name }}</a>{{ post.html|safe }}</article>
{% endfor %}"""


def make_bare() -> Flask:
    """A Flask app with nothing in it: a view, and a Jinja page of as many bytes as the product's thread page."""
    app = Flask("bare")
    page = (
        Path(os.environ["BENCH_PAGE"]).read_text(encoding="utf-8")
        if os.environ.get("BENCH_PAGE")
        else "x" * 20_000
    )
    piece = len(page) // 21
    posts: list[dict[str, Any]] = [
        {"id": n, "name": f"member{n}", "html": page[n * piece : (n + 1) * piece]} for n in range(1, 21)
    ]
    template = app.jinja_env.from_string(TEMPLATE)
    app.add_url_rule("/bare", "bare", lambda: "ok")
    app.add_url_rule("/page", "page", lambda: template.render(title="Bare", head=page[:piece], posts=posts))
    return app


def serve(app: Any, port: int, threads: int) -> None:
    """As `core.server` does at home, without the worker."""
    import uvicorn
    from a2wsgi import WSGIMiddleware

    root = WSGIMiddleware(app, workers=threads)
    uvicorn.run(root, port=port, http="h11", ws="none", lifespan="off", log_level="error", access_log=False)


def main() -> None:
    """Serve one of them."""
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "bare":
        with garbage.lasting():
            app = make_bare()
        serve(app, port, 10)
        return
    with garbage.lasting():
        from app import create_app
        from core.asgi import create_asgi
        from core.server import Server, listen

        app = create_app()
    listener = listen("127.0.0.1", port)
    Server(create_asgi(app), listener, lambda _address: None).run(sockets=[listener])


bare = None
if os.environ.get("BENCH_PAGE"):
    with garbage.lasting():
        bare = make_bare()

if __name__ == "__main__":
    main()
