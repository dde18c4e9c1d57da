"""The web server's door: `gunicorn wsgi:app`."""

from core import garbage

with garbage.lasting():
    from app import create_app

    app = create_app()
