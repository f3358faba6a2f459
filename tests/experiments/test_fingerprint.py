"""What decides a result has a digest, what does not decide it has none: comments, docstrings, the order of reading."""

from __future__ import annotations

import functools
import importlib
import linecache
import shutil
import threading

import numpy as np
import pytest

from lessonkit.annealing import anneal
from lessonkit.experiments import fingerprint
from lessonkit.experiments.fingerprint import code_digest, function_digest

BASE = """
import functools
import numpy as np
RATE = 0.1
TABLE = {"low": [1, 2], "high": np.arange(3)}

def step(value, factor=2):
    return value * factor

class Rule:
    limit = 3
    def __call__(self, value):
        return value < self.limit

RULE = Rule()

def outer(share):
    def inner(task):
        "A text."
        def innermost(x):
            "Another text."
            return x + share
        return [innermost(each) for each in TABLE["low"]]
    return inner

def mine(task, *, size=4):
    "What it does."
    if RULE(size):
        return step(RATE)
    return outer(0.5)(task), lambda x: x + 1
"""


def cell(text: str):
    """The function `mine` of a notebook's cell."""
    names: dict = {"__name__": "__main__"}
    exec(compile(text, "<cell>", "exec"), names)  # as IPython does
    return names["mine"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RATE = 0.1", "RATE = 0.2"),
        ("[1, 2]", "[1, 3]"),
        ("np.arange(3)", "np.arange(4)"),
        ("factor=2", "factor=3"),
        ("value * factor", "value / factor"),
        ("limit = 3", "limit = 5"),
        ("value < self", "value <= self"),
        ("size=4", "size=5"),
        ("x + share", "x - share"),
        ("outer(0.5)", "outer(0.6)"),
        ("x + 1", "x + 2"),
        ("step(RATE)", "step(RATE, 2)"),
    ],
    ids=lambda text: text,
)
def test_whatever_a_function_uses_counts(old, new):
    assert BASE.count(old) == 1
    assert function_digest(cell(BASE)) != function_digest(cell(BASE.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RATE = 0.1", "# a comment\n\nRATE = 0.1  # another"),
        ("What it does.", "What it does, in other words."),
        ("Another text.", "Put differently."),
        ("A text.", ""),
        ("import functools", "import functools\nUNUSED = 7"),
        ("RULE = Rule()", "RULE = Rule()\ndef other():\n    return 8\n"),
    ],
    ids=lambda text: text[:20],
)
def test_what_decides_nothing_does_not_count(old, new):
    assert BASE.count(old) == 1
    digest = function_digest(cell(BASE))
    assert digest is not None
    assert digest == function_digest(cell(BASE)) == function_digest(cell(BASE.replace(old, new)))


def test_arguments_of_a_partial_and_the_course_s_own_functions_count():
    one, other = (functools.partial(anneal, iterations=number) for number in (3, 4))
    assert function_digest(one) == function_digest(functools.partial(anneal, iterations=3))
    assert len({function_digest(each) for each in (one, other, anneal)}) == 3


def test_a_module_of_one_s_own_counts_as_it_is_loaded(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "my_helpers.py"
    texts = ("import my_helpers\ndef mine(task):\n    return my_helpers.twice(task)\n",
             "def mine(task):\n    from my_helpers import twice\n    return twice(task)\n")  # fmt: skip
    for text in texts:
        digests = []
        for body in ("2 * x", "2 * x  # twice", "3 * x"):
            file.write_text(f"def twice(x):\n    return {body}\n")
            shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
            linecache.clearcache()
            importlib.invalidate_caches()
            importlib.sys.modules.pop("my_helpers", None)
            digests.append(function_digest(cell(text)))
        assert digests[0] == digests[1] != digests[2]


def test_what_cannot_be_compared_has_no_digest():
    names = {"__name__": "__main__", "lock": threading.Lock()}
    exec("def mine(task):\n    return lock", names)
    assert function_digest(names["mine"]) is None


def test_a_function_that_refers_to_itself_ends():
    names: dict = {"__name__": "__main__"}
    exec(
        "def mine(n):\n    return other(n)\ndef other(n):\n    return mine(n - 1) if n else me\nme = []\nme.append(me)",
        names,
    )
    assert function_digest(names["mine"])


# --- the package's code ---


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package, to be changed."""
    copy = tmp_path / "lessonkit"
    shutil.copytree(fingerprint.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "PACKAGE", copy)
    code_digest.cache_clear()
    yield copy
    code_digest.cache_clear()


def digests() -> tuple[str, str]:
    code_digest.cache_clear()
    return code_digest("lessonkit.experiments.comparison"), code_digest("lessonkit.frontier.table")


def test_comments_docstrings_and_what_only_shows_results_do_not_count(package):
    before = digests()
    for name in ("genetic.py", "engine/evaluator.py", "frontier/rules.py", "errors.py"):
        text = (package / name).read_text()
        assert text.startswith('"""')
        (package / name).write_text('"""Another text. ' + text[3:].replace("\n\n\n", "\n\n\n# a remark\n"))
    for name in ("display/plot.py", "experiments/report.py", "commands/compare.py", "lessons/cost/exercises.py"):
        (package / name).write_text("")
    assert digests() == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("genetic.py", "replace=False", "replace=True"),
        ("engine/evaluator.py", "import", "X = 1\nimport"),
        ("networks/network.py", "layer.kernel * mask", "layer.kernel + mask"),
        ("masks.py", "rng.random", "rng.uniform"),
    ],
)
def test_code_that_computes_counts_for_both_commands(package, name, old, new):
    before = digests()
    text = (package / name).read_text()
    assert old in text
    head, _, rest = text.partition("from __future__ import annotations")
    (package / name).write_text(head + "from __future__ import annotations" + rest.replace(old, new, 1))
    assert all(one != other for one, other in zip(before, digests(), strict=True))


def test_a_module_that_moves_into_a_new_folder_still_counts(package):
    (package / "elsewhere").mkdir()
    (package / "elsewhere" / "__init__.py").write_text("")
    shutil.move(package / "genetic.py", package / "elsewhere" / "genetic.py")
    for file in package.rglob("*.py"):
        file.write_text(file.read_text().replace("lessonkit.genetic", "lessonkit.elsewhere.genetic"))
    before = digests()
    file = package / "elsewhere" / "genetic.py"
    file.write_text(file.read_text().replace("replace=False", "replace=True"))
    assert all(one != other for one, other in zip(before, digests(), strict=True))


def test_images_and_networks_count_to_the_last_bit(standin):
    from lessonkit.networks.mnist import Split

    few = standin.test.head(5)
    images = few.images.copy()
    images[3, 14, 14] = np.nextafter(images[3, 14, 14], np.float32(0.5))
    same = Split(few.images.copy(), few.labels)
    assert fingerprint.images_digest(few) == fingerprint.images_digest(same)
    assert fingerprint.images_digest(few) != fingerprint.images_digest(Split(images, few.labels))
