"""Every read of the forum, by subject; the names to use from elsewhere stand here."""

from forum.queries.activity import answers_of, numbers_of, posts_of
from forum.queries.desk import escalation, escalation_queue, flag_queue, waiting
from forum.queries.facts import (
    author_of_thread,
    bare_post,
    bare_thread,
    kind_of_post,
    opener_of_escalation,
)
from forum.queries.lists import (
    SORTS,
    STATES,
    ThreadList,
    ThreadRow,
    Wanted,
    counts,
    followers,
    rows_of,
    status_of,
    thread_list,
)
from forum.queries.pages import PostView, ThreadPage, thread_page
from forum.queries.rooms import (
    CategoryCard,
    categories,
    category,
    category_by_slug,
    tag,
    tags,
)
from forum.queries.searching import building, search, similar
from forum.queries.threads import (
    ask_beside,
    first_unread,
    may_listen,
    opening_post,
    post,
    post_at,
    thread,
    thread_head,
    thread_of,
)
from forum.queries.writing import attachment, draft, drafts

__all__ = [
    "SORTS",
    "STATES",
    "CategoryCard",
    "PostView",
    "ThreadList",
    "ThreadPage",
    "ThreadRow",
    "Wanted",
    "answers_of",
    "ask_beside",
    "attachment",
    "author_of_thread",
    "bare_post",
    "bare_thread",
    "building",
    "categories",
    "category",
    "category_by_slug",
    "counts",
    "draft",
    "drafts",
    "escalation",
    "escalation_queue",
    "first_unread",
    "flag_queue",
    "followers",
    "kind_of_post",
    "may_listen",
    "numbers_of",
    "opener_of_escalation",
    "opening_post",
    "post",
    "post_at",
    "posts_of",
    "rows_of",
    "search",
    "similar",
    "status_of",
    "tag",
    "tags",
    "thread",
    "thread_head",
    "thread_list",
    "thread_of",
    "thread_page",
    "waiting",
]
