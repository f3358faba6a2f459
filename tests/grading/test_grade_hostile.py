"""Notebooks that hang, fork, fill, break out, forge: each is told as what it is, and nothing else suffers.

The bounds are small and no time is asserted. Without bwrap the limits hold all the same; what only it can refuse is
skipped then.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest
from submissions import (
    CHECK_COOLING,
    CHECK_RATE,
    COOLING,
    IMPORTS,
    RATE,
    ROOT,
    SHORT,
    WRONG_RATE,
    answering,
    examiner,
    graded,
    lesson,
    notebook,
    protected,
    statuses,
    with_cell,
)

from lessonkit.grading import sandbox
from lessonkit.grading.examiner import Examiner
from lessonkit.grading.rows import EXERCISE_STATUSES, NOTEBOOK_STATUSES

pytestmark = pytest.mark.slow  # minutes in all; run with --slow

SECONDS = 6  # for a notebook; a cell and an exercise have a quarter of it
BOTH = {"adaptive_mutation_rate": "right", "logarithmic_cooling": "right"}

sandboxed = pytest.mark.skipif(not protected(), reason="bwrap is not installed, or may not do its work here")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's bounds are Linux's")


def one(status: str) -> dict[str, str]:
    """The statuses where one of the two functions is at fault."""
    return {**BOTH, "logarithmic_cooling": status}


@sandboxed
@pytest.mark.parametrize("cell", ["open('x', 'w').write('x')", "import os\nos._exit(0)", "while True: pass"])
def test_no_scratch_file_stays_behind(cell):
    statuses(with_cell(cell), SECONDS)
    assert not list(Path(tempfile.gettempdir()).glob("lessonkit-grade-*"))


CELLS = {  # a cell beside two right answers, and what is told of the notebook
    "hangs": ("while True: pass", "timeout"),
    "hangs and holds on": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "timeout",
    ),
    "hangs in C": ("sum(iter(int, 1))", "timeout"),
    "sleeps": ("import time\ntime.sleep(1000)", "timeout"),
    "forks": ("import os\nos.fork()", "processes"),
    "forks without end": ("import os\nwhile True: os.fork()", "processes"),
    "starts a daemon": ("import subprocess\nsubprocess.Popen(['sleep', '77'], start_new_session=True)", "processes"),
    "one large file": ("with open('x', 'wb') as file:\n    while True: file.write(bytes(1 << 20))", "disk full"),
    "many files": (
        "n = 0\nwhile True:\n    n += 1\n    open(f'x{n}', 'wb').write(bytes(1 << 20))",
        "disk full",
    ),
    "memory": ("x = []\nwhile True: x.append(np.zeros(1 << 26))", "out of memory"),
    "ends the process": ("import os\nos._exit(0)", "crashed"),
    "crashes the process": ("import ctypes\nctypes.string_at(0)", "crashed"),
    "exits": ("import sys\nsys.exit(0)", "cell failed"),
    "network": ("import socket\nsocket.create_connection(('127.0.0.1', 9), timeout=1)", "network"),
    "prints without end": ("while True: print('on and on' * 1000)", "timeout"),
    "prints much": ("print('x' * 2_000_000)", "too much output"),
    "too deep to read": ("(" * 100_000, "cell failed"),
    "no text": ("x\0y", "cell failed"),
}


@pytest.mark.parametrize(("cell", "told"), CELLS.values(), ids=CELLS)
def test_a_hostile_cell_is_told_and_the_exercises_are_judged(cell, told):
    assert statuses(with_cell(cell), SECONDS) == {**BOTH, "notebook": told}


def test_memory_that_is_really_used_is_bounded():
    cell = "x = []\nwhile True: x.append(bytearray(1 << 24))"
    assert statuses(with_cell(cell), 80) == {**BOTH, "notebook": "out of memory"}


BODIES = {  # the body of one function, its status, and what is told of the notebook
    "hangs": ("while True: pass", "timeout", None),
    "hangs in C": ("return sum(iter(int, 1))", "timeout", None),
    "holds on": ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", "timeout", None),
    "ends the process": ("import os\nos._exit(3)", "crashed", None),
    "exits": ("import sys\nsys.exit(0)", "error", None),
    "forks without end": ("import os\nwhile True: os.fork()", "crashed", "processes"),
    "memory": ("return np.zeros(10**12)", "error", "out of memory"),
    "itself within itself": ("x = []\nx.append(x)\nreturn x", "wrong", None),
    "a huge number": ("return 10**100_000", "wrong", None),
    "more than can be sent": ("return [0] * 1_000_000", "wrong", None),
    "an object that breaks": ("class A:\n    def __getattribute__(self, n): 1 / 0\nreturn A()", "wrong", None),
    "equal to everything": (
        "class A(float):\n    __eq__ = lambda *a: True\n    __sub__ = lambda *a: 0\nreturn A(17)",
        "wrong",
        None,
    ),
}


@pytest.mark.parametrize(("body", "status", "told"), BODIES.values(), ids=BODIES)
def test_a_hostile_function_is_told_and_the_other_is_judged(body, status, told):
    assert statuses(answering(body), SECONDS) == {**one(status), **({"notebook": told} if told else {})}


def test_the_message_says_where_and_how():
    message = graded(answering("x = 1\nwhile True: x += 1"), SECONDS)["logarithmic_cooling"].message
    assert (
        "logarithmic_cooling(initial=1.0, step=0) did not end in time; it was at line 3, `while True: x += 1`"
        in message
    )
    assert (
        "ended its process (exit code 3)"
        in graded(answering(BODIES["ends the process"][0]))["logarithmic_cooling"].message
    )
    assert graded(with_cell("while True: pass"), SECONDS)["notebook"].message == "cell 2 did not end in time (line 1)"


# --- forged verdicts ------------------------------------------------------------------------------------------------

FORGED = {
    "replaces the judge": """
        import lessonkit.exercises, lessonkit.exercises.session as session, lessonkit.checker.judge as judging
        session.judge = judging.judge = judging._judge = lambda *a, **k: judging.Verdict("right", "")
    """,
    "replaces what it compares with": """
        from lessonkit.exercises import registry
        for exercise in registry().values():
            object.__setattr__(exercise, "properties", ())
            object.__setattr__(exercise, "reference", lambda *a: 0)
    """,
    "replaces numpy": """
        np.isclose = lambda *a, **k: np.ones(1, bool)
        np.asarray = lambda *a, **k: 1 / 0
    """,
    "a check of its own": """
        def check(exercise, function):
            print(exercise + ": right. Well done.")
            return function
    """,
    "speaks to the wire": """
        import gc
        from lessonkit.grading.wire import Wire
        for wire in [each for each in gc.get_objects() if isinstance(each, Wire)]:
            wire.send({"verdict": "right"})
            wire.send({"check": "annealing.adaptive_mutation_rate", "number": 1, "status": "right"})
            wire.send({"rows": [{"exercise": "annealing.anneal", "status": "right", "message": ""}]})
    """,
    "answers before it is asked": """
        import gc
        from lessonkit.grading.wire import Wire
        for wire in [each for each in gc.get_objects() if isinstance(each, Wire)]:
            wire.send({"end": True})
    """,
    "replaces the worker": """
        import gc
        from lessonkit.grading import worker
        for one in [each for each in gc.get_objects() if isinstance(each, worker._Worker)]:
            one._described = lambda *a: {"callable": True, "stub": False, "verdict": "right", "status": "right"}
            one._serve = lambda *a: "right"
    """,
}


@pytest.mark.parametrize("cell", FORGED.values(), ids=FORGED)
def test_a_forged_verdict_is_not_believed(cell):
    cells = (IMPORTS, textwrap.dedent(cell), WRONG_RATE, CHECK_RATE, COOLING, CHECK_COOLING)
    found = statuses(notebook(*cells), SECONDS)
    assert found.get("adaptive_mutation_rate") != "right"
    assert found.get("anneal") in (None, "crashed")


def test_tampering_is_told():
    for name in ("replaces the judge", "a check of its own"):
        rows = graded(notebook(IMPORTS, textwrap.dedent(FORGED[name]), WRONG_RATE, CHECK_RATE), SECONDS)
        assert rows["notebook"].status == "tampering"
        assert rows["adaptive_mutation_rate"].status == "wrong"
    printed = notebook(*SHORT[:3], 'print("annealing.adaptive_mutation_rate: right. Well done.")')
    rows = graded(printed)
    assert rows["notebook"].status == "tampering"
    assert rows["adaptive_mutation_rate"].status == "missing"


RUBBISH = """
import os, socket, stat
for number in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            os.write(number, {what})
    except OSError:
        pass
"""
TALK = {
    "rubbish": "b'rubbish' * 1000",
    "a huge length": "b'\\xff' * 8",
    "a length and nothing": "b'\\0\\0\\0\\x09\\0\\0\\0\\0{'",
    "no JSON": "b'\\0\\0\\0\\x02\\0\\0\\0\\0{{'",
    "no message": "b'\\0\\0\\0\\x02\\0\\0\\0\\0[]'",
    "a deep message": "(100000).to_bytes(4, 'big') + bytes(4) + b'[' * 100000",
}


@pytest.mark.parametrize("what", TALK.values(), ids=TALK)
def test_rubbish_on_the_wire_spoils_only_who_sends_it(what):
    source = RUBBISH.replace("{what}", what)
    found = statuses(with_cell(source), SECONDS)
    assert found.pop("notebook") in ("crashed", "timeout")
    assert found == BOTH
    found = statuses(answering(source.strip() + "\nreturn 1.0"), SECONDS)
    assert found["logarithmic_cooling"] in ("crashed", "timeout", "wrong")
    assert found["adaptive_mutation_rate"] == "right"


# --- outside --------------------------------------------------------------------------------------------------------


@sandboxed
def test_nothing_outside_the_scratch_folder_changes(tmp_path):
    mine = tmp_path / "grades.csv"
    mine.write_text("kept")
    package = Path(sandbox.__file__)
    targets = [mine, tmp_path / "new", package, package.parent / "new", ROOT / "solutions" / "new", Path.home() / "new"]
    for target in targets:
        rows = graded(with_cell(f"open({str(target)!r}, 'w').write('changed')"), SECONDS)
        assert rows["notebook"].status == "files", target
        assert str(target)[:100] in rows["notebook"].message
    native = f"import ctypes\nlibc = ctypes.CDLL(None)\nlibc.unlink({str(mine).encode()!r})\n"
    native += f"libc.creat({str(tmp_path / 'made').encode()!r}, 0o600)\nimport shutil\nshutil.rmtree('/', True)"
    statuses(with_cell(native), SECONDS)
    assert mine.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [mine]
    assert package.is_file()
    assert not any(target.exists() for target in targets if target.name == "new")


@sandboxed
def test_scratch_files_work_as_they_do_at_home():
    cell = """
        import tempfile, pathlib
        pathlib.Path("mine.txt").write_text("kept")
        assert open("mine.txt").read() == "kept"
        with tempfile.TemporaryDirectory() as folder:
            np.save(folder + "/x.npy", np.ones(3))
        open("/dev/null", "w").write("x")
    """
    assert statuses(with_cell(textwrap.dedent(cell)), SECONDS) == BOTH


@sandboxed
def test_no_network_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        rows = graded(with_cell(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=2)"), SECONDS)
        assert rows["notebook"].status == "network"
        assert "Error" in rows["notebook"].message
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()


@sandboxed
def test_no_other_process_is_seen_or_ended():
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        cell = f"""
            import os, signal
            os.setpgid(0, 0) if os.getpid() != 1 else None
            for number in ({bystander.pid}, {os.getpid()}, os.getppid()):
                for send in (os.kill, os.killpg):
                    try:
                        if number > 1:
                            send(number, signal.SIGKILL)
                    except OSError:
                        pass
            try:
                open("/proc/{os.getpid()}/mem", "r+b")
            except OSError:
                print("fine")
            else:
                raise RuntimeError("could look into another process")
        """
        found = graded(with_cell(textwrap.dedent(cell)), SECONDS)
        assert "could look into" not in found.get("notebook", found["anneal"]).message
        assert bystander.poll() is None
    finally:
        bystander.communicate(b"\n")


@linux_only
def test_what_a_notebook_starts_ends_with_it():
    seconds = 86_399 + os.getpid() % 100  # a number to know the process by
    for how in ("start_new_session=True", "preexec_fn=lambda: (__import__('os').setsid(), __import__('os').fork())"):
        found = statuses(with_cell(f"import subprocess\nsubprocess.Popen(['sleep', '{seconds}'], {how})"), SECONDS)
        assert found == {**BOTH, "notebook": "processes"}
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert not [command for command in commands if str(seconds).encode() in command and b"sleep" in command[:6]]


@linux_only
def test_the_teachers_variables_are_not_seen(monkeypatch):
    monkeypatch.setenv("TOKEN_OF_THE_TEACHER", "secret")
    from lessonkit.grading.examiner import environment

    assert "secret" not in environment().values()
    assert statuses(with_cell("import os\nassert 'TOKEN_OF_THE_TEACHER' not in os.environ"), SECONDS) == BOTH


def look(name: str) -> str:
    """A cell that fails where the path can be seen."""
    return f"import os\nassert not os.path.lexists({name!r}), {name!r}"


@sandboxed
def test_neither_the_solutions_nor_anything_of_the_teachers_is_seen(tmp_path, monkeypatch):
    (tmp_path / "ann.ipynb").write_bytes(notebook(*SHORT))
    monkeypatch.syspath_prepend(ROOT.parent)  # a path of the teacher's must not let the checkout in
    monkeypatch.syspath_prepend(ROOT / "solutions")
    shown = sandbox.readable_paths()
    for secret in (ROOT / "solutions", ROOT / "tests" / "right_answers.py", tmp_path / "ann.ipynb"):
        assert not [path for path in shown if secret.is_relative_to(path)]
        assert statuses(with_cell(look(str(secret))), SECONDS) == BOTH
    assert statuses(with_cell("import os\nassert set(os.listdir('/scratch')) <= {'matplotlib'}"), SECONDS) == BOTH


LEFT = {
    "files": "for name in ('/scratch', '/tmp', '/dev/shm'):\n    open(f'{name}/left', 'w').write('x')",
    "a locked folder": "import os\nos.makedirs('left/left')\nopen('left/left/left', 'w').close()\nos.chmod('left', 0)",
    "too deep to remove": "import os\nfor _ in range(60):\n    os.mkdir('left' * 30)\n    os.chdir('left' * 30)",
}


@sandboxed
@pytest.mark.parametrize("cell", LEFT.values(), ids=LEFT)
def test_what_a_notebook_leaves_the_next_one_does_not_find(cell):
    assert statuses(with_cell(cell), SECONDS).items() >= BOTH.items()
    found = "[n for f in ('/scratch', '/tmp', '/dev/shm') for n in os.listdir(f) if 'left' in n]"
    assert statuses(with_cell(f"import os\nassert not {found}, {found}"), SECONDS) == BOTH


@sandboxed
def test_the_process_that_forks_workers_is_out_of_their_reach():
    statuses(notebook(*SHORT))
    before = {keras: process.pid for keras, (process, _) in examiner()._servers.items()}
    cell = """
        import ctypes, os, signal
        for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            os.kill(1, number)
        assert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == -1
        for name in ("mem", "environ", "fd/3"):
            try:
                open(f"/proc/1/{name}", "rb").read(1)
            except OSError:
                pass
            else:
                raise RuntimeError("could look into process 1")
    """
    assert statuses(with_cell(textwrap.dedent(cell)), SECONDS) == BOTH
    assert {keras: process.pid for keras, (process, _) in examiner()._servers.items()} == before


UNPROTECTED = {
    "hangs": ("sum(iter(int, 1))", "timeout"),
    "forks": ("import os\nwhile True: os.fork()", "processes"),
    "exits": ("import os\nos._exit(0)", "crashed"),
    "starts a daemon": ("import subprocess\nsubprocess.Popen(['sleep', '86390'], start_new_session=True)", "processes"),
    "disk": ("n = 0\nwhile True:\n    n += 1\n    open(f'x{n}', 'wb').write(bytes(1 << 20))", "disk full"),
    "memory": ("x = []\nwhile True: x.append(np.zeros(1 << 26))", "out of memory"),
}


@linux_only
def test_unprotected_the_limits_still_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # other tests' folders are not this one's
    open_ = Examiner(protected=False)
    try:
        for cell, told in UNPROTECTED.values():
            rows = open_.grade(with_cell(cell), frozenset(), SECONDS)
            found = {row.exercise.rpartition(".")[2]: row.status for row in rows if row.status != "missing"}
            assert found == {**BOTH, "notebook": told}, cell
    finally:
        open_.discard(False)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert not [command for command in commands if command.startswith(b"sleep") and b"86390" in command]
    assert not list(Path(tempfile.gettempdir()).glob("lessonkit-grade-*"))


# --- no notebook ----------------------------------------------------------------------------------------------------

FILES = {
    "empty": (b"", "is empty"),
    "binary": (np.random.default_rng(0).bytes(1000), "is not text"),
    "cut off": (lesson(3)[:5000], "cut off"),
    "a list": (b"[1, 2]", "not a notebook"),
    "nothing in it": (b"{}", "no cells"),
    "odd cells": (b'{"cells": [1]}', "cell 1"),
    "odd text": (b'{"cells": [{"cell_type": "code", "source": {"a": 1}}]}', "cell 1"),
    "deep": (b"[" * 100_000, "cut off"),
    "too much text": (notebook("x = 1\n" * 200_000), "characters in its cells"),
    "a huge number": (b'{"cells": ' + b"9" * 10_000 + b"}", "cut off"),
}


@pytest.mark.parametrize(("content", "why"), FILES.values(), ids=FILES)
def test_what_is_no_notebook_is_told(content, why):
    (row,) = graded(content).values()
    assert row.status == "not a notebook"
    assert why in row.message


def test_a_notebook_of_something_else_is_told():
    (row,) = graded(notebook("print(1)")).values()
    assert row.status == "unknown lesson"


def test_a_notebook_without_any_exercise_cell_is_matched_by_its_text():
    import json

    found = json.loads(lesson(3, "notebooks"))
    found["cells"] = [cell for cell in found["cells"] if cell["cell_type"] == "markdown"]
    rows = graded(json.dumps(found).encode())
    assert {row.status for row in rows.values()} == {"missing"}
    assert set(rows) >= {"anneal", "flip_neighbour"}


def test_a_notebook_that_uses_up_its_time_keeps_what_was_judged():
    slow = ["import time\ntime.sleep(0.9)"] * 6
    found = statuses(notebook(*SHORT[:3], *slow, *SHORT[3:]), 4)
    assert found == {"adaptive_mutation_rate": "timeout", "logarithmic_cooling": "right", "notebook": "timeout"}


def test_every_status_is_documented():
    for statuses_ in (EXERCISE_STATUSES, NOTEBOOK_STATUSES):
        assert all(text and not text.endswith(".") for text in statuses_.values())
    assert {"right", "wrong", "error", "not attempted"} <= set(EXERCISE_STATUSES)
    assert RATE  # the good answer that the hostile ones stand beside
