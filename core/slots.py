"""Named places in a page that features of upper floors fill, so that a lower page need not know them."""

from collections import defaultdict
from collections.abc import Callable

from markupsafe import Markup

Filler = Callable[..., str | Markup | None]
_fillers: dict[str, list[tuple[int, Filler]]] = defaultdict(list)


def fill(place: str, order: int = 50) -> Callable[[Filler], Filler]:
    """Register a function that returns safe HTML (or None) for `place`; lower `order` comes first."""

    def register(filler: Filler) -> Filler:
        _fillers[place].append((order, filler))
        _fillers[place].sort(key=lambda pair: pair[0])
        return filler

    return register


def is_filled(place: str) -> bool:
    """Whether anybody fills `place`: hot loops ask once."""
    return bool(_fillers.get(place))


def slot(place: str, **context: object) -> Markup:
    """Everything that was filled into `place`, in order. Fillers must return autoescaped template output."""
    parts = [part for _, filler in _fillers.get(place, ()) if (part := filler(**context))]
    return Markup("".join(parts))  # noqa: S704 - fillers return rendered templates
