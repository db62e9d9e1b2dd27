"""Reading files inside Debian packages and wheels on disk, without installing anything."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from concepts.errors import InputError


def package_name(path: Path) -> str:
    """Return the name of the package in a file such as `eog_43.2-1_amd64.deb`."""
    return path.name.split("_")[0]


def iter_deb(path: Path, wants: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of the regular files of a Debian package that `wants` accepts, unpacked from `.gz`.

    Raises InputError if `dpkg-deb` is missing or the package is damaged.
    """
    try:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    name = member.name.removeprefix("./")
                    if not member.isfile() or not wants(name.removesuffix(".gz")):
                        continue
                    file = archive.extractfile(member)
                    data = b"" if file is None else file.read()
                    if name.endswith(".gz"):
                        data = gzip.decompress(data)
                    yield name.removesuffix(".gz"), data
    except FileNotFoundError as error:
        raise InputError(
            "packages are read by dpkg-deb, which is not here: do this on Debian or Ubuntu"
        ) from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{path} is no Debian package: delete it and fetch it again") from error


def read_wheel(path: Path, name: str) -> bytes:
    """Return one file of a wheel; raises InputError if it is missing."""
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            return archive.read(name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} holds no {name}: delete it and fetch it again") from error
