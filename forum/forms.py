"""What people send to the forum, checked; texts are rendered here, before any write transaction opens."""

import re
import unicodedata
from typing import Annotated, Any, Final, Literal

from flask_babel import gettext as _
from pydantic import AfterValidator, BeforeValidator, Field
from werkzeug.datastructures import MultiDict

from core import text
from core.errors import Refused
from core.forms import Form, Line, Prose, parse
from core.text import Rendered

MOST_TAGS: Final = 5
TAG_LENGTH: Final = 40
BODY_LENGTH: Final = 32_000
TITLE_LENGTH: Final = 200
_TAG: Final = re.compile(r"(?=.*[^\W_])(?:[^\W_]|[-+#.])+")
_DRAFT_KEY: Final = re.compile(r"thread|idea|release|(reply|edit):[0-9]{1,15}")
DRAFT_FIELDS: Final = {"title": 200, "body": BODY_LENGTH, "tags": 300, "category_id": 20, "reason": 200}


def tag_names(value: str) -> tuple[str, ...]:
    """Names typed with blanks or commas between them. Raises ValueError with words for the writer."""
    names = [unicodedata.normalize("NFC", n).lower() for n in re.split(r"[\s,;]+", value) if n]
    names = list(dict.fromkeys(name.removeprefix("#") if len(name) > 1 else name for name in names))
    if len(names) > MOST_TAGS:
        raise ValueError(_("At most %(number)s tags, please.", number=MOST_TAGS))
    for name in names:
        if len(name) > TAG_LENGTH:
            raise ValueError(_("A tag may have at most %(number)s characters.", number=TAG_LENGTH))
        if not _TAG.fullmatch(name):
            raise ValueError(_("Tags are letters, digits and - + # . only: “%(name)s” is not.", name=name))
    return tuple(names)


def _draft_key(value: str) -> str:
    if not _DRAFT_KEY.fullmatch(value):
        raise ValueError(_("There is no draft of that name."))
    return value


Tags = Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")]


class _Written(Form):
    """Something with a text."""

    body: Prose = Field(min_length=1, max_length=BODY_LENGTH)

    def rendered(self) -> Rendered:
        """The text as it is stored. Raises Refused at the field."""
        try:
            return text.render(self.body)
        except Refused as refused:
            raise Refused(refused.message, fields={"body": refused.message}) from refused


class ThreadForm(_Written):
    """A new thread."""

    title: Line = Field(min_length=4, max_length=TITLE_LENGTH)
    category_id: Annotated[int, Field(ge=1, lt=2**53)]
    tags: Annotated[Tags, AfterValidator(lambda value: " ".join(tag_names(value)))] = ""
    step: Literal["post", "preview"] = "post"

    def tag_list(self) -> tuple[str, ...]:
        """The checked names."""
        return tuple(self.tags.split())


class ReplyForm(_Written):
    """An answer or a comment."""

    reply_to: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    kind: Literal["answer", "comment"] = "answer"
    step: Literal["post", "preview"] = "post"


class PostEditForm(_Written):
    """A changed reply."""

    reason: Line = Field("", max_length=200)
    seen_edits: Annotated[int, Field(ge=0, lt=2**31)]
    step: Literal["post", "preview"] = "post"


class OpeningEditForm(PostEditForm):
    """A changed opening post, with its thread's title and tags."""

    title: Line = Field(min_length=4, max_length=TITLE_LENGTH)
    tags: Annotated[Tags, AfterValidator(lambda value: " ".join(tag_names(value)))] = ""


class PreviewForm(Form):
    """A text to look at before it is sent; an empty one is welcome."""

    body: Prose = Field("", max_length=BODY_LENGTH)


class VoteForm(Form):
    """The vote as it shall stand."""

    vote: Literal["1", "0", "-1"]


class FollowForm(Form):
    """What somebody wants to hear of a thread."""

    state: Literal["follow", "unfollow", "mute"]


class ReasonForm(Form):
    """Why a moderator does something; shown to those concerned."""

    reason: Line = Field(min_length=3, max_length=300)


class MaybeReasonForm(Form):
    """A reason that may be left out."""

    reason: Line = Field("", max_length=300)


def deletion_reason(sent: MultiDict[str, str], *, is_own: bool) -> str:
    """Whoever deletes what another wrote says why. Raises Refused at the field."""
    return parse(MaybeReasonForm, sent).reason if is_own else parse(ReasonForm, sent).reason


class MoveForm(Form):
    """Where a thread shall go."""

    category_id: Annotated[int, Field(ge=1, lt=2**53)]


class MarkForm(Form):
    """Whose turn it is."""

    mark: Literal["needs_staff", "waiting_on_author"]


class FlagForm(Form):
    """Why a moderator should look."""

    reason: Literal["spam", "rude", "off_topic", "other"]
    note: Line = Field("", max_length=500)


class SettleForm(Form):
    """What a moderator says to flags."""

    outcome: Literal["agreed", "declined"]


class EscalationForm(Form):
    """A case: why, and by when."""

    reason: Line = Field(min_length=3, max_length=500)
    hours: Annotated[int, Field(ge=1, le=720)] = 24


class OutcomeForm(Form):
    """What came of a case; posted back as a reply."""

    body: Prose = Field(min_length=3, max_length=1_000)

    def rendered(self) -> Rendered:
        """The outcome as the reply it becomes."""
        return text.render(self.body)


class CategoryForm(Form):
    """A category as its page of settings sends it."""

    name: Line = Field(min_length=2, max_length=60)
    description: Line = Field("", max_length=300)
    access: Annotated[int, Field(ge=0, le=2)] = 0
    default_kind: Literal["question", "discussion", "idea", "release"] = "question"
    colour: Annotated[int, Field(ge=1, le=12)] | None = None
    position: Annotated[int, Field(ge=0, le=999)] = 0

    def values(self) -> dict[str, Any]:
        """As the actions take them."""
        return self.model_dump() | {"colour": str(self.colour or "")}


class TagForm(Form):
    """What a tag is for."""

    description: Prose = Field("", max_length=1_000)


class DraftKeyForm(Form):
    """Which draft."""

    key: Annotated[str, AfterValidator(_draft_key)]


def draft_fields(sent: Any) -> dict[str, str]:
    """The fields of a draft that are kept, each within its length. Raises Refused for what is no mapping."""
    if not isinstance(sent, dict):
        raise Refused(_("A draft is a set of named texts."))
    kept = {name: sent[name] for name in DRAFT_FIELDS if isinstance(sent.get(name), str)}
    for name, value in kept.items():
        if len(value) > DRAFT_FIELDS[name]:
            raise Refused(_("This is too long to be kept."), fields={name: _("Too long.")})
    return {name: value.replace("\0", "") for name, value in kept.items()}
