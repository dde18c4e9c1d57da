"""Files in an S3-compatible store, by the minio client."""

import io
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import urllib3
from flask_babel import gettext as _
from minio import Minio
from minio.error import MinioException, S3Error
from minio.helpers import check_bucket_name

from core.config import SettingError
from core.errors import Unavailable

_GONE: Final = frozenset({"NoSuchKey", "NoSuchObject", "NoSuchBucket"})
_MADE: Final = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})
_SHAPE: Final = "FILES_URL must look like s3://key:secret@host:port/bucket?secure=1&region=us-east-1."
BACKOFF: Final = 0.1  # seconds, doubled at each new try
Result = TypeVar("Result")


class S3Files:
    """Keeps contents in one bucket, made when missing. Raises Unavailable when the store is down."""

    def __init__(
        self, host: str, bucket: str, key: str, secret: str, *, secure: bool = True, region: str = "us-east-1"
    ) -> None:
        check_bucket_name(bucket)
        self._bucket = bucket
        self._client = Minio(host, key, secret, secure=secure, region=region, http_client=_patient_client())

    @classmethod
    def from_url(cls, url: str) -> "S3Files":
        """Read FILES_URL. Raises SettingError."""
        parts = urlsplit(url)
        bucket = parts.path.strip("/")
        if not (parts.hostname and parts.username and parts.password and bucket):
            raise SettingError(_SHAPE)
        options = parse_qs(parts.query)
        try:
            return cls(
                parts.netloc.rpartition("@")[2],
                bucket,
                unquote(parts.username),
                unquote(parts.password),
                secure=options.get("secure", ["1"])[0] not in ("0", "false", "no"),
                region=options.get("region", ["us-east-1"])[0],
            )
        except ValueError as problem:
            raise SettingError(f"{_SHAPE} {problem}") from None

    def put(self, key: str, data: bytes, content_type: str) -> None:
        """Keep it; in the store when this returns."""

        def keep() -> None:
            self._client.put_object(self._bucket, key, io.BytesIO(data), len(data), content_type)

        try:
            _asked(keep)
        except S3Error as problem:
            if problem.code != "NoSuchBucket":
                raise
            _asked(self._make_bucket)
            _asked(keep)

    def _make_bucket(self) -> None:
        """Two processes may find it missing at the same moment; the second one finds it made."""
        try:
            self._client.make_bucket(self._bucket)
        except S3Error as problem:
            if problem.code not in _MADE:
                raise

    def get(self, key: str) -> bytes | None:
        """The content, or None."""

        def fetch() -> bytes:
            response = self._client.get_object(self._bucket, key)
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

        return _found(fetch)

    def delete(self, key: str) -> None:
        """Forget it; nothing happens when it is not there."""
        _found(lambda: self._client.remove_object(self._bucket, key))

    def exists(self, key: str) -> bool:
        """Whether it is there."""
        return _found(lambda: self._client.stat_object(self._bucket, key)) is not None


def _patient_client() -> urllib3.PoolManager:
    """Waits seconds, not minutes, and asks again when the store stumbles: every call may be repeated."""
    return urllib3.PoolManager(
        maxsize=16,
        timeout=urllib3.Timeout(connect=3, read=15),
        retries=urllib3.Retry(total=3, backoff_factor=BACKOFF, status_forcelist=(500, 502, 503, 504)),
    )


def _found(call: Callable[[], Result]) -> Result | None:
    try:
        return _asked(call)
    except S3Error as problem:
        if problem.code in _GONE:
            return None
        raise


def _asked(call: Callable[[], Result]) -> Result:
    """Call the store; what is not an answer about this one object becomes Unavailable."""
    try:
        return call()
    except S3Error as problem:
        if problem.code in _GONE or problem.code in _MADE:
            raise
        raise _down() from problem
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as problem:
        raise _down() from problem


def _down() -> Unavailable:
    return Unavailable(_("The file store does not answer. Please try again in a moment."))
