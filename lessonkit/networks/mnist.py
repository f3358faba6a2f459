"""Find MNIST, verify it and split it; and make the stand-in for a machine that has neither MNIST nor a network."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import socket
import tempfile
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lessonkit.errors import LessonkitError
from lessonkit.files import no_native_log, writing

MNIST_DIGEST = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_SHAPES = {"x_train": (60_000, 28, 28), "y_train": (60_000,), "x_test": (10_000, 28, 28), "y_test": (10_000,)}
DOWNLOAD_SECONDS = 60.0
CONNECT_SECONDS = 3.0
WAY_OUT = "Use the original mnist.npz of Keras, or 'standin' for the built-in digits."


@dataclass(frozen=True)
class Split:
    """Some images with their labels.

    Attributes
    ----------
    images : float32 array, shape (n, 28, 28, 1), values in [0, 1]
    labels : int64 array, shape (n,), values 0 to 9
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def head(self, count: int) -> Split:
        """The first `count` images: the same subset in every run.

        Raises
        ------
        LessonkitError
            When `count` is not between 1 and the number of images.
        """
        if not 1 <= count <= len(self):
            raise LessonkitError(f"asked for {count} images, but this split has {len(self)}: choose 1 to {len(self)}")
        return Split(self.images[:count], self.labels[:count])


@dataclass(frozen=True)
class Dataset:
    """Three disjoint splits. A search may look at `validation`, but never at `test`."""

    name: str  # "mnist" or "standin"
    source: str  # one line for people: which data are in use, and how many images
    train: Split
    validation: Split
    test: Split


def load_mnist(source: str | os.PathLike[str] | None = None) -> Dataset:
    """Load MNIST, or the stand-in where MNIST is not available.

    Parameters
    ----------
    source : a file, a folder that holds ``mnist.npz``, ``"standin"``, or None.
        With None, the environment variable ``LESSONKIT_DATA`` (with the same meanings) is tried first, then the Keras
        cache, then a download with a time limit; if all of these fail, the stand-in is used.

    Returns
    -------
    Dataset
        The first 48,000 training images as `train`, the last 12,000 as `validation` (what Keras does with
        ``validation_split=0.2``), the 10,000 test images as `test`.

    Raises
    ------
    LessonkitError
        When `source` or ``LESSONKIT_DATA`` names something that cannot be used; it is never silently replaced.
    """
    named = source if source is not None else os.environ.get("LESSONKIT_DATA") or None
    if named is not None:
        return _standin() if str(named) == "standin" else _from_named(Path(named).expanduser())
    cached = _keras_cache()
    if cached.is_file():
        try:
            return _read_mnist(cached)
        except LessonkitError:
            pass  # nobody asked for this file, so where it is broken, look further
    downloaded = _download()
    return _read_mnist(downloaded) if downloaded is not None else _standin()


def data_here() -> str:
    """Which data `load_mnist` would use without a download, "mnist" or "standin"; the files are not read.

    Raises
    ------
    LessonkitError
        When ``LESSONKIT_DATA`` names a file that is not there.
    """
    named = os.environ.get("LESSONKIT_DATA")
    if named:
        if named == "standin":
            return named
        _named_file(Path(named).expanduser())
        return "mnist"
    return "mnist" if zipfile.is_zipfile(_keras_cache()) else "standin"


def _named_file(path: Path) -> Path:
    file = path / "mnist.npz" if path.is_dir() else path
    if not file.is_file():
        raise LessonkitError(f"{file}: no such file. {WAY_OUT}")
    return file


def _from_named(path: Path) -> Dataset:
    return _read_mnist(_named_file(path))


def _read_mnist(file: Path) -> Dataset:
    return _split(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1)
def _split(file: Path, _changed: int) -> Dataset:
    arrays = _read_arrays(file)
    images = {key: arrays[key][..., np.newaxis].astype(np.float32) for key in ("x_train", "x_test")}
    labels = {key: arrays[key].astype(np.int64) for key in ("y_train", "y_test")}
    for pixels in images.values():
        pixels /= 255
        pixels.setflags(write=False)  # one copy serves every caller
    for classes in labels.values():
        classes.setflags(write=False)
    return Dataset(
        "mnist",
        "data: MNIST, 48,000 training, 12,000 validation and 10,000 test images",
        Split(images["x_train"][:48_000], labels["y_train"][:48_000]),
        Split(images["x_train"][48_000:], labels["y_train"][48_000:]),
        Split(images["x_test"], labels["y_test"]),
    )


def _read_arrays(file: Path) -> dict[str, NDArray[np.uint8]]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in MNIST_SHAPES if key in archive}
    except (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, zipfile.error) as error:
        raise LessonkitError(f"{file}: is not an npz file, or is incomplete. {WAY_OUT}") from error
    except Exception as error:  # zlib.error and whatever else a damaged container can raise
        raise LessonkitError(f"{file}: damaged ({type(error).__name__}). {WAY_OUT}") from error
    for key, shape in MNIST_SHAPES.items():
        if key not in arrays:
            raise LessonkitError(f"{file}: has no array {key!r}. {WAY_OUT}")
        if arrays[key].dtype != np.uint8:
            raise LessonkitError(f"{file}: {key} is of type {arrays[key].dtype}, not uint8. {WAY_OUT}")
        if arrays[key].shape != shape:
            raise LessonkitError(f"{file}: {key} has shape {arrays[key].shape}, not {shape}. {WAY_OUT}")
    if digest_of(arrays) != MNIST_DIGEST:
        raise LessonkitError(f"{file}: looks like MNIST, but its contents differ from the original. {WAY_OUT}")
    return arrays


def digest_of(arrays: dict[str, NDArray[np.uint8]]) -> str:
    """The SHA-256, in hexadecimal, of the bytes of the four arrays, whatever file format they came in."""
    digest = hashlib.sha256()
    for key in MNIST_SHAPES:
        digest.update(np.ascontiguousarray(arrays[key]).data)
    return digest.hexdigest()


def _keras_cache() -> Path:
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets" / "mnist.npz"


def _download() -> Path | None:
    """Download MNIST into Keras's cache and return its path; None where that fails or takes longer than the limit."""
    try:
        socket.create_connection((MNIST_URL.split("/")[2], 443), timeout=CONNECT_SECONDS).close()
    except OSError:
        return None
    done: list[Path] = []

    def fetch(folder: str) -> None:
        # No network, no disk space, no Keras: whatever the reason, the stand-in is used, and its `source` says so.
        with contextlib.suppress(Exception):
            with no_native_log():
                from keras.utils import get_file

            part = Path(get_file("mnist.npz", origin=MNIST_URL, cache_dir=folder))
            _read_arrays(part)  # a network's login page, for instance, must not get into the cache
            target = _keras_cache()
            target.parent.mkdir(parents=True, exist_ok=True)
            with writing(target) as file, part.open("rb") as fetched:
                shutil.copyfileobj(fetched, file)
            done.append(target)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        worker = threading.Thread(target=fetch, args=(folder,), daemon=True)
        worker.start()
        worker.join(DOWNLOAD_SECONDS)
    return done[0] if done else None


@functools.lru_cache(maxsize=1)
def _standin(copies: int = 10) -> Dataset:
    """The 1,797 digits (8x8) of scikit-learn, enlarged to 28x28, each `copies` times with a random affine change.

    The originals are split first and copied afterwards, so that no digit is in two splits.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(20).permutation(len(digits.target))
    parts = {}
    for name, chosen in (("test", order[:300]), ("validation", order[300:600]), ("train", order[600:])):
        rng = np.random.default_rng([7, len(name)])
        images = _enlarge(digits.images[chosen].repeat(copies, axis=0) / 16.0, rng)
        labels = digits.target[chosen].repeat(copies, axis=0).astype(np.int64)
        shuffled = rng.permutation(len(labels))
        parts[name] = Split(images[shuffled], labels[shuffled])
        parts[name].images.setflags(write=False)
        parts[name].labels.setflags(write=False)
    sizes = ", ".join(f"{len(parts[name]):,} {name}" for name in ("train", "validation", "test"))
    source = f"data: the stand-in (scikit-learn's handwritten digits, enlarged; no MNIST was found), {sizes} images"
    return Dataset("standin", source, parts["train"], parts["validation"], parts["test"])


def _enlarge(small: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
    """Enlarge images, shape (n, 8, 8), to (n, 28, 28, 1), each rotated, sheared, scaled and shifted a little.

    For each pixel of the large image, compute the point of the small one that it comes from, and interpolate there
    between the four nearest pixels.
    """
    count = len(small)
    angle, shear = rng.uniform(-0.15, 0.15, (2, count))
    scale = rng.uniform(0.9, 1.1, count)
    shift = rng.uniform(-1.5, 1.5, (2, count))
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    down, right = np.meshgrid(np.arange(28) - 13.5, np.arange(28) - 13.5, indexing="ij")
    down, right = down[None] - shift[0][:, None, None], right[None] - shift[1][:, None, None]
    rows = (cosine[:, None, None] * down + (sine + shear)[:, None, None] * right) * (8 / 22) + 3.5
    columns = (cosine[:, None, None] * right - sine[:, None, None] * down) * (8 / 22) + 3.5
    padded = np.pad(small, ((0, 0), (2, 2), (2, 2)))
    rows, columns = np.clip(rows + 2, 0, 10.999), np.clip(columns + 2, 0, 10.999)
    top, left = rows.astype(int), columns.astype(int)
    below, beside = rows - top, columns - left
    which = np.arange(count)[:, None, None]
    value = (
        padded[which, top, left] * (1 - below) * (1 - beside)
        + padded[which, top + 1, left] * below * (1 - beside)
        + padded[which, top, left + 1] * (1 - below) * beside
        + padded[which, top + 1, left + 1] * below * beside
    )
    pixels: NDArray[np.float32] = np.round(np.clip(value, 0, 1) * 255).astype(np.float32)
    return pixels[..., np.newaxis] / np.float32(255)
