"""The pages of ideas: what they hold, in how many statements, and their place among the forum's own lists."""

import pytest
import sqlalchemy as sa

from core import worker
from core.db import db, writing
from core.errors import NotFound
from core.text import render
from core.viewer import Viewer
from forum import actions as forum
from forum import addresses
from forum import queries as forum_queries
from forum.models import IDEA, Reading, Thread
from ideation import actions, queries
from ideation.queries import PAGE, Wanted
from ideation.releases import queries as releases
from people import exports, portability
from tests import make

pytestmark = pytest.mark.usefixtures("context")


def page_of(client, path: str) -> str:
    answer = client.get(path, follow_redirects=True)
    assert answer.status_code == 200, path
    return answer.text


# --- lists ---


def test_the_most_wanted_lead_and_other_orders_are_there(ana, ben):
    old, new = make.idea("Wanted by many", by=ana), make.idea("Just raised", by=ana)
    with writing():
        actions.vote(ben, old)
        forum.reply(ben, queries.thread_of(ben, old), render("Yes."))

    def titles(sort):
        return [row.title for row in queries.idea_list(ana, Wanted(sort=sort)).rows]

    assert titles("votes") == ["Wanted by many", "Just raised"]
    assert titles("new") == ["Just raised", "Wanted by many"]
    assert titles("active") == ["Wanted by many", "Just raised"]
    assert queries.idea_list(ana, Wanted()).rows[1].id == new.id


def test_settled_ideas_are_listed_only_where_they_are_asked_for(ana):
    alive, shipped = make.idea(by=ana), make.idea(by=ana, status="shipped")
    declined = make.idea(by=ana, status="declined")

    def ids(**wanted):
        return {row.id for row in queries.idea_list(ana, Wanted(**wanted)).rows}

    assert ids() == {alive.id}
    assert ids(status="shipped") == {shipped.id}
    assert ids(status="declined") == {declined.id}
    assert ids(author_id=ana.id) == {alive.id, shipped.id, declined.id}


def test_ideas_are_found_by_tag_and_by_author(ana, ben):
    tagged = make.idea("Dark mode", by=ana, tags=["ui"])
    make.idea("Other things", by=ben, tags=["uix"])
    client = make.client_of(ana)
    page = page_of(client, "/ideas?tag=ui")
    assert "Dark mode" in page and "Other things" not in page
    mine = page_of(client, f"/ideas?by={ana.handle}")
    assert "Your ideas" in mine and "Dark mode" in mine and "Other things" not in mine
    assert client.get("/ideas?by=nobody-at-all").status_code == 404
    assert tagged.id


@pytest.mark.slow
def test_words_find_ideas_whatever_their_status(ana):
    make.idea("Spreadsheet export", by=ana, status="shipped")
    make.idea("Dark mode", by=ana)
    make.thread("Spreadsheet trouble", by=ana)
    worker.drain()
    client = make.client_of(ana)
    page = page_of(client, "/ideas?q=spreadsheets")
    assert "Spreadsheet export" in page and "Dark mode" not in page and "Spreadsheet trouble" not in page
    assert "No idea matches" in page_of(client, "/ideas?q=submarine")
    assert "Spreadsheet export" not in page_of(client, "/ideas?q=spreadsheets&status=open")


def test_words_find_titles_while_there_is_no_index(ana, monkeypatch):
    from core import search as engine

    make.idea("Spreadsheet export", by=ana)

    def broken(*_args, **_kwargs):
        raise engine.SearchDamaged("gone")

    monkeypatch.setattr(engine.index(), "find", broken)
    assert [row.title for row in queries.idea_list(ana, Wanted(text="spread EXPORT")).rows] == [
        "Spreadsheet export"
    ]


def test_a_page_behind_the_last_is_not_there(ana, client):
    make.idea(by=ana)
    with pytest.raises(NotFound):
        queries.idea_list(ana, Wanted(page=2))
    for query in ("page=2", "page=0", "page=-1", "page=x", "page=99999999"):
        assert client.get(f"/ideas?{query}").status_code == 404


@pytest.mark.slow
def test_long_lists_have_pages(ana):
    ideas = [make.idea(by=ana) for _ in range(PAGE + 2)]
    first = queries.idea_list(ana, Wanted(sort="new"))
    second = queries.idea_list(ana, Wanted(sort="new", page=2))
    assert (first.total, first.pages, len(first.rows), len(second.rows)) == (PAGE + 2, 2, PAGE, 2)
    assert {r.id for r in (*first.rows, *second.rows)} == {i.id for i in ideas}


def test_unknown_filters_show_the_usual_list(ana, client):
    make.idea("Dark mode", by=ana)
    page = page_of(client, "/ideas?status=%3Cscript%3E&sort=dropped")
    assert "Dark mode" in page and "<script>" not in page.lower().replace("<script type", "")


def test_the_roadmap_holds_what_was_looked_at(ana):
    make.idea("Still open", by=ana)
    rows = {s: make.idea(by=ana, status=s) for s in ("under_review", "planned", "in_progress", "shipped")}
    make.idea("Said no to", by=ana, status="declined")
    columns = queries.roadmap(ana)
    assert {s: [row.id for row in found] for s, found in columns.items()} == {
        s: [idea.id] for s, idea in rows.items()
    }
    assert all(not found for found in queries.roadmap(ana, per_column=0).values())


def test_a_column_of_the_roadmap_holds_the_most_wanted(ana, ben):
    ideas = [make.idea(by=ana, status="planned") for _ in range(3)]
    with writing():
        actions.vote(ben, ideas[1])
    planned = queries.roadmap(ana, per_column=2)["planned"]
    assert [row.id for row in planned] == [ideas[1].id, ideas[2].id]


# --- one idea ---


def test_the_text_of_an_idea_stands_on_its_page_once(ana, client):
    idea = make.idea(by=ana, text="A *very* particular wish.")
    page = page_of(client, f"/ideas/{idea.id}")
    assert page.count("A <em>very</em> particular wish.") == 1


@pytest.mark.slow
def test_a_long_discussion_has_pages_and_the_idea_leads_the_first(ana, ben, client):
    idea = make.idea(by=ana, text="A particular wish.")
    with writing():
        for number in range(21):
            forum.reply(ben, queries.thread_of(ben, idea), render(f"Reply number {number}."))
    first = page_of(client, f"/ideas/{idea.id}")
    second = page_of(client, f"/t/{idea.thread_id}?page=2")
    assert "Reply number 0." in first and "Reply number 20." not in first and "?page=2" in first
    assert "Reply number 20." in second and '<div class="idea-body"' not in second
    assert client.get(f"/ideas/{idea.id}?page=3", follow_redirects=True).status_code == 404


def test_the_threads_own_address_leads_to_the_idea(ana, client):
    idea = make.idea("Dark mode", by=ana)
    assert client.get(f"/t/{idea.thread_id}").location == f"/ideas/{idea.id}/dark-mode"
    assert client.get(f"/ideas/{idea.id}/wrong-words?page=1").location == f"/ideas/{idea.id}/dark-mode?page=1"


def test_reading_an_idea_marks_it_read(ana, ben):
    idea = make.idea(by=ana)
    make.client_of(ben).get(
        f"/ideas/{idea.id}", follow_redirects=True
    ).close()  # what is put off is done then
    mark = sa.select(Reading.position).where(Reading.person_id == ben.id, Reading.thread_id == idea.thread_id)
    assert db.session.execute(mark).scalar_one() == 1


def test_a_merged_idea_leads_to_the_one_that_carries_on(ana, client):
    kept, gone = make.idea(by=ana), make.idea(by=ana)
    with writing():
        db.session.get_one(type(gone), gone.id).merged_into_id = kept.id
    assert client.get(f"/ideas/{gone.id}").location == f"/ideas/{kept.id}"
    assert [row.id for row in queries.idea_list(ana, Wanted()).rows] == [kept.id]


def test_numbers_too_large_are_no_address(client):
    for path in ("/ideas/{}", "/releases/{}", "/t/{}/idea"):
        assert client.get(path.format("9" * 30)).status_code == 404


def test_titles_are_text_wherever_they_stand(ana, client):
    idea = make.idea("<b>Bold</b> idea", by=ana, status="planned")
    release = make.release("<b>Bold</b> release", ideas=[idea], published=True)
    for path in (
        "/ideas?status=shipped",
        f"/ideas/{idea.id}",
        "/roadmap",
        "/releases",
        f"/releases/{release.id}",
        "/",
    ):
        assert "<b>Bold" not in page_of(client, path), path


def test_similar_ideas_appear_while_the_title_is_typed(ana, client):
    make.idea("Dark mode for the till", by=ana)
    make.thread("Dark mode question for everybody", by=ana)
    worker.drain()
    part = client.get("/ideas/similar?title=dark+mode")
    assert "Dark mode for the till" in part.text and "question" not in part.text and "<html" not in part.text
    assert client.get("/ideas/similar?title=da").text.strip() == ""


# --- among the forum's lists and people's pages ---


def test_lists_of_threads_lead_straight_to_ideas_and_say_where_they_stand(ana, ben, client):
    idea = make.idea("Dark mode", by=ana, status="planned")
    release = make.release("Summer", published=True)
    thread = make.thread("A question", by=ana)
    with writing():
        actions.vote(ben, idea)
    rows = {row.id: row for row in forum_queries.thread_list(ana).rows}
    row = rows[idea.thread_id]
    assert (row.path, row.status, row.score) == (f"/ideas/{idea.id}/dark-mode", "planned", 2)
    assert rows[release.thread_id].path == f"/releases/{release.id}/summer"
    assert rows[thread.id].path == f"/t/{thread.id}/a-question"
    home = page_of(client, "/")
    assert f'href="/ideas/{idea.id}/dark-mode"' in home and "Planned" in home


def test_a_list_asks_once_for_all_its_ideas(ana, statements):
    def sent() -> int:
        with statements() as counted:
            forum_queries.thread_list(ana)
        return counted.number

    make.idea(by=ana)
    before = sent()
    for _ in range(5):
        make.idea(by=ana)
    assert sent() == before


def test_the_address_of_a_thread_is_its_ideas(ana):
    idea = make.idea("Größer & besser", by=ana)
    thread = db.session.get_one(Thread, idea.thread_id)
    assert addresses.thread_path(thread).startswith(f"/ideas/{idea.id}/gr%C3%B6")


def test_a_profile_shows_the_ideas_of_a_person(ana, ben, dev, client):
    make.idea("Dark mode", by=ana)
    make.idea("Only for us", by=dev, room=make.category(IDEA, access=2))
    assert "Dark mode" in page_of(client, f"/people/{ana.handle}")
    assert "Only for us" not in page_of(client, f"/people/{dev.handle}")
    assert 'id="ideas"' not in page_of(client, f"/people/{ben.handle}")


def test_what_somebody_wished_for_leaves_with_them(ana, ben, dev):
    idea = make.idea("Dark mode", by=ana)
    with writing():
        actions.add_evidence(
            dev, idea, quote="Me too.", origin_key="mention:1", person_id=ben.id, origin_label="Forum"
        )
    sections = portability.sections_of(ben.id)
    assert sections["ideation.ideas"] == []
    assert [(v["idea_id"], v["cast_by_staff"]) for v in sections["ideation.votes"]] == [(idea.id, True)]
    assert [(e["quote"], e["origin_label"]) for e in sections["ideation.evidence"]] == [("Me too.", "Forum")]
    mine = portability.sections_of(ana.id)
    assert [(i["title"], i["vote_count"]) for i in mine["ideation.ideas"]] == [("Dark mode", 2)]
    assert exports.archive_of(ana.id).startswith(b"PK")


# --- budgets ---


def budget(statements, client, path: str) -> int:
    page_of(client, path)  # what is made once is made
    with statements() as counted:
        page_of(client, path)
    return counted.number


def fill(number: int, ana, dev) -> None:
    """Ideas of every status with votes, evidence and replies, and releases that hold some."""
    for _ in range(number):
        person = make.actor()
        made = [make.idea(by=person, status=s) for s in ("", "planned", "in_progress", "under_review")]
        with writing():
            for idea in made:
                actions.vote(ana, idea)
                actions.add_evidence(dev, idea, quote="Yes.", origin_key="mention:1", person_id=person.id)
        make.release(ideas=made[2:], published=True)


@pytest.mark.slow
def test_lists_take_as_many_statements_whatever_their_length(ana, dev, statements):
    most = {"/ideas": 6, "/ideas?status=shipped": 6, "/roadmap": 5, "/releases": 6}
    client = make.client_of(ana)
    fill(1, ana, dev)
    before = {path: budget(statements, client, path) for path in most}
    fill(3, ana, dev)
    assert {path: budget(statements, client, path) for path in most} == before
    assert {path: number for path, number in before.items() if number > most[path]} == {}


@pytest.mark.slow
def test_the_page_of_an_idea_takes_as_many_statements_whatever_it_holds(ana, dev, statements):
    idea = make.idea(by=ana)
    client = make.client_of(ana)
    before = budget(statements, client, f"/ideas/{idea.id}/{queries.one_row(ana, idea.id).slug}")
    with writing():
        for number in range(6):
            person = make.actor()
            actions.vote(person, idea)
            actions.add_evidence(
                dev, idea, quote="Yes.", origin_key=f"mention:{number}", person_id=make.actor().id
            )
            forum.reply(person, queries.thread_of(person, idea), render(f"Reply {number}."))
    after = budget(statements, client, f"/ideas/{idea.id}/{queries.one_row(ana, idea.id).slug}")
    assert after <= before + 1  # the people quoted are read in one more
    assert after <= 16


@pytest.mark.slow
def test_the_page_of_a_release_takes_as_many_statements_whatever_it_holds(ana, dev, statements):
    client = make.client_of(ana)
    numbers = []
    for size in (1, 5):
        ideas = [make.idea(by=make.actor()) for _ in range(size)]
        with writing():
            for idea in ideas:
                actions.add_evidence(dev, idea, quote="Yes.", origin_key="mention:1", person_id=ana.id)
        release = make.release(ideas=ideas, published=True)
        numbers.append(budget(statements, client, releases.path_of(release.id, release.slug)))
    assert numbers[0] == numbers[1] <= 16


def test_visitors_pages_are_served_again_for_one_statement(ana, client, statements):
    idea = make.idea(by=ana)
    release = make.release(ideas=[idea], published=True)
    for path in ("/ideas", "/roadmap", "/releases", queries.path_of(idea.id, queries.one_row(ana, idea.id).slug),
                 releases.path_of(release.id, release.slug)):  # fmt: skip
        assert budget(statements, client, path) == 1, path


def test_a_visitor_is_nobody(ana):
    make.idea(by=ana)
    (row,) = queries.idea_list(Viewer.visitor(), Wanted()).rows
    assert (row.has_voted, row.may_vote, row.is_open) == (False, False, True)
