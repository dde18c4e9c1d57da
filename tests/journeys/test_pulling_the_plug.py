"""`kill -9` at any moment: what was acknowledged is there, nothing is half there, and nobody is told twice."""

import random
import re
import threading
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from app import create_app
from core import worker
from core.db import db, dispose, writing
from core.text import render
from core.viewer import Viewer
from forum import actions as forum
from forum.models import Post, Thread
from notices.models import Notice, NoticeMail
from tests import make
from tests.running import Running

ROUNDS = 4
WRITERS = 3


def sign_in(site: Running, handle: str) -> httpx.Client:
    client = httpx.Client(base_url=site.url, timeout=20)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/sign-in").text).group(1)
    form = {"csrf_token": token, "email": f"{handle}@example.com", "password": make.PASSWORD}
    assert client.post("/sign-in", data=form).status_code == 303
    return client


class Writer(threading.Thread):
    """Posts replies one after the other until the program is gone; remembers which were acknowledged."""

    def __init__(self, client: httpx.Client, thread_id: int, mark: str, taken: threading.Semaphore) -> None:
        super().__init__(daemon=True)
        self.client, self.thread_id, self.mark, self.taken = client, thread_id, mark, taken
        self.acknowledged: list[str] = []

    def run(self) -> None:
        page = self.client.get(f"/t/{self.thread_id}", follow_redirects=True).text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page).group(1)
        for number in range(10_000):
            text = f"word{self.mark}x{number}"
            try:
                form = {"csrf_token": token, "body": f"A reply with {text} in it.", "kind": "answer"}
                answer = self.client.post(f"/threads/{self.thread_id}/replies", data=form)
            except httpx.TransportError:
                return
            if answer.status_code == 303:
                self.acknowledged.append(text)
                self.taken.release()


@pytest.mark.browser  # as slow as the journeys in a browser, and run with them
def test_whatever_moment_the_plug_is_pulled_nothing_acknowledged_is_lost(environ, tmp_path: Path):
    settings = {key: value for key, value in environ.items() if key != "SITE_URL"}
    app = create_app(settings)
    with app.app_context():
        for handle in ("ana", "ben"):
            make.person(handle.title(), handle=handle, password=make.PASSWORD)
        with writing():
            room = forum.create_category(Viewer.system(), name="Questions")
        ana = make.viewer(make.people_queries.by_handle("ana"))
        with writing():
            thread_id = forum.start_thread(
                ana, category_id=room.id, title="Where is everything?", body=render("Tell me all.")
            ).id
        db.session.remove()
        dispose()
    dice, acknowledged = random.Random(11), []
    site = Running(settings, tmp_path)
    for number in range(ROUNDS):
        site.start()
        client = sign_in(site, "ben")
        taken = threading.Semaphore(0)
        writers = [Writer(client, thread_id, f"r{number}w{n}", taken) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        for _ in range(dice.randint(1, 9)):
            assert taken.acquire(timeout=60), site.wrote()
        site.kill()  # while the others are somewhere in the middle
        for writer in writers:
            writer.join(30)
            acknowledged += writer.acknowledged
    app = create_app(settings)
    with app.app_context():
        worker.release()
        worker.drain()
        check(thread_id, acknowledged, Path(settings["VAR_DIR"]))
        dispose()


def check(thread_id: int, acknowledged: list[str], var_dir: Path) -> None:
    posts = (
        db.session.execute(sa.select(Post).where(Post.thread_id == thread_id).order_by(Post.position))
        .scalars()
        .all()
    )
    words = [re.search(r"word\w+", post.source) for post in posts[1:]]
    kept = [found.group(0) for found in words if found]
    assert set(acknowledged) <= set(kept)
    assert len(kept) == len(set(kept)), "a reply is there twice"
    assert [post.position for post in posts] == list(range(1, len(posts) + 1))
    thread = db.session.get(Thread, thread_id)
    assert thread is not None
    assert thread.post_count == len(posts)
    assert thread.answer_count == len(posts) - 1
    told = db.session.execute(
        sa.select(Notice.key, sa.func.count()).group_by(Notice.person_id, Notice.key)
    ).all()
    assert {key for key, _ in told} >= {f"post:{post.id}" for post in posts[1:]}
    assert all(number == 1 for _, number in told)
    letters = list((var_dir / "mail").glob("*.eml"))
    assert len(letters) == db.session.execute(sa.select(sa.func.count()).select_from(NoticeMail)).scalar()
