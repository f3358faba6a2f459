"""Messages between two processes that need not trust each other: a small JSON text and the bytes of plain arrays.

Nothing that is read can run: no pickle, no object arrays, sizes and depths bounded, a deadline for every answer.
"""

from __future__ import annotations

import contextlib
import json
import math
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

LARGEST_TEXT, LARGEST_BYTES = 8_000_000, 64_000_000
DEEPEST, MOST_VALUES = 40, 500_000
LONGEST_STRING = 20_000
NUMBER_KINDS = "biufc"

_HEAD = struct.Struct(">II")


class BrokenWireError(Exception):
    """The other side is gone, or what it sent is not a message."""


class LateError(Exception):
    """The deadline passed before a whole message came."""


class TooLargeError(Exception):
    """A value is too large, too deep or has too many parts to be sent."""


class Wire:
    """Whole messages over a stream socket: a dict for JSON, and bytes for the arrays that `encode` put aside."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel

    def send(self, message: dict[str, Any], data: bytes = b"", deadline: float | None = None) -> None:
        """Send one message; `deadline` is in seconds of `time.monotonic`."""
        text = json.dumps(message).encode()
        if len(text) > LARGEST_TEXT or len(data) > LARGEST_BYTES:
            raise TooLargeError(f"a message of {len(text) + len(data):,} bytes")
        with self._until(deadline):
            self.channel.sendall(_HEAD.pack(len(text), len(data)) + text + data)

    def receive(self, deadline: float | None = None) -> tuple[dict[str, Any], bytes]:
        """The next message.

        Raises
        ------
        BrokenWireError, LateError
            What came is not a message, or nothing came in time.
        """
        length, more = _HEAD.unpack(self._read(_HEAD.size, deadline))
        if length > LARGEST_TEXT or more > LARGEST_BYTES:
            raise BrokenWireError(f"a message of {length + more:,} bytes was announced")
        text, data = self._read(length, deadline), self._read(more, deadline)
        try:
            message = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BrokenWireError(f"no JSON ({type(error).__name__})") from error
        if not isinstance(message, dict):
            raise BrokenWireError("no message")
        return message, data

    def close(self) -> None:
        """Close this end."""
        self.channel.close()

    def _read(self, count: int, deadline: float | None) -> bytes:
        parts, missing = [], count
        while missing:
            with self._until(deadline):
                parts.append(self.channel.recv(min(missing, 1 << 20)))
            if not parts[-1]:
                raise BrokenWireError("the other side is gone")
            missing -= len(parts[-1])
        return b"".join(parts)

    @contextlib.contextmanager
    def _until(self, deadline: float | None) -> Iterator[None]:
        # A timeout of 0 would mean something else: not to wait at all.
        self.channel.settimeout(None if deadline is None else max(deadline - time.monotonic(), 1e-3))
        try:
            yield
        except TimeoutError:
            raise LateError from None
        except OSError as error:
            raise BrokenWireError(str(error)) from error


def encode(value: Any, special: Callable[[Any], Any] | None = None) -> tuple[Any, bytes]:
    """A tree for JSON and the arrays' bytes.

    Parameters
    ----------
    special : returns a dict with a key "k" for a value that is sent in a form of its own, else None.
    """
    chunks: list[bytes] = []
    state = {"bytes": 0, "values": 0}

    def array(found: Any, kind: str) -> dict[str, Any]:
        plain = np.ascontiguousarray(found, found.dtype.newbyteorder("<"))
        if plain.dtype.itemsize > 8 and plain.dtype.kind == "f":
            plain = plain.astype("<f8")
        at = state["bytes"]
        state["bytes"] += plain.nbytes
        if state["bytes"] > LARGEST_BYTES:
            raise TooLargeError(f"arrays of more than {LARGEST_BYTES // 1_000_000} MB")
        chunks.append(plain.tobytes())
        return {"k": kind, "d": plain.dtype.str, "s": list(np.shape(found)), "at": at}

    def walk(item: Any, depth: int) -> Any:
        state["values"] += 1
        if depth > DEEPEST or state["values"] > MOST_VALUES:
            raise TooLargeError("a value with too many parts")
        if special is not None and (own := special(item)) is not None:
            return own
        if item is None or isinstance(item, bool):
            return item
        if type(item) is int and item.bit_length() < 1000:
            return item
        if type(item) is float:
            return item
        if isinstance(item, str):
            return str(item)[:LONGEST_STRING].encode("utf-8", "replace").decode()
        if item is Ellipsis:
            return {"k": "..."}
        if isinstance(item, list | tuple):
            return {"k": "list" if isinstance(item, list) else "tuple", "v": [walk(each, depth + 1) for each in item]}
        if isinstance(item, np.ndarray | np.generic) and item.dtype.kind in NUMBER_KINDS:
            return array(item, "array" if isinstance(item, np.ndarray) else "scalar")
        thing: dict[str, Any] = {"k": "thing", "n": type(item).__name__[:80], "f": _as_float(item)}
        numbers = _as_numbers(item)
        if numbers is not None:
            thing["a"] = array(numbers, "array")
        return thing

    tree = walk(value, 0)
    return tree, b"".join(chunks)


def decode(tree: Any, data: bytes, special: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """The value that was encoded; what is neither plain nor an array becomes a `Thing` with its type's name.

    Raises
    ------
    BrokenWireError
        Whatever is wrong with the tree.
    """
    count = 0

    def walk(node: Any, depth: int) -> Any:
        nonlocal count
        count += 1
        if depth > DEEPEST + 2 or count > MOST_VALUES:
            raise BrokenWireError("a value with too many parts")
        if node is None or isinstance(node, bool | int | float | str):
            return node
        if not isinstance(node, dict):
            raise BrokenWireError("no value")
        kind = node.get("k")
        if kind == "...":
            return Ellipsis
        if kind in ("list", "tuple"):
            items = [walk(item, depth + 1) for item in node["v"]]
            return items if kind == "list" else tuple(items)
        if kind in ("array", "scalar"):
            array = _array(node, data)
            return array if kind == "array" else array[()]
        if kind == "thing":
            numbers = _array(node["a"], data) if "a" in node else None
            number = node.get("f")
            return thing(str(node["n"])[:80], numbers, float(number) if number is not None else None)
        if special is not None:
            return special(node)
        raise BrokenWireError(f"a value of kind {str(kind)[:40]!r}")

    try:
        return walk(tree, 0)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
        raise BrokenWireError(f"a value that cannot be read ({type(error).__name__})") from error


def thing(name: str, numbers: Any = None, number: float | None = None) -> Any:
    """An object of a type of this name; it converts to an array or a float where the original did."""

    def as_array(self: Any, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(numbers, dtype=dtype)

    def as_float(self: Any) -> float:
        assert number is not None
        return number

    body: dict[str, Any] = {}
    if numbers is not None:
        body["__array__"] = as_array
    if number is not None:
        body["__float__"] = as_float
    return type(name if name.isidentifier() else "object", (), body)()


def _array(node: dict[str, Any], data: bytes) -> Any:
    dtype = np.dtype(node["d"])
    if not isinstance(node["d"], str) or dtype.kind not in NUMBER_KINDS or dtype.names or dtype.itemsize > 16:
        raise BrokenWireError("an array that does not hold numbers")
    shape = [int(size) for size in node["s"]]
    if len(shape) > 32 or any(not 0 <= size <= LARGEST_BYTES for size in shape):
        raise BrokenWireError("an array of an impossible shape")
    size, at = math.prod(shape), int(node["at"])
    if at < 0 or at + size * dtype.itemsize > len(data):
        raise BrokenWireError("an array that was not sent")
    return np.frombuffer(data, dtype, size, at).reshape(shape).copy() if size else np.zeros(shape, dtype)


def _as_numbers(item: Any) -> Any:
    """The numbers in a tensor, a table, a range, or whatever else numpy takes for an array."""
    if not hasattr(type(item), "__array__") and not isinstance(item, range):
        return None
    try:
        numbers = np.asarray(item)
    except Exception:
        return None
    return numbers if numbers.dtype.kind in NUMBER_KINDS else None


def _as_float(item: Any) -> float | None:
    if not hasattr(type(item), "__float__") or isinstance(item, np.ndarray | np.generic):
        return None
    try:
        return float(item)
    except Exception:
        return None
