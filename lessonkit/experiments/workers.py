"""Work elsewhere: processes of this machine, the workers of a Dask cluster, any `concurrent.futures.Executor`."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import platform
import signal
import socket
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from lessonkit.errors import LessonkitError
from lessonkit.experiments.fingerprint import code_digest
from lessonkit.networks.mnist import Split

Key = TypeVar("Key")
Result = TypeVar("Result")

TIMEOUT = 15.0  # seconds until a scheduler has answered and one worker is there
TRIES = 3  # how often a job is given out whose worker died, beyond what the scheduler itself does


def gather(
    executor: Executor,
    function: Callable[..., Result],
    jobs: Mapping[Key, Sequence[Any]],
    collect: Callable[[Key, Result], Any],
) -> None:
    """Run ``function(*job)`` for every job, and ``collect(key, result)`` as soon as each is done, in any order.

    An error or Ctrl-C cancels what has not begun, and collects what is done before it is passed on.

    Raises
    ------
    LessonkitError
        When a worker or the whole pool died, and the job could not be done by another one.
    """
    waiting: dict[Future[Result], Key] = {}
    losses: Counter[Key] = Counter()
    try:
        for key, job in jobs.items():
            waiting[executor.submit(function, *job)] = key
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                key = waiting[future]
                error = future.exception() if not future.cancelled() else CancelledError()
                if error is None:
                    collect(key, future.result())
                elif _worker_died(error) and losses[key] < TRIES:
                    losses[key] += 1
                    waiting[executor.submit(function, *jobs[key])] = key
                else:
                    raise _explained(error) from error
                del waiting[future]
    except BaseException:
        for future in waiting:
            future.cancel()
        for future, key in waiting.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                collect(key, future.result())
        if isinstance(executor, Processes):
            executor.stop()
        raise


def _worker_died(error: BaseException) -> bool:
    return type(error).__name__ == "KilledWorker"  # Dask's; it need not be installed


def _explained(error: BaseException) -> BaseException:
    again = "what is finished is kept where there is a folder for it, and the same command goes on with the rest"
    if _worker_died(error):
        return LessonkitError(f"a job's workers died again and again (out of memory?): {again}")
    if isinstance(error, BrokenExecutor):
        return LessonkitError(f"a worker process died (out of memory?): {again}")
    if isinstance(error, CancelledError):
        return LessonkitError(f"the scheduler has gone or has cancelled a job: {again}")
    if isinstance(error, ModuleNotFoundError):
        return LessonkitError(f"a worker cannot import {error.name}: install the same lessonkit on every machine")
    if "pickle" in f"{type(error).__name__} {error}".lower():
        return LessonkitError(f"a search that runs elsewhere must be a function of a module, not of a cell ({error})")
    return error


# --- executors ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def workers(scheduler: str | None = None, jobs: int | None = None) -> Iterator[Executor | None]:
    """What the flags --scheduler and --jobs ask for; None is this process."""
    if scheduler is not None:
        with _cluster(scheduler) as executor:
            yield executor
    elif jobs is not None and jobs > 1:
        with Processes(jobs) as executor:
            yield executor
    else:
        yield None


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    try:
        import distributed
    except ImportError as error:
        raise LessonkitError("--scheduler needs Dask: pip install 'lessonkit[distributed]'") from error
    nobody = (
        f"--scheduler {address}: no Dask scheduler answers there within {TIMEOUT:.0f} s; "
        "'dask scheduler' starts one and prints its address"
    )
    try:
        place = urlsplit(address if "://" in address else f"tcp://{address}")
        socket.create_connection((place.hostname or "", place.port or 8786), timeout=TIMEOUT).close()
        if place.scheme == "tcp":  # the client itself waits for ever where something else than Dask listens
            asyncio.run(asyncio.wait_for(_greet(place.geturl()), TIMEOUT))
        client = distributed.Client(address, timeout=TIMEOUT, set_as_default=False)
    except Exception as error:  # an OSError, a ValueError: whatever an address can be wrong in
        raise LessonkitError(nobody) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT)
        except Exception as error:
            raise LessonkitError(
                f"--scheduler {address}: has no workers after {TIMEOUT:.0f} s; 'dask worker {address}' starts one"
            ) from error
        yield client.get_executor(pure=False)


async def _greet(address: str) -> None:
    from distributed.core import connect

    (await connect(address, timeout=TIMEOUT)).abort()


class Processes(ProcessPoolExecutor):
    """Fresh processes on this machine, the processors dealt out among them."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        super().__init__(count, context, _begin, (context.Value("i", 0), count))
        self._others = set(multiprocessing.active_children())

    def stop(self) -> None:
        """End at once; a search loses what it did since its last write to the store."""
        self.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - self._others:
            process.terminate()


def _begin(begun: Any, count: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gave out the work
    with begun.get_lock():
        number, begun.value = begun.value, begun.value + 1
    if hasattr(os, "sched_setaffinity"):
        mine = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, mine[number % count :: count] or mine)


# --- what travels ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Packed:
    """Images and labels on their way to a worker, as bytes where that loses nothing: a quarter of the size."""

    images: NDArray[np.float32] | NDArray[np.uint8]
    labels: NDArray[np.int64]

    @classmethod
    def of(cls, split: Split) -> Packed:
        """Pack; the pixels of MNIST and of the stand-in are whole 255ths."""
        pixels = np.empty(split.images.shape, np.uint8)
        for at in range(0, len(split), 4096):
            part = split.images[at : at + 4096]
            pixels[at : at + 4096] = np.clip(np.rint(part * 255), 0, 255)
            if not np.array_equal(_unpacked(pixels[at : at + 4096]), part):
                return cls(split.images, split.labels)
        return cls(pixels, split.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def split(self, chosen: NDArray[np.intp] | slice = slice(None)) -> Split:
        """The images again, bit for bit; all or those `chosen`."""
        return Split(_unpacked(self.images[chosen]), self.labels[chosen])


def _unpacked(images: NDArray[Any]) -> NDArray[np.float32]:
    if images.dtype != np.uint8:
        return images
    pixels = images.astype(np.float32)
    pixels /= 255  # as `lessonkit.networks.mnist` does
    return pixels


def shared(executor: Executor, value: Any) -> Any:
    """`value` as an argument of many jobs: a Dask cluster gets it once, and a worker once from the cluster.

    It is the result of a job and not scattered, so a worker that dies with it loses nothing. Other executors take
    `value` itself.
    """
    client = getattr(executor, "_client", None)
    if client is None or not type(executor).__module__.startswith("distributed"):
        return value
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")
        return client.submit(_same, value, pure=False)


def _same(value: Any) -> Any:
    return value


def require_version(module: str, expected: str) -> None:
    """Refuse to work where results of `module` could differ from those of the process that gave out the work."""
    if code_digest(module) != expected:
        raise LessonkitError(
            f"the worker on {platform.node()} has another lessonkit, Python ({sys.version.split()[0]}) or numpy "
            f"({np.__version__}) than this machine: install the same on all"
        )
