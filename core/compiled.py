"""What need not be compiled at every start: templates are kept, builders of addresses wait for the first address.

Both took half a second before the first page.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from core.config import Settings
from core.disk import make_folder

log = logging.getLogger(__name__)


class KeptTemplates(FileSystemBytecodeCache):
    """Compiled templates in a folder. Each is known by its name and checked by its source, so none is ever stale."""

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take one that was kept; none is there where the folder cannot be read."""
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one; a folder that cannot be written costs time, nothing else."""
        try:
            make_folder(Path(self.directory))
            super().dump_bytecode(bucket)
        except OSError as problem:
            log.warning("compiled templates cannot be kept in %s: %s", self.directory, problem)


class LateRule(Rule):
    """A route whose builders of addresses are made at the first `url_for`: most are not asked for in a day."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        made = super()._compile_builder
        name = "_build_unknown" if append_unknown else "_build"

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            builder = made(append_unknown).__get__(rule)
            setattr(rule, name, builder)
            found: tuple[str, str] = builder(**values)
            return found

        return build


def init(app: Flask, settings: Settings) -> None:
    """Switch both on. Call before there are routes."""
    app.url_rule_class = LateRule
    app.jinja_env.bytecode_cache = KeptTemplates(str(settings.var_dir / "cache" / "templates"))
