"""A search that is cut short and started again ends as if it had never stopped; a finished one is not done again."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lessonkit.__main__ import main
from lessonkit.commands import frontier as frontier_command
from lessonkit.engine.evaluator import Evaluator, LayerEvaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments import comparison, report, store
from lessonkit.experiments.layerwise import prune_layerwise
from lessonkit.experiments.presets import COURSE, anneal_near
from lessonkit.genetic import evolve
from lessonkit.masks import flip
from lessonkit.networks.mnist import Dataset, Split
from lessonkit.networks.network import Network, PrunableLayer
from lessonkit.networks.weights import load_network

ROOT = Path(__file__).parents[2]
NETWORK = load_network("standin")


@pytest.fixture(scope="module")
def few(standin) -> Dataset:
    return dataclasses.replace(standin, validation=standin.validation.head(60), test=standin.test.head(80))


def run(data, methods=("annealing", "genetic"), **settings):
    return comparison.compare(
        methods, data=data, **{"evaluations": 35, "search_images": 40, "network": NETWORK, **settings}
    )


def everything(found) -> str:
    """All that must be the same bit for bit."""
    rows = [dataclasses.replace(row, seconds=0.0) for row in found.rows]
    return str([[[mask.tolist() for mask in row.masks], dataclasses.replace(row, masks=())] for row in rows])


def held(path, what="evaluations") -> int:
    """How many evaluations of unfinished searches a store holds, or how many finished searches."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        try:
            rows = db.execute("SELECT part, content FROM searches").fetchall()
        except sqlite3.OperationalError:  # nothing was written so far
            return 0
    if what == "finished":
        return sum(part == store.RESULT for part, _ in rows)
    return sum(len(json.loads(zlib.decompress(content))[1]) for part, content in rows if part != store.RESULT)


class PowerCutError(Exception):
    """Ends a search from inside, as no search expects it."""


def cut_at(number, monkeypatch, error=PowerCutError):
    """The evaluation `number` raises, once."""
    seen, evaluate = [0], LayerEvaluator.evaluate

    def cut(self, candidates):
        seen[0] += len(candidates)
        if seen[0] > number:
            monkeypatch.setattr(LayerEvaluator, "evaluate", evaluate)
            raise error
        return evaluate(self, candidates)

    monkeypatch.setattr(LayerEvaluator, "evaluate", cut)


# --- one search, through `prune_layerwise` --------------------------------------------------------------------------


def hill_climb(problem, start, *, rng, callback=None):
    """A student's own search, which knows nothing of stores, and asks for some masks twice."""
    best, best_cost = start, problem.cost([start])[0]
    while problem.remaining >= 2:
        pair = [flip(best, 0.2, rng), best]
        costs = problem.cost(pair)
        if costs.min() < best_cost:
            best, best_cost = pair[int(costs.argmin())], costs.min()
    return best, best_cost


SEARCHES = {
    "annealing": functools.partial(anneal_near, iterations=29, initial_rate=0.3, redraw_factor=0.85, move=flip),
    "genetic": functools.partial(evolve, generations=6, population=6),
    "own": hill_climb,
}


def tiny(seed: int = 0) -> Evaluator:
    """Three dense layers on 40 random points."""
    rng = np.random.default_rng(seed)
    layers = tuple(
        PrunableLayer(
            f"D{index}",
            rng.normal(size=shape).astype(np.float32),
            rng.normal(size=shape[1]).astype(np.float32),
            "softmax" if index == 2 else "sigmoid",
            position=index,
        )
        for index, shape in enumerate([(6, 5), (5, 4), (4, 3)])
    )
    points = rng.normal(size=(40, 6)).astype(np.float32)
    return Evaluator(Network((6,), layers, total_layers=3), points, rng.integers(0, 3, 40))


def prune(search, path=None, *, seed=4, evaluator=None, generator=np.random.PCG64, **settings) -> str:
    """The result and the state in which it leaves its generator."""
    rng = np.random.Generator(generator(seed))
    given = {"evaluations": 90, "loss_to_warmup": 50.0, **settings}
    search = SEARCHES[search] if isinstance(search, str) else search
    found = prune_layerwise(search, evaluator or tiny(), rng=rng, checkpoint=path, **given)
    masks = [mask.tolist() for mask in found.masks]
    return str([masks, dataclasses.replace(found, best=(), seconds=0.0), found.history, rng.bit_generator.state])


@pytest.mark.parametrize("search", SEARCHES)
def test_cut_at_any_evaluation_it_continues_there(search, tmp_path, monkeypatch, counted):
    plain = prune(search)
    for at in range(0, 90, 17):
        path = tmp_path / f"{at}.sqlite"
        cut_at(at, monkeypatch)
        with pytest.raises(PowerCutError):
            prune(search, path)
        known = held(path)
        assert at - 6 < known <= at
        counted.clear()
        assert prune(search, path) == plain
        assert len(counted) <= 90 - known
    counted.clear()
    assert prune(search, path) == plain
    assert not counted  # an ended search is there as a whole


def test_what_was_asked_twice_is_answered_twice_as_it_was(tmp_path, monkeypatch):
    # a student's search may retrain weights in between: the second answer must be the second one
    def retraining(problem, start, *, rng, callback=None):
        first = problem.cost([start])[0]
        evaluator.network.layers[0].kernel.flags.writeable = True
        answers.append((first, problem.cost([start])[0]))
        return start, first

    answers, evaluate = [], LayerEvaluator.evaluate
    number = iter(range(100))
    monkeypatch.setattr(
        LayerEvaluator,
        "evaluate",
        lambda self, masks: [dataclasses.replace(each, loss=next(number) / 7) for each in evaluate(self, masks)],
    )
    evaluator = tiny()
    for _ in range(2):
        prune(retraining, tmp_path / "a.sqlite", evaluator=evaluator)
    assert answers[:3] == answers[3:]
    assert all(one != other for one, other in answers)


@pytest.mark.parametrize("generator", [np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_any_generator_of_numpy_will_do(generator, tmp_path, monkeypatch, counted):
    path = tmp_path / "a.sqlite"
    cut_at(40, monkeypatch)
    with pytest.raises(PowerCutError):
        prune("annealing", path, generator=generator)
    counted.clear()
    assert prune("annealing", path, generator=generator) == prune("annealing", generator=generator)
    assert len(counted) < 2 * 90 - 30


def test_ctrl_c_writes_what_is_known(tmp_path, monkeypatch):
    plain, path = prune("annealing"), tmp_path / "a.sqlite"
    cut_at(50, monkeypatch, KeyboardInterrupt)
    assert "'interrupted'" in prune("annealing", path)
    assert held(path) == 50
    assert prune("annealing", path) == plain


def test_other_runs_share_a_file_and_never_meet(tmp_path):
    path, other = tmp_path / "a.sqlite", tiny()
    other.labels[0] = (other.labels[0] + 1) % 3
    for settings in ({}, {"seed": 5}, {"evaluations": 60}, {"count_all_layers": False}, {"loss_to_warmup": 60.0},
                     {"evaluator": tiny(1)}, {"evaluator": other}):  # fmt: skip
        plain = prune("annealing", **settings)
        before = held(path) if path.exists() else 0
        assert prune("annealing", path, **settings) == plain
        assert held(path) >= before + 50
        assert prune("annealing", path, **settings) == plain


def test_the_seconds_of_earlier_processes_count(tmp_path):
    path = tmp_path / "a.sqlite"
    prune("annealing", path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        (search,) = {search for (search,) in db.execute("SELECT search FROM searches")}
    kept = store.Store(path)
    known = kept.parts(search)
    kept.add(search, {part: (seconds + 1000 / len(known), answers) for part, (seconds, answers) in known.items()})
    given = {"rng": np.random.default_rng(4), "evaluations": 90, "loss_to_warmup": 50.0}
    found = prune_layerwise(SEARCHES["annealing"], tiny(), checkpoint=path, **given)
    assert 1000 <= found.seconds < 1100


# --- a file that cannot be used -------------------------------------------------------------------------------------


def refused(path, match, counted):
    before = path.read_bytes() if path.is_file() else None
    counted.clear()
    with pytest.raises(LessonkitError, match=match) as raised:
        prune("annealing", path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert before is None or path.read_bytes() == before
    assert not counted


def test_a_damaged_or_foreign_file_is_one_line_and_left_as_it_was(tmp_path, counted):
    path = tmp_path / "a.sqlite"
    prune("own", path)
    whole = path.read_bytes()
    for content in (whole[:-4096], whole[:5000], whole[:1000], whole[:50], b"not a database" * 50, b"\x89PNG\r\n"):
        path.write_bytes(content)
        refused(path, "cannot be read as a store of searches .*: delete it, or name another place", counted)
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE pupils (name TEXT)")
    refused(path, "no such table", counted)
    refused(tmp_path, "cannot be read as a store", counted)
    refused(tmp_path / "missing" / "a.sqlite", "cannot be read as a store", counted)


def test_no_damaged_byte_changes_a_result(tmp_path):
    path, plain = tmp_path / "a.sqlite", prune("annealing")
    prune("annealing", path)
    whole, refusals = path.read_bytes(), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for at in range(0, len(whole), len(whole) // 150):
            damaged = bytearray(whole)
            damaged[at] ^= 0x55
            path.write_bytes(damaged)
            try:
                assert prune("annealing", path) == plain
            except LessonkitError as error:
                assert str(path) in str(error)  # noqa: PT017
                refusals += 1
    assert refusals > 20


def test_a_full_disk_is_no_reason_to_stop(tmp_path, monkeypatch):
    plain, path, connect = prune("genetic"), tmp_path / "a.sqlite", sqlite3.connect
    monkeypatch.setattr(store, "PAUSE", 0.0)

    def full(*given, **more):
        db = connect(*given, **more)
        db.execute(f"PRAGMA max_page_count = {pages}")
        return db

    for when in ("at once", "later"):
        if when == "later":
            prune("own", path)
        pages = path.stat().st_size // 4096 if when == "later" else 1
        monkeypatch.setattr(sqlite3, "connect", full)
        with pytest.warns(UserWarning, match=r"a\.sqlite: cannot be written \(database or disk is full\); going on"):
            assert prune("genetic", path) == plain
        monkeypatch.setattr(sqlite3, "connect", connect)
    assert prune("genetic", path) == plain


def test_a_file_that_is_removed_meanwhile_is_made_again(tmp_path, monkeypatch):
    path, plain = tmp_path / "a.sqlite", prune("own")
    seen = []

    def removing(problem, start, **given):
        seen.append(path.unlink(missing_ok=True))
        return hill_climb(problem, start, **given)

    assert prune(removing, path) == plain
    assert held(path) > 80


@pytest.mark.skipif(not shutil.which("setpriv") or os.getuid() != 0, reason="needs a root that can give up its rights")
def test_a_file_that_may_only_be_read_still_answers(few, tmp_path):
    program = (
        "import warnings, dataclasses as d; from lessonkit.experiments.comparison import compare; "
        "from lessonkit.networks.mnist import load_mnist; data = load_mnist('standin'); "
        "data = d.replace(data, validation=data.validation.head(60), test=data.test.head(80)); "
        "found = compare(['annealing', 'genetic'], data=data, evaluations=35, search_images=40, "
        f"folder={str(tmp_path)!r}, remark=print); print([row.evaluations for row in found.rows[::4]])"
    )
    run(few, ["annealing"], folder=tmp_path)
    (tmp_path / "searches.sqlite").chmod(0o444)
    tmp_path.chmod(0o555)
    # Without this right, root too keeps to what files allow, and still reads a Python that is root's alone.
    ended = subprocess.run(
        ["setpriv", "--bounding-set=-dac_override", sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "resuming: 1 of 2 searches are finished\n[35, 35]\n"
    assert "searches.sqlite: cannot be written (attempt to write a readonly database)" in ended.stderr


# --- `compare` ------------------------------------------------------------------------------------------------------


def test_a_second_call_takes_everything_from_the_folder(few, tmp_path, counted):
    plain = run(few, seeds=(0, 2))
    first = run(few, seeds=(0, 2), folder=tmp_path)
    assert everything(first) == everything(plain)
    assert [path.name for path in tmp_path.iterdir()] == ["searches.sqlite"]
    assert held(tmp_path / "searches.sqlite") == 0
    counted.clear()
    remarks = []
    again = run(few, seeds=(0, 2), folder=tmp_path, remark=remarks.append)
    assert not counted
    assert everything(again) == everything(first)
    assert [row.seconds for row in again.rows[::4]] == [row.seconds for row in first.rows[::4]]
    assert remarks == ["resuming: 4 of 4 searches are finished"]
    other = dataclasses.replace(few, test=few.test.head(50))
    assert everything(run(other, ["annealing"], folder=tmp_path)) == everything(run(other, ["annealing"]))


def test_what_was_cut_short_is_resumed_and_reported(few, tmp_path, monkeypatch, counted):
    plain, remarks = everything(run(few)), []
    cut_at(35 + 17, monkeypatch, KeyboardInterrupt)  # in the second search
    assert run(few, folder=tmp_path, remark=remarks.append).interrupted
    known = held(tmp_path / "searches.sqlite")
    assert 5 < known <= 17
    counted.clear()
    assert everything(run(few, folder=tmp_path, remark=remarks.append)) == plain
    assert remarks == [f"resuming: 1 of 2 searches are finished, genetic seed 0 after {known} evaluations"]
    assert len(counted) == 35 - known


@pytest.mark.parametrize(
    "change",
    [
        {"evaluations": 36},
        {"search_images": 41},
        {"seeds": (1,)},
        {"preset": dataclasses.replace(COURSE, standin_loss_to_warmup=1.6)},
        {"preset": dataclasses.replace(COURSE, count_all_layers=False)},
        {"preset": dataclasses.replace(COURSE, annealing={**COURSE.annealing, "mutation_rate": 0.04})},
        {"network": "other"},
        {"data": "other"},
        {"code": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_settings_never_meet_a_finished_search(few, tmp_path, monkeypatch, counted, change):
    run(few, ["annealing"], folder=tmp_path)
    given, data = {"folder": tmp_path, **change}, few
    if given.pop("code", None):
        monkeypatch.setattr(comparison, "code_digest", lambda module: "another")
    if given.get("network") == "other":
        last = dataclasses.replace(NETWORK.layers[-1], bias=NETWORK.layers[-1].bias + np.float32(0.01))
        given["network"] = dataclasses.replace(NETWORK, layers=(*NETWORK.layers[:-1], last))
    if given.pop("data", None):  # of the same name and size
        images = few.validation.images.copy()
        images[39, 14, 14] = np.nextafter(images[39, 14, 14], np.float32(0.5))
        data = dataclasses.replace(few, validation=Split(images, few.validation.labels))
    counted.clear()
    found = run(data, ["annealing"], **given)
    assert len(counted) == found.rows[0].evaluations >= 35
    assert held(tmp_path / "searches.sqlite", "finished") == 2


def test_settings_of_the_other_method_do_not_matter(few, tmp_path, counted):
    run(few, ["annealing"], folder=tmp_path)
    counted.clear()
    run(few, ["annealing"], preset=dataclasses.replace(COURSE, genetic={"population": 7}), folder=tmp_path)
    assert not counted


def test_fresh_starts_over(few, tmp_path, counted, monkeypatch):
    run(few, ["annealing"], folder=tmp_path)
    cut_at(20, monkeypatch, KeyboardInterrupt)
    run(few, ["genetic"], folder=tmp_path)
    counted.clear()
    remarks = []
    run(few, folder=tmp_path, fresh=True, remark=remarks.append)
    assert len(counted) == 70
    assert remarks == []


def climbing(rate):
    def my_search(problem, start, *, rng, callback=None):
        best, best_cost = start, problem.cost([start])[0]
        while problem.remaining >= 1:
            mask = flip(best, rate, rng)
            cost = problem.cost([mask])[0]
            if cost < best_cost:
                best, best_cost = mask, cost
        return best, best_cost

    return my_search


def test_a_search_of_ones_own_is_kept_and_searched_again_once_it_has_changed(few, tmp_path, counted):
    first = run(few, [climbing(0.1)], folder=tmp_path)
    counted.clear()
    assert everything(run(few, [climbing(0.1)], folder=tmp_path)) == everything(first)
    assert not counted
    both = everything(run(few, [climbing(0.1), climbing(0.2)]))  # of the same name
    counted.clear()
    assert everything(run(few, [climbing(0.1), climbing(0.2)], folder=tmp_path)) == both
    assert len(counted) == 35


def test_a_search_that_cannot_be_compared_with_an_earlier_one_runs_every_time(few, tmp_path, counted):
    def locked(problem, start, *, rng, callback=None):
        with lock:
            return climbing(0.1)(problem, start, rng=rng)

    lock = threading.Lock()
    for _ in range(2):
        counted.clear()
        run(few, [locked], folder=tmp_path)
        assert len(counted) == 35


# --- the commands, in this process and as processes of their own ----------------------------------------------------

COMPARE = ["compare", "--data", "standin", "--evaluations", "200", "--search-images", "100"]
FRONTIER = ["frontier", "--data", "standin", "--sparsities", "0.9", "--networks", "1", "--seeds", "1", "--methods",
            "annealing,genetic,lamp", "--evaluations", "200", "--search-images", "300"]  # fmt: skip
COMMANDS = pytest.mark.parametrize("arguments", [COMPARE, FRONTIER], ids=["compare", "frontier"])
NO_FIGURE = SimpleNamespace(png=lambda: b"")
PROGRAM = """
import os, sys
from types import SimpleNamespace
from lessonkit.commands import frontier
from lessonkit.engine.evaluator import Evaluator, LayerEvaluator
from lessonkit.experiments import report, store
from lessonkit.__main__ import main
report.comparison_plot = frontier.frontier_plot = lambda *_: SimpleNamespace(png=lambda: b"")
at, number = int(sys.argv.pop(1)), int(sys.argv.pop(1))
store.PAUSE = 0.0 if at else store.PAUSE
begun = 0
for kind in (Evaluator, LayerEvaluator):
    def evaluate(self, masks, evaluate=kind.evaluate):
        global begun
        begun += 1
        if begun == at:
            os.kill(os.getpid(), number)
        return evaluate(self, masks)
    kind.evaluate = evaluate
sys.exit(main())
"""


def start(arguments, folder, *, at=0, number=signal.SIGKILL, root=ROOT):
    """A command as a process, which sends itself a signal when it begins the evaluation `at`; 0 is never."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(at), str(int(number)), *arguments, "--output", str(folder)],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def ended(process, status=0) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == status, err
    return out


def files(folder) -> dict:
    """What the command wrote, its seconds left out."""
    found = {name: (folder / name).read_bytes() for name in ("history.csv", "summary.csv") if (folder / name).exists()}
    for path in folder.rglob("*.npz"):
        found[str(path.relative_to(folder))] = path.read_bytes()
    if (path := folder / "frontier.csv").exists():
        lines = [line.split(",") for line in path.read_text().splitlines()]
        found["frontier.csv"] = [
            [a for a, name in zip(line, lines[0], strict=True) if name != "seconds"] for line in lines
        ]
    return found


@COMMANDS
def test_the_flag_fresh_starts_over(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(report, "comparison_plot", lambda *_: NO_FIGURE)
    monkeypatch.setattr(frontier_command, "frontier_plot", lambda *_: NO_FIGURE)
    for flags, resumed in ([], False), ([], True), (["--fresh"], False), ([], True):
        assert main([*arguments, "--evaluations", "50", *flags, "--output", str(tmp_path)]) == 0
        assert ("searches are finished; --fresh starts over" in capsys.readouterr().out) == resumed


@pytest.mark.slow
@COMMANDS
def test_killed_interrupted_and_started_again_a_command_ends_as_if_it_had_not_been(arguments, tmp_path):
    ended(start(arguments, tmp_path / "plain"))
    plain, folder = files(tmp_path / "plain"), tmp_path / "killed"
    assert len(plain) > 3
    known = 0
    for at, number in ((9, signal.SIGKILL), (7, signal.SIGINT), (8, signal.SIGKILL)):
        out = ended(start(arguments, folder, at=at, number=number), 130 if number == signal.SIGINT else -number)
        assert (f" after {known} evaluations; --fresh starts over" in out) == (known > 0)
        assert held(folder / "searches.sqlite") >= known + 4
        known = held(folder / "searches.sqlite")
        assert held(folder / "searches.sqlite", "finished") == 0
    out = ended(start(arguments, folder))
    assert f"annealing{' seed 0' if arguments is COMPARE else '-0.9-seed0'} after {known} evaluations; --fresh" in out
    assert files(folder) == plain
    assert "searches are finished; --fresh" in ended(start(arguments, folder))
    assert "resuming" not in ended(start([*arguments, "--fresh"], folder))
    assert files(folder) == plain


@pytest.mark.slow
def test_two_processes_in_one_folder_at_the_same_time(tmp_path):
    ended(start(COMPARE, tmp_path / "plain"))
    for process in [start([*COMPARE, "--quiet"], tmp_path / "both", at=-1) for _ in range(2)]:
        ended(process)
    assert files(tmp_path / "both") == files(tmp_path / "plain")
    assert held(tmp_path / "both" / "searches.sqlite", "finished") == 2


@pytest.mark.slow
def test_processes_of_this_machine_log_too(tmp_path):
    arguments, path = [*COMPARE, "--evaluations", "4000"], tmp_path / "searches.sqlite"
    process = start([*arguments, "--jobs", "2"], tmp_path)
    while not path.exists() or not held(path):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    ended(process, 130)
    known = held(path)
    assert "evaluations; --fresh starts over" in ended(start(arguments, tmp_path))
    assert known
    resumed = files(tmp_path)
    ended(start([*arguments, "--fresh"], tmp_path))
    assert files(tmp_path) == resumed


@pytest.mark.slow
@COMMANDS
def test_a_comment_in_the_package_throws_nothing_away_and_a_number_does(arguments, tmp_path):
    arguments, root, out = [*arguments, "--evaluations", "50"], tmp_path / "copy", tmp_path / "out"
    shutil.copytree(ROOT / "lessonkit", root / "lessonkit")
    file = root / "lessonkit" / "objective.py"
    source = file.read_text()
    assert "resuming" not in ended(start(arguments, out, root=root))
    file.write_text(source.replace('"""', '"""Another docstring. ', 1) + "\n# a comment\n")
    assert "searches are finished; --fresh" in ended(start(arguments, out, root=root))
    assert "PENALTY = 1e8" in source
    file.write_text(source.replace("PENALTY = 1e8", "PENALTY = 1e9"))
    assert "resuming" not in ended(start(arguments, out, root=root))
