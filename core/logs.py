"""Structured logs: one JSON object a line, with the request's id; never a password, token or cookie."""

import json
import logging
import sys
from datetime import UTC, datetime

from flask import g, has_app_context

from core.config import Settings

_FIELDS = ("method", "path", "status", "ms", "person", "address", "event")


class JsonLines(logging.Formatter):
    """Formats a record as one JSON line, so that text from users can never make a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_app_context() and g.get("request_id"):
            line["request_id"] = g.request_id
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def init(settings: Settings) -> None:
    """Send the product's logs to standard error."""
    root = logging.getLogger()
    if any(getattr(h, "is_fullcircle", False) for h in root.handlers):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.is_fullcircle = True  # type: ignore[attr-defined]
    handler.setFormatter(
        JsonLines() if settings.log_json else logging.Formatter("%(levelname)s %(name)s %(message)s")
    )
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    for noisy in ("httpx", "httpcore", "alembic", "uvicorn.access", "sqlalchemy.engine", "celery"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
