"""Pictures to upload."""

import io
from typing import Any

from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from PIL import Image


def png(colour: str = "red") -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(out, "PNG")
    return out.getvalue()


def upload(client: FlaskClient, data: bytes, name: str = "lamp.png") -> Any:
    """Send a picture as the editor does; returns the answer's JSON."""
    with client.session_transaction() as cookie:
        raw = cookie.setdefault("csrf_token", "0" * 40)
    token = URLSafeTimedSerializer(client.application.secret_key or "", salt="wtf-csrf-token").dumps(raw)
    headers = {"X-CSRFToken": token, "Accept": "application/json"}
    answer = client.post("/files", data={"file": (io.BytesIO(data), name)}, headers=headers)
    return answer.get_json()
