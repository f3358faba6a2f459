"""A student at the keyboard: cells run in a kernel, one after the other, twice, and with every kind of slip."""

from __future__ import annotations

import html
import queue
import re

import jupyter_client
import pytest

from lessonkit.course.build import find_root

IMPORTS = "import math\nimport numpy as np\nfrom lessonkit.exercises import check, hint, progress, solution, whose"
RATE = "annealing.adaptive_mutation_rate"
STUB = 'def adaptive_mutation_rate(rate, step, total):\n    """Return rate * (1 - step / total)."""\n    ...'
WRONG = "def adaptive_mutation_rate(rate, step, total):\n    return rate - step / total"
RIGHT = "def adaptive_mutation_rate(rate, step, total):\n    return rate * (1 - step / total)"
CHECK = f'adaptive_mutation_rate = check("{RATE}", adaptive_mutation_rate)'
OWN = "adaptive_mutation_rate(3.0, 1, 4)"


class Notebook:
    """A kernel that runs cells, and what they show: text, box, errors."""

    def __init__(self):
        self.manager = jupyter_client.KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(find_root()))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def run(self, source):
        """The text/plain of all that a cell shows; an error's name and text."""
        return "\n".join(text for text, _ in self.shown(source))

    def shown(self, source):
        """Pairs of text/plain and text/html."""
        asked, found, last = self.client.execute(source, allow_stdin=False), [], None
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=120)
            except queue.Empty:
                raise AssertionError(f"the kernel does not answer: {source}") from None
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            streamed, last = last == (kind, content.get("name")) and kind == "stream", (kind, content.get("name"))
            if kind == "stream":  # a busy machine may send one print in two pieces
                if streamed:
                    found[-1] = (found[-1][0] + content["text"], "")
                else:
                    found.append((content["text"], ""))
            elif kind in ("display_data", "execute_result"):
                found.append((content["data"]["text/plain"], content["data"].get("text/html", "")))
            elif kind == "error":
                found.append((f"{content['ename']}: {content['evalue']}", ""))
            elif kind == "status" and content["execution_state"] == "idle":
                return found

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel():
    notebook = Notebook()
    assert notebook.run(IMPORTS) == ""
    yield notebook
    notebook.close()


@pytest.fixture
def notebook(kernel):
    """The kernel as a fresh one: nothing is checked, nothing defined."""
    kernel.run(
        "from lessonkit.exercises import session\n"
        "for each in (session._verdicts, session._right, session._shown, session._hints_given): each.clear()\n"
        "globals().pop('adaptive_mutation_rate', None)"
    )
    return kernel


def test_a_blank_checked_twice_is_never_right(notebook):
    notebook.run(STUB)
    assert f"{RATE}: not attempted yet" in notebook.run(CHECK)
    for _ in range(3):
        said = notebook.run(CHECK)
        assert f"{RATE}: the course's code. Run the cell with your function first" in said
        assert "Your last answer was: not attempted yet." in said
    assert "annealing: 0 of 5 right" in notebook.run("progress()")
    assert notebook.run(f'whose("{RATE}")') == '"the course\'s code"'


def test_wrong_twice_then_right_then_right_again(notebook):
    notebook.run(WRONG)
    assert "not right yet" in notebook.run(CHECK)
    assert "the course's code" in notebook.run(CHECK)
    assert "not right yet" in notebook.run(f"{WRONG}\n{CHECK}")
    assert "annealing: 0 of 5 right" in notebook.run("progress()")
    notebook.run(RIGHT)
    for _ in range(2):
        assert f"{RATE}: right" in notebook.run(CHECK)
        assert notebook.run(f'whose("{RATE}")') == "'your code'"
    assert "annealing: 1 of 5 right" in notebook.run("progress()")


def test_after_a_right_answer_the_courses_code_changes_nothing(notebook):
    notebook.run(f"{RIGHT}\n{CHECK}")
    said = notebook.run(f"from lessonkit.objective import adaptive_mutation_rate\n{CHECK}")
    assert "the course's code" in said
    assert "Your last answer was: right." in said
    assert "The cells below use your code." in said
    assert notebook.run("adaptive_mutation_rate.__module__") == "'__main__'"
    assert "not right yet" in notebook.run(f"{WRONG}\n{CHECK}")
    assert "annealing: 0 of 5 right" in notebook.run("progress()")
    assert "not right yet" in notebook.run(CHECK)


@pytest.mark.parametrize(
    "route",
    [  # NAME and ID are filled in below
        "from lessonkit.objective import NAME",
        "from lessonkit import objective\nNAME = objective.NAME",
        "from lessonkit.exercises import find\nNAME = find('ID').reference",
        "import functools, lessonkit.objective as o\nNAME = functools.partial(o.NAME)",
        "import functools, lessonkit.objective as o\nNAME = functools.cache(o.NAME)",
        "import lessonkit.objective as o\nNAME = lambda *a: o.NAME(*a)",
        "from lessonkit.objective import NAME as it\ndef NAME(rate, step, total):\n    return it(rate, step, total)",
        "import lessonkit.objective as o\ndef deco(f):\n    def inner(*a): return f(*a)\n    return inner\n"
        "NAME = deco(o.NAME)",
        "import lessonkit.objective as o\nclass F:\n    def __init__(self): self.f = o.NAME\n"
        "    def __call__(self, rate, step, total): return self.f(rate, step, total)\nNAME = F()",
        "NAME = check('ID', None)",
    ],
)
def test_the_courses_function_never_counts_by_whatever_route(notebook, route):
    said = notebook.run(f"{route.replace('ID', RATE).replace('NAME', 'adaptive_mutation_rate')}\n{CHECK}")
    assert f"{RATE}: the course's code" in said
    assert "annealing: 0 of 5 right" in notebook.run("progress()")


def test_a_pasted_solution_never_counts(notebook):
    text = notebook.run(f'solution("{RATE}")')
    assert "the course's code" in notebook.run(f"{text}\n{CHECK}")
    without = "\n".join(line for line in text.splitlines() if "# the course's code" not in line)
    assert "the course's code" in notebook.run(f"{without}\n{CHECK}")
    assert "annealing: 0 of 5 right" in notebook.run("progress()")
    notebook.run("session._shown.clear()")
    assert f"{RATE}: right" in notebook.run(f"{without}\n{CHECK}")  # this is what anyone would write
    assert "the course's code" in notebook.run(f"{text}\n{CHECK}")  # the next day too


def test_a_cell_that_cannot_be_parsed_is_named_and_the_course_takes_over(notebook):
    assert "SyntaxError" in notebook.run("def adaptive_mutation_rate(rate, step, total)\n    return rate")
    said = notebook.run(CHECK)
    assert f"{RATE}: an error" in said
    flat = " ".join(said.split())
    assert "The cell that defines adaptive_mutation_rate failed (cell [" in flat
    assert "SyntaxError: expected ':' in line 1, `def adaptive_mutation_rate(rate, step, total)`" in flat
    assert notebook.run(OWN) == "2.25"
    assert f"{RATE}: right" in notebook.run(f"{RIGHT}\n{CHECK}")


def test_an_older_definition_is_not_judged_for_an_edit_that_failed(notebook):
    assert f"{RATE}: right" in notebook.run(f"{RIGHT}\n{CHECK}")
    notebook.run(RIGHT.replace("(1 - step", "((1 - step"))
    assert f"{RATE}: an error" in notebook.run(CHECK)
    notebook.run(f"1 / 0\n{RIGHT}")
    said = notebook.run(CHECK)
    assert "ZeroDivisionError" in said
    notebook.run(f"{RIGHT}\n1 / 0")  # defined before the error
    assert f"{RATE}: right" in notebook.run(CHECK)


@pytest.mark.parametrize("call", ["exit()", "quit()", "exit", "import sys; sys.exit()", "get_ipython().ask_exit()"])
def test_leaving_from_an_answer_does_not_end_the_kernel(notebook, call):
    notebook.run(f"def adaptive_mutation_rate(rate, step, total):\n    {call}\n    return 1 / 0")
    said = notebook.run(CHECK)
    assert f"{RATE}: an error" in said
    if call != "exit":
        assert "SystemExit" in said
    assert notebook.run(OWN) == "2.25"
    assert notebook.run("get_ipython().exit_now") == "False"


@pytest.mark.parametrize(
    "deed",
    [
        "sys.stdout = None",
        "sys.stdout.close()",
        "sys.stdout = sys.stderr = open(os.devnull, 'w')",
        "os.chdir('/')",
        "np.set_printoptions(precision=1)",
        "np.seterr(all='raise')",
        "warnings.simplefilter('error')",
        "os.environ['HOME'] = '/nowhere'; os.environ['NEW'] = 'x'",
        "sys.path.clear()",
        "sys.setrecursionlimit(200)",
        "random.seed(0); np.random.seed(0)",
    ],
)
def test_whatever_an_answer_does_to_the_notebook_is_undone(notebook, deed):
    look = (
        "print([id(sys.stdout), id(sys.stderr), os.getcwd(), np.get_printoptions(), np.geterr(), len(warnings.filters),"
        "dict(os.environ), sys.path, sys.getrecursionlimit(), random.getstate(), np.random.get_state()[1].tolist()])"
    )
    notebook.run("import os, sys, random, warnings")
    before = notebook.run(look)
    assert len(before) > 1000
    body = f"    {deed}\n    return rate * (1 - step / total)"
    said = notebook.run(f"def adaptive_mutation_rate(rate, step, total):\n{body}\n{CHECK}")
    assert f"{RATE}: right" in said
    assert notebook.run(look) == before
    assert notebook.run("print(1)") == "1\n"


def test_the_verdict_is_a_box_with_the_same_words(notebook):
    seen = set()
    for source in (STUB, WRONG, "", RIGHT, "adaptive_mutation_rate = 3"):  # the third is the second run of its check
        ((text, box),) = notebook.shown(f"{source}\n{CHECK}")
        assert 'role="status"' in box
        assert " id=" not in box
        words = html.unescape(re.sub("<[^>]*>", " ", box))
        assert re.findall(r"\w+", words) == re.findall(r"\w+", text)
        seen.add((text.partition(RATE)[0], re.search("background-color:(#[0-9a-f]+)", box)[1]))
    assert len(seen) == 5
