"""Work elsewhere: the same results bit for bit, nothing lost with a worker, one clear line where nobody answers."""

from __future__ import annotations

import dataclasses
import functools
import json
import multiprocessing
import os
import signal
import socket
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

from lessonkit.__main__ import main
from lessonkit.commands import compare as compare_command
from lessonkit.commands import terminal
from lessonkit.errors import LessonkitError
from lessonkit.experiments import comparison, harness
from lessonkit.experiments import workers as scheduler
from lessonkit.experiments.fingerprint import code_digest
from lessonkit.experiments.workers import Packed, gather
from lessonkit.frontier import table
from lessonkit.networks.mnist import Dataset, Split
from lessonkit.networks.weights import load_network

pytestmark = pytest.mark.slow  # minutes in all; run with --slow

NETWORK = load_network("standin")


@pytest.fixture(scope="module")
def few(standin) -> Dataset:
    return dataclasses.replace(standin, validation=standin.validation.head(60), test=standin.test.head(80))


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes behind a scheduler on 127.0.0.1."""
    distributed = pytest.importorskip("distributed")
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0", "host": "127.0.0.1"}
    with distributed.LocalCluster(processes=True, silence_logs=50, **settings) as cluster:
        yield cluster


@pytest.fixture
def executor(cluster):
    with scheduler.workers(cluster.scheduler_address) as executor:
        yield executor


def run(data, methods=("annealing", "genetic"), **settings):
    given = {"evaluations": 35, "search_images": 40, "network": NETWORK, "seeds": (0, 1), **settings}
    return comparison.compare(methods, data=data, **given)


def everything(found) -> str:
    rows = [dataclasses.replace(row, seconds=0.0) for row in found.rows]
    return json.dumps(
        [[[mask.tolist() for mask in row.masks], str(dataclasses.replace(row, masks=()))] for row in rows]
    )


class Never(Executor):
    def submit(self, *_, **__):
        pytest.fail("it was done again")


# --- a Dask cluster of separate processes ---------------------------------------------------------------------------


def test_a_cluster_gives_the_same_comparison_bit_for_bit_and_it_is_kept(few, executor, tmp_path):
    rows = []
    plain = run(few)
    found = run(few, executor=executor, folder=tmp_path, finished=rows.append)
    assert everything(found) == everything(plain)
    assert len(rows) == len(plain.rows)
    assert [path.name for path in tmp_path.iterdir()] == ["searches.sqlite"]

    assert everything(run(few, executor=Never(), folder=tmp_path)) == everything(plain)


def test_a_cluster_gets_the_images_once(executor):
    images = np.arange(9)
    future = scheduler.shared(executor, images)
    assert type(future).__module__.startswith("distributed")
    assert executor.submit(np.sum, future).result() == 36
    with ThreadPoolExecutor(1) as threads:
        assert scheduler.shared(threads, images) is images


def test_a_search_of_ones_own_runs_on_a_cluster(few, executor):
    def half(problem, start, *, rng, callback=None):
        mask = rng.random(start.shape) < 0.5
        return mask, problem.cost([mask])[0]

    assert everything(run(few, [half], executor=executor)) == everything(run(few, [half]))


def test_a_worker_that_is_killed_loses_nothing(few, executor, tmp_path):
    place = str(tmp_path)

    def slow(problem, start, *, rng, callback=None):
        """Says where it runs, and waits for the killer."""
        import os
        import time

        with open(f"{place}/{os.getpid()}-{time.time_ns()}", "w"):
            pass
        while not os.path.exists(f"{place}/killed"):
            time.sleep(0.01)
        mask = rng.random(start.shape) < 0.5
        return mask, problem.cost([mask])[0]

    def kill():
        while len({name.split("-")[0] for name in os.listdir(place)}) < 2:  # both workers are in the middle of a job
            time.sleep(0.01)
        victim = int(sorted(os.listdir(place))[0].split("-")[0])
        os.kill(victim, signal.SIGKILL)
        (tmp_path / "killed").touch()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    found = run(few, [slow], executor=executor)
    killer.join()
    begun = [name for name in os.listdir(place) if name != "killed"]
    assert len(begun) > 2 * 5  # of two searches in five layers, one was begun again
    assert everything(found) == everything(run(few, [slow]))


def test_a_cluster_gives_the_same_frontier_and_the_caller_writes_it(executor, tmp_path):
    settings = {"sparsities": (0.9,), "networks": 1, "seeds": 2, "source": "standin", "search_images": 100}
    methods = ["random", "annealing"]
    here = table.frontier(methods, folder=tmp_path / "here", evaluations=55, **settings)
    there = table.frontier(methods, folder=tmp_path / "there", evaluations=55, executor=executor, **settings)
    assert len(there.rows) == 4
    for a, b in zip(here.rows, there.rows, strict=True):
        assert dataclasses.replace(a, seconds=0) == dataclasses.replace(b, seconds=0)
    for path in (tmp_path / "here" / "cells").glob("*.npz"):
        with np.load(path) as one, np.load(tmp_path / "there" / "cells" / path.name) as other:
            assert all((one[name] == other[name]).all() for name in one)
    assert table.frontier(methods, folder=tmp_path / "there", evaluations=55, executor=Never(), **settings) == there


def test_the_commands_use_a_cluster(few, cluster, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(compare_command, "load_mnist", lambda source: few)
    monkeypatch.setattr(
        compare_command.report, "comparison_plot", lambda found: type("P", (), {"png": lambda _: b""})()
    )
    monkeypatch.setattr(terminal, "SECONDS", 0.0)  # a line at once
    flags = ["--evaluations", "30", "--search-images", "40", "--methods", "annealing", "--seeds", "2"]
    address = cluster.scheduler_address
    assert main(["compare", *flags, "--output", str(tmp_path / "there"), "--scheduler", address]) == 0
    assert "2 of 2 searches" in capsys.readouterr().err
    assert main(["compare", *flags, "--output", str(tmp_path / "here"), "--quiet"]) == 0
    for name in ("history.csv", "masks-annealing-seed1.npz"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
    flags = ["--sparsities", "0.5", "--seeds", "1", "--search-images", "50", "--data", "standin", "--methods", "lamp"]
    assert main(["frontier", *flags, "--output", str(tmp_path), "--scheduler", address]) == 0
    assert json.loads((tmp_path / "frontier.json").read_text())["rows"][0]["method"] == "lamp"


# --- nobody there ---------------------------------------------------------------------------------------------------


def refused(capsys, tmp_path, *flags):
    for command in ("compare", "frontier"):
        assert main([command, "--data", "standin", "--quiet", "--output", str(tmp_path), *flags]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        yield said.err


@pytest.mark.parametrize("address", ["nonsense", "tcp://", "127.0.0.1:99999999", ""])
def test_an_address_that_is_none_is_one_line(address, tmp_path, capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(scheduler, "TIMEOUT", 1.0)
    for said in refused(capsys, tmp_path, "--scheduler", address):
        assert f"--scheduler {address}: no Dask scheduler answers" in said


def test_a_port_where_nobody_or_somebody_else_listens_is_one_line(tmp_path, capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(scheduler, "TIMEOUT", 1.0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        for said in refused(capsys, tmp_path, "--scheduler", address):
            assert "no Dask scheduler answers there within 1 s" in said
        other.listen()  # and never says a word
        for said in refused(capsys, tmp_path, "--scheduler", address):
            assert "no Dask scheduler answers there within 1 s" in said


def test_a_cluster_without_workers_is_one_line(tmp_path, capsys, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(scheduler, "TIMEOUT", 1.0)
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0", host="127.0.0.1") as empty:
        for said in refused(capsys, tmp_path, "--scheduler", empty.scheduler_address):
            assert "has no workers after 1 s" in said


def test_without_dask_the_line_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    for said in refused(capsys, tmp_path, "--scheduler", "tcp://127.0.0.1:8786"):
        assert "pip install 'lessonkit[distributed]'" in said


def test_both_flags_at_once_are_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"])
    assert "not allowed with" in capsys.readouterr().err


# --- processes of this machine --------------------------------------------------------------------------------------


def test_jobs_are_processes_of_this_machine(tmp_path):
    flags = ["--data", "standin", "--evaluations", "30", "--search-images", "40", "--methods", "annealing"]
    assert main(["compare", *flags, "--seeds", "2", "--output", str(tmp_path / "there"), "--jobs", "2"]) == 0
    assert main(["compare", *flags, "--seeds", "2", "--output", str(tmp_path / "here")]) == 0
    for name in ("history.csv", "masks-annealing-seed1.npz"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def _end(number):
    if number:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_process_that_dies_is_one_line_and_what_is_done_is_collected():
    done = {}
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, context) as pool, pytest.raises(LessonkitError, match="a worker process died"):
        gather(pool, _end, {"a": (0,), "b": (1,), "c": (0,)}, done.__setitem__)
    assert done["a"] == 0
    assert "b" not in done


# --- gather ---------------------------------------------------------------------------------------------------------


class ByHand(Executor):
    """Futures that the test ends itself."""

    def __init__(self):
        self.given = []

    def submit(self, function, /, *args, **kwargs):
        self.given.append((Future(), functools.partial(function, *args, **kwargs)))
        return self.given[-1][0]

    def end(self, number, error=None):
        future, work = self.given[number]
        future.set_exception(error) if error else future.set_result(work())


class KilledWorker(Exception):  # noqa: N818 - as Dask calls it
    """What Dask raises when a job's workers died more often than its allowed-failures."""


def later(*actions):
    def act():
        for action in actions:
            time.sleep(0.05)
            action()

    threading.Thread(target=act, daemon=True).start()


def test_a_job_whose_workers_died_is_given_out_again_but_not_for_ever():
    done, hands = {}, ByHand()
    later(lambda: hands.end(0, KilledWorker()), lambda: hands.end(1, KilledWorker()), lambda: hands.end(2))
    gather(hands, abs, {"a": (-3,)}, done.__setitem__)
    assert done == {"a": 3}
    hands = ByHand()
    later(*[functools.partial(hands.end, number, KilledWorker()) for number in range(4)])
    with pytest.raises(LessonkitError, match="workers died again and again"):
        gather(hands, abs, {"a": (-3,)}, done.__setitem__)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LessonkitError("no")])
def test_an_end_before_its_time_cancels_what_has_not_begun_and_keeps_what_is_done(error):
    done, hands = {}, ByHand()

    def collect(key, result):
        if key == "a" and key not in done:
            done[key] = None
            hands.end(2)  # done, but nobody has looked yet
            raise error
        done[key] = result

    later(lambda: hands.end(0))
    with pytest.raises(type(error)):
        gather(hands, abs, {"a": (-1,), "b": (-2,), "c": (-3,)}, collect)
    assert done == {"a": 1, "c": 3}
    assert hands.given[1][0].cancelled()


def test_ctrl_c_in_a_comparison_keeps_the_rows_that_are_done(few, tmp_path):
    begun = []

    def slow(problem, start, *, rng, callback=None):
        begun.append(1)
        return start, problem.cost([start])[0]

    def interrupt(row):
        if row.method == "slow":
            raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as executor:
        found = run(few, [slow], seeds=range(50), executor=executor, finished=interrupt)
    assert found.interrupted
    assert 1 <= len(found.rows) // 4 < 50
    assert len(begun) < 50 * 5
    assert found.rows[0].evaluation.images == 80


def test_a_cluster_that_goes_away_is_one_line():
    hands = ByHand()
    later(lambda: hands.given[0][0].cancel() and hands.given[0][0].set_running_or_notify_cancel())  # as Dask does
    with pytest.raises(LessonkitError, match="the scheduler has gone"):
        gather(hands, abs, {"a": (-3,)}, print)


def test_another_lessonkit_on_a_worker_is_refused():
    scheduler.require_version("lessonkit.experiments.comparison", code_digest("lessonkit.experiments.comparison"))
    with pytest.raises(LessonkitError, match="has another lessonkit"):
        scheduler.require_version("lessonkit.experiments.comparison", "of another")


def test_every_job_is_checked_against_the_code_that_gave_it_out(few, tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "code_digest", lambda module: "another")
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(LessonkitError, match="has another lessonkit"):
            run(few, executor=executor)
        with pytest.raises(LessonkitError, match="has another lessonkit"):
            table.frontier(["lamp"], networks=1, seeds=1, folder=tmp_path, source="standin", executor=executor)


# --- what travels ---------------------------------------------------------------------------------------------------


def test_packed_images_come_back_bit_for_bit(standin):
    greys = np.random.default_rng(0).random((256, 1, 1, 1), np.float32)
    for images in (np.arange(256, dtype=np.float32).reshape(-1, 1, 1, 1) / 255, standin.test.images[:256], greys):
        split = Split(images, np.arange(256))
        packed = Packed.of(split)
        for one, other in ((split, packed.split()), (Split(images[[5, 2]], np.array([5, 2])), packed.split([5, 2]))):
            assert other.images.dtype == np.float32
            assert one.images.tobytes() == other.images.tobytes()
            assert one.labels.tolist() == other.labels.tolist()
    kinds = [Packed.of(Split(some, np.arange(len(some)))).images.dtype.name for some in (standin.test.images, greys)]
    assert kinds == ["uint8", "float32"]


def test_a_job_is_sent_the_search_images_alone(few):
    import io
    from multiprocessing.reduction import ForkingPickler

    sizes = []

    class Weighing(ThreadPoolExecutor):
        def submit(self, function, /, *args, **kwargs):
            file = io.BytesIO()
            ForkingPickler(file).dump((function, args, kwargs))
            sizes.append(len(file.getvalue()))
            return super().submit(function, *args, **kwargs)

    with Weighing(1) as executor:
        run(few, ["annealing"], executor=executor)
    weights = sum(kernel.nbytes for kernel in NETWORK.kernels)
    assert len(sizes) == 2
    assert max(sizes) < weights + 40 * 28 * 28 + 20_000
