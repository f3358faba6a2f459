"""Data: where it is looked for, what is refused and how, the splits, the stand-in."""

from __future__ import annotations

import sys
import threading
import types

import numpy as np
import pytest

import lessonkit.networks.mnist as data
from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.networks.mnist import MNIST_SHAPES, Split, digest_of, load_mnist
from lessonkit.networks.weights import load_network

SMALL = {"x_train": (60, 28, 28), "y_train": (60,), "x_test": (10, 28, 28), "y_test": (10,)}


def contents(shapes=SMALL, seed=0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {key: rng.integers(0, 10, shape, dtype=np.uint8) for key, shape in shapes.items()}


@pytest.fixture
def arrays(monkeypatch):
    """Small arrays that pass for the original MNIST."""
    made = contents()
    monkeypatch.setattr(data, "MNIST_SHAPES", SMALL)
    monkeypatch.setattr(data, "MNIST_DIGEST", digest_of(made))
    return made


@pytest.fixture(autouse=True)
def lonely(monkeypatch, tmp_path_factory):
    """No variable, an empty Keras cache, no network: each test says for itself what there is."""

    def refused(*_, **__):
        raise OSError("no network in tests")

    monkeypatch.delenv("LESSONKIT_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
    monkeypatch.setattr(data.socket, "create_connection", refused)


@pytest.fixture
def cache(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("KERAS_HOME", str(home))
    (home / "datasets").mkdir()
    return home / "datasets" / "mnist.npz"


@pytest.fixture
def network(monkeypatch):
    """A network through which the function given as `.get_file` fetches, without the real Keras."""
    utils = types.ModuleType("keras.utils")
    keras = types.ModuleType("keras")
    keras.utils = utils
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setitem(sys.modules, "keras.utils", utils)
    monkeypatch.setattr(data.socket, "create_connection", lambda *_, **__: types.SimpleNamespace(close=lambda: None))
    return utils


def serving(arrays):
    def get_file(name, origin, cache_dir):
        assert origin.startswith("https://")
        path = f"{cache_dir}/{name}"
        np.savez(path, **arrays)
        return path

    return get_file


# --- the sources, in their order ---


@pytest.mark.parametrize("how", ["file", "folder", "text"])
@pytest.mark.parametrize("through", ["argument", "variable"])
def test_a_named_source_is_used(arrays, tmp_path, monkeypatch, how, through):
    np.savez(tmp_path / "mnist.npz", **arrays)
    named = tmp_path if how == "folder" else tmp_path / "mnist.npz"
    if through == "variable":
        monkeypatch.setenv("LESSONKIT_DATA", str(named))
        found = load_mnist()
    else:
        found = load_mnist(str(named) if how == "text" else named)
    assert found.name == "mnist"
    np.testing.assert_array_equal(found.test.labels, arrays["y_test"])
    np.testing.assert_allclose(found.test.images[..., 0] * 255, arrays["x_test"], atol=1e-4)
    assert found.test.images.dtype == np.float32
    assert found.test.labels.dtype == np.int64


def test_the_argument_goes_before_the_variable(arrays, tmp_path, monkeypatch):
    monkeypatch.setenv("LESSONKIT_DATA", str(tmp_path / "missing.npz"))
    assert load_mnist("standin").name == "standin"


def test_the_variable_goes_before_the_cache(arrays, cache, monkeypatch):
    np.savez(cache, **arrays)
    monkeypatch.setenv("LESSONKIT_DATA", "standin")
    assert load_mnist().name == "standin"


def test_an_empty_variable_names_nothing(arrays, cache, monkeypatch):
    np.savez(cache, **arrays)
    monkeypatch.setenv("LESSONKIT_DATA", "")
    assert load_mnist().name == "mnist"


def test_the_cache_goes_before_a_download(arrays, cache, network):
    np.savez(cache, **arrays)
    network.get_file = None  # calling it would fail, and end at the stand-in
    assert load_mnist().name == "mnist"


def test_a_download_goes_before_the_standin_and_fills_the_cache(arrays, cache, network):
    network.get_file = serving(arrays)
    assert load_mnist().name == "mnist"
    assert cache.is_file()
    network.get_file = None
    assert load_mnist().name == "mnist"


@pytest.mark.parametrize("kind", ["truncated", "text", "folder"])
def test_a_broken_cache_is_only_a_reason_to_look_further(arrays, cache, network, kind):
    if kind == "folder":
        cache.mkdir()
    elif kind == "text":
        cache.write_text("nothing")
    else:
        np.savez(cache, **arrays)
        cache.write_bytes(cache.read_bytes()[:1000])

    def fails(*_, **__):
        raise OSError("no route")

    network.get_file = fails
    assert load_mnist().name == "standin"
    if kind != "folder":
        network.get_file = serving(arrays)
        assert load_mnist().name == "mnist"


def test_without_a_network_the_standin_takes_over():
    assert load_mnist().name == "standin"


def test_a_failed_download_ends_at_the_standin_and_leaves_no_file(cache, network):
    def fails(*_, **__):
        raise ConnectionResetError("gone")

    network.get_file = fails
    assert load_mnist().name == "standin"
    assert list(cache.parent.iterdir()) == []


def test_a_download_of_something_else_ends_at_the_standin(arrays, cache, network):
    network.get_file = serving(contents(seed=1))  # say, the login page of a hotel
    assert load_mnist().name == "standin"
    assert not cache.exists()


def test_a_download_that_takes_too_long_ends_at_the_standin(arrays, network, monkeypatch):
    monkeypatch.setattr(data, "DOWNLOAD_SECONDS", 0.05)
    going = threading.Event()

    def slow(name, origin, cache_dir):
        going.wait(30)
        raise OSError

    network.get_file = slow
    try:
        assert load_mnist().name == "standin"
        assert not going.is_set()
    finally:
        going.set()


def test_the_data_in_use_is_said_in_one_line(arrays, tmp_path, standin):
    np.savez(tmp_path / "mnist.npz", **arrays)
    for each, word in ((load_mnist(tmp_path), "MNIST"), (standin, "stand-in")):
        assert word in each.source
        assert "\n" not in each.source


# --- what is refused ---


def check_refused(path, *words):
    with pytest.raises(LessonkitError) as raised:
        load_mnist(path)
    text = str(raised.value)
    assert "\n" not in text
    assert str(path) in text
    assert "standin" in text  # the way out
    for word in words:
        assert word in text


def damaged(arrays, key, value):
    return {**arrays, key: value(arrays[key])}


@pytest.mark.parametrize("key", list(MNIST_SHAPES))
def test_a_wrong_array_is_named(arrays, tmp_path, key):
    path = tmp_path / "my.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if name != key})
    check_refused(path, repr(key), "no array")
    np.savez(path, **damaged(arrays, key, lambda array: array[:-1]))
    check_refused(path, key, "shape")
    np.savez(path, **damaged(arrays, key, lambda array: array[..., np.newaxis]))
    check_refused(path, key, "shape")
    np.savez(path, **damaged(arrays, key, lambda array: array.astype(np.float32)))
    check_refused(path, key, "float32", "uint8")
    np.savez(path, **damaged(arrays, key, lambda array: array ^ (np.arange(array.size) == 5).reshape(array.shape)))
    check_refused(path, "contents differ")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_truncated_file_is_refused_wherever_it_breaks(arrays, tmp_path, save):
    path = tmp_path / "my.npz"
    save(path, **arrays)
    whole = path.read_bytes()
    for part in (0.001, 0.3, 0.6, 0.999):
        path.write_bytes(whole[: int(part * len(whole))])
        check_refused(path)
    path.write_bytes(b"")
    check_refused(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_flipped_byte_is_noticed(arrays, tmp_path, save):
    path = tmp_path / "my.npz"
    save(path, **arrays)
    whole = bytearray(path.read_bytes())
    for place in (len(whole) // 3, len(whole) // 2):
        changed = bytearray(whole)
        changed[place] ^= 255
        path.write_bytes(changed)
        check_refused(path)


@pytest.mark.parametrize(
    "content",
    [
        b"some text\n",
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        b"PK\x03\x04" + bytes(200),
        b"\x80\x04\x95\x10\x00\x00\x00",  # a pickle begins like this
        b"\x93NUMPY\x01\x00",
    ],
    ids=["text", "png", "zip", "pickle", "npy"],
)
def test_a_foreign_file_is_refused(arrays, tmp_path, content):
    path = tmp_path / "my.npz"
    path.write_bytes(content)
    check_refused(path)


def test_a_single_array_is_refused(arrays, tmp_path):
    path = tmp_path / "my.npy"
    np.save(path, arrays["x_test"])
    check_refused(path)


def test_pickled_objects_are_never_loaded(arrays, tmp_path):
    path = tmp_path / "my.npz"
    np.savez(path, **damaged(arrays, "y_test", lambda array: array.astype(object)))
    check_refused(path)


def test_a_missing_file_and_a_folder_without_one(arrays, tmp_path):
    check_refused(tmp_path / "missing.npz", "no such file")
    with pytest.raises(LessonkitError, match=r"mnist\.npz: no such file"):
        load_mnist(tmp_path)


def test_a_named_source_is_never_silently_replaced(arrays, cache, tmp_path, monkeypatch):
    np.savez(cache, **arrays)  # there would be something better
    bad = tmp_path / "bad.npz"
    bad.write_text("nothing")
    monkeypatch.setenv("LESSONKIT_DATA", str(bad))
    for source in (None, bad):
        with pytest.raises(LessonkitError, match=r"bad\.npz"):
            load_mnist(source)


def test_a_file_that_changes_is_read_again(arrays, tmp_path):
    path = tmp_path / "my.npz"
    np.savez(path, **arrays)
    assert load_mnist(path).name == "mnist"
    path.write_text("overwritten")
    check_refused(path)


def test_the_digest_is_of_the_contents_whatever_the_container(arrays, tmp_path):
    path = tmp_path / "my.npz"
    turned = {key: np.asfortranarray(array) for key, array in arrays.items()}
    for save, content in (
        (np.savez, arrays),
        (np.savez_compressed, arrays),
        (np.savez, dict(reversed(arrays.items()))),
        (np.savez, turned),
        (np.savez, {**arrays, "more": np.zeros(3)}),
    ):
        save(path, **content)
        assert load_mnist(path).name == "mnist"
        assert digest_of(content) == digest_of(arrays)
    assert digest_of(contents(seed=1)) != digest_of(arrays)


# --- the splits ---


def test_the_splits_of_a_file_of_full_size(monkeypatch, tmp_path):
    made = {key: np.zeros(shape, np.uint8) for key, shape in MNIST_SHAPES.items()}
    for images, first in ((made["x_train"], 0), (made["x_test"], 60_000)):  # each image carries its own number
        number = np.arange(first, first + len(images))
        images[:, 0, 0], images[:, 0, 1], images[:, 0, 2] = number % 256, number // 256 % 256, number // 65536
    monkeypatch.setattr(data, "_read_arrays", lambda _: made)
    (tmp_path / "mnist.npz").touch()
    found = load_mnist(tmp_path)
    numbers = []
    for split, size in ((found.train, 48_000), (found.validation, 12_000), (found.test, 10_000)):
        assert split.images.shape == (size, 28, 28, 1)
        assert split.images.dtype == np.float32
        pixels = np.rint(split.images[:, 0, :3, 0] * 255).astype(int)
        numbers.append(pixels @ [1, 256, 65536])
    np.testing.assert_array_equal(np.concatenate(numbers), np.arange(70_000))  # fixed, in order, disjoint
    data._split.cache_clear()


def test_mnist_itself(mnist):
    assert mnist.name == "mnist"
    assert [len(split) for split in (mnist.train, mnist.validation, mnist.test)] == [48_000, 12_000, 10_000]
    for split in (mnist.train, mnist.validation, mnist.test):
        assert split.images.min() == 0
        assert split.images.max() == 1
        assert set(np.unique(split.labels)) == set(range(10))
    assert mnist.test.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_nobody_can_write_into_the_shared_arrays(standin):
    for split in (standin.train, standin.validation, standin.test):
        with pytest.raises(ValueError, match="read-only"):
            split.images[0, 0, 0, 0] = 1
        with pytest.raises(ValueError, match="read-only"):
            split.labels[0] = 1


def test_head_is_a_fixed_beginning(standin):
    few = standin.validation.head(7)
    np.testing.assert_array_equal(few.images, standin.validation.images[:7])
    np.testing.assert_array_equal(few.labels, standin.validation.labels[:7])
    assert len(standin.validation.head(3000)) == 3000
    for count in (0, -1, 3001):
        with pytest.raises(LessonkitError, match=f"asked for {count} images.*choose 1 to 3000"):
            standin.validation.head(count)


# --- the stand-in ---


def test_the_standin_has_three_splits_of_plausible_images(standin):
    assert [len(split) for split in (standin.train, standin.validation, standin.test)] == [11_970, 3000, 3000]
    for split in (standin.train, standin.validation, standin.test):
        assert split.images.shape[1:] == (28, 28, 1)
        assert split.images.dtype == np.float32
        assert 0 <= split.images.min() < split.images.max() <= 1
        assert np.bincount(split.labels, minlength=10).min() > 0.05 * len(split)


def test_the_standin_is_the_same_every_time():
    first, second = (data._standin.__wrapped__(1) for _ in range(2))
    for name in ("train", "validation", "test"):
        one, two = getattr(first, name), getattr(second, name)
        assert one is not two
        np.testing.assert_array_equal(one.images, two.images)
        np.testing.assert_array_equal(one.labels, two.labels)


def test_no_original_digit_of_the_standin_is_in_two_splits(monkeypatch):
    chosen = []

    def spy(small, rng):
        chosen.append({image.tobytes() for image in small})
        return np.zeros((len(small), 28, 28, 1), np.float32)

    monkeypatch.setattr(data, "_enlarge", spy)
    data._standin.__wrapped__(2)
    assert sorted(len(split) for split in chosen) == [300, 300, 1197]
    test, validation, train = chosen
    assert not test & validation
    assert not test & train
    assert not validation & train


def test_the_shipped_network_reads_the_standin(standin):
    network = load_network("standin")
    reached = Evaluator(network, standin.test.images, standin.test.labels).evaluate(network.keep_all())
    assert reached.accuracy >= 0.96
    assert reached.images == 3000


def test_a_split_knows_its_length():
    assert len(Split(np.zeros((3, 28, 28, 1), np.float32), np.zeros(3, np.int64))) == 3
