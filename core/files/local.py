"""Files in a folder of this machine: `ab/cd/<key>`, each written whole or not at all."""

from pathlib import Path

from core import disk


class LocalFiles:
    """Keeps contents under `folder`. It is given keys alone, never a path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key[2:4] / key

    def put(self, key: str, data: bytes, content_type: str) -> None:
        """Keep it; on the disk when this returns."""
        path = self._path(key)
        if not path.exists():
            disk.make_folder(path.parent)
            disk.write_whole(path, data)

    def get(self, key: str) -> bytes | None:
        """The content, or None."""
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, key: str) -> None:
        """Forget it; nothing happens when it is not there."""
        self._path(key).unlink(missing_ok=True)

    def exists(self, key: str) -> bool:
        """Whether it is there."""
        return self._path(key).is_file()
