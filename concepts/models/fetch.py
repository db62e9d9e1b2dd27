"""Downloading published models with fairseq2's own downloader, into fairseq2's own cache."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from concepts.errors import ModelError
from concepts.models.checksums import recorded_sha256
from concepts.models.published import AssetFile
from concepts.models.runtime import start_fairseq2

_SILENCE_S = 60.0
"""Timeout for a silent server; fairseq2 would wait for ever."""


def fetch_file(file: AssetFile) -> tuple[int, str]:
    """Download a file unless it is here, with a progress bar on a terminal; return its bytes and sha256.

    fairseq2 keeps only whole files and deletes an interrupted download. Raises ModelError if the address cannot
    be reached, the disk is full, or the connection breaks.
    """
    resolver = start_fairseq2()
    from fairseq2.assets import AssetDownloadManager
    from fairseq2.utils.uri import Uri

    manager = resolver.resolve(AssetDownloadManager)  # type: ignore[type-abstract]
    try:
        with _impatience():
            path = manager.download_model(Uri.parse(file.uri))
        return path.stat().st_size, recorded_sha256(path)
    except Exception as error:  # fairseq2's, urllib's, http.client's and the system's errors
        raise ModelError(
            f"{file.uri} cannot be downloaded ({_reason(error)}): run this again where a network is, or bring the "
            f"file by hand to {file.path}"
        ) from error


@contextmanager
def _impatience() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _reason(error: BaseException) -> str:
    """Return the first error, which fairseq2 hides behind "Address is not reachable"."""
    while error.__cause__ is not None:
        error = error.__cause__
    reason = getattr(error, "reason", None) or error
    text = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
    return str(text).splitlines()[0].rstrip(".")
