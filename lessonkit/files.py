"""Write files completely or not at all, and read arrays and masks back."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lessonkit.errors import LessonkitError
from lessonkit.masks import Mask, Masks


@contextlib.contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a scratch file beside `path` for writing, and rename it to `path` once everything is on the disk.

    An exception inside the block leaves `path` as it was, and removes the scratch file.
    """
    target = Path(path)
    handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(scratch, 0o666 & ~_umask())
        os.replace(scratch, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(scratch)
        raise


@contextlib.contextmanager
def no_native_log() -> Iterator[None]:
    """Drop the lines that TensorFlow's C++ code writes to stderr as it starts; pass on all others at the end."""
    native = re.compile(rb"WARNING: All log messages before absl::|INFO: Created TensorFlow Lite|[IWE]\d{4} \d\d:\d\d:")
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (AttributeError, OSError, ValueError):  # no stderr at all
        yield
        return
    with tempfile.TemporaryFile() as lines:
        os.dup2(lines.fileno(), 2)
        try:
            yield
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            lines.seek(0)
            others = b"".join(line for line in lines if not native.match(line))
            with contextlib.suppress(OSError):
                os.write(2, others)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, completely or not at all."""
    with writing(path) as file:
        file.write(text.encode("utf-8"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write plain arrays to a compressed npz file, completely or not at all."""
    named: dict[str, Any] = dict(arrays)
    with writing(path) as file:
        np.savez_compressed(file, **named)


def read_arrays(path: str | os.PathLike[str], what: str) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file, by name; pickled objects are never loaded.

    `what` names the expected content in the error message, such as "masks".

    Raises
    ------
    LessonkitError
        When the file cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive}
    except (OSError, EOFError, ValueError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise LessonkitError(f"{path}: cannot be read as {what} ({error})") from error


def save_masks(path: str | os.PathLike[str], masks: Sequence[Mask], names: Sequence[str]) -> None:
    """Write an npz file with one boolean array per layer under the layer's name, completely or not at all."""
    write_arrays(path, dict(zip(names, masks, strict=True)))


def load_masks(path: str | os.PathLike[str], names: Sequence[str]) -> Masks:
    """Read what `save_masks` wrote, in the order of `names`.

    Raises
    ------
    LessonkitError
        When the file cannot be read, lacks a layer, or holds anything but booleans.
    """
    arrays = read_arrays(path, "masks")
    for name in names:
        if name not in arrays or arrays[name].dtype != bool:
            raise LessonkitError(f"{path}: needs a boolean array named {name!r}; it holds {sorted(arrays)}")
    return tuple(arrays[name] for name in names)
