"""The house: what an import costs, which way imports go, what may lie in the repository."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lessonkit"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# Ground first. A module may import from its own floor and from those below; a folder stands on one floor.
FLOORS = (
    ("errors",),
    (
        "masks",
        "objective",
    ),
    ("problem",),
    (
        "annealing",
        "genetic",
        "files",
    ),
    ("networks",),
    ("engine",),
    ("measures",),
    (
        "controls",
        "display",
    ),
    (
        "frontier",
        "experiments",
        "shrink",
    ),
    ("checker",),
    ("lessons",),
    (
        "labs",
        "exercises",
    ),
    (
        "course",
        "grading",
        "commands",
    ),
    ("__main__",),
)
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}


def in_a_fresh_python(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import lessonkit; dir(lessonkit); lessonkit.__version__",
        "import lessonkit; lessonkit.load_network('standin'); lessonkit.Evaluator; lessonkit.LessonkitError",
        "import lessonkit.experiments.comparison, lessonkit.measures, lessonkit.__main__",
    ],
)
def test_importing_brings_in_neither_tensorflow_nor_matplotlib(code):
    heavy = "[name for name in ('tensorflow', 'keras', 'matplotlib', 'pandas', 'sklearn') if name in sys.modules]"
    assert in_a_fresh_python(f"import sys; {code}; print({heavy})") == "[]"


def test_the_names_of_the_package_are_found_and_others_are_not():
    import lessonkit

    assert lessonkit.LessonkitError.__name__ == "LessonkitError"
    assert {"load_mnist", "load_network", "load_baseline", "Evaluator", "Evaluation"} <= set(dir(lessonkit))
    with pytest.raises(AttributeError, match="no attribute 'tensorflow'"):
        _ = lessonkit.tensorflow


# --- the floors ---


def only_for_types(tree: ast.Module) -> set[ast.AST]:
    guards = (node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    return {inner for guard in guards for inner in ast.walk(guard)}


def imports_of(source: Path) -> set[tuple[str, ...]]:
    """Modules of the package that a file imports, as paths below it; inside functions too, and by names in strings."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    skipped = only_for_types(tree)
    found = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")[1:]) for alias in node.names if alias.name.startswith("lessonkit.")}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: write imports in full"
            if node.module == "lessonkit":
                found |= {(alias.name,) for alias in node.names if (PACKAGE / f"{alias.name}.py").exists()}
                found |= {(alias.name,) for alias in node.names if (PACKAGE / alias.name).is_dir()}
            elif node.module and node.module.startswith("lessonkit."):
                found.add(tuple(node.module.split(".")[1:]))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):  # of an f-string the literal beginning
            name = re.fullmatch(r"lessonkit\.(\w+)(\.\w*)*", node.value)
            if name and ((PACKAGE / name[1]).is_dir() or (PACKAGE / f"{name[1]}.py").is_file()):
                found.add(tuple(node.value.strip(".").split(".")[1:]))
    return found


def room_of(source: Path) -> str:
    return source.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(PACKAGE)))
def test_an_import_goes_down_never_up(source):
    room = room_of(source)
    if source == PACKAGE / "__init__.py":
        assert not imports_of(source)
        return
    assert room in FLOOR_OF, f"{room} stands on no floor: give it one in {Path(__file__).name}"
    for target in imports_of(source):
        assert FLOOR_OF[target[0]] <= FLOOR_OF[room], f"{room} imports {target[0]}, which stands above it"


TEXTBOOK = ("annealing", "genetic", "problem", "masks", "objective")


@pytest.mark.parametrize("name", TEXTBOOK)
def test_the_textbook_needs_nothing_but_numpy(name):
    """A reader of annealing.py meets no thread pool and no file format."""
    source = PACKAGE / f"{name}.py"
    assert {target[0] for target in imports_of(source)} <= {*TEXTBOOK, "errors"}
    tree = ast.parse(source.read_text(encoding="utf-8"))
    guarded = only_for_types(tree)
    outside = set()
    for node in set(ast.walk(tree)) - guarded:
        if isinstance(node, ast.Import):
            outside |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            outside.add(str(node.module).partition(".")[0])
    assert outside - set(sys.stdlib_module_names) <= {"lessonkit", "numpy", "pandas"}  # pandas: in table() alone


def test_imports_run_in_no_circle():
    graph: dict[str, set[str]] = {}
    for source in SOURCES:
        graph.setdefault(room_of(source), set()).update(target[0] for target in imports_of(source))
    done: set[str] = set()

    def visit(room: str, path: tuple[str, ...]) -> None:
        assert room not in path, f"a circle: {' -> '.join([*path, room])}"
        if room not in done:
            for below in graph.get(room, set()) - {room}:
                visit(below, (*path, room))
            done.add(room)

    for room in graph:
        visit(room, ())


# --- security and tidiness ---


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(PACKAGE)))
def test_no_code_is_evaluated_and_no_pickle_loaded(source):
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            # The grader's worker is there to run a student's code, shut in by the sandbox.
            allowed = {"exec"} if source == PACKAGE / "grading" / "worker.py" else set()
            assert node.func.id not in {"eval", "exec"} - allowed, f"{source.name}:{node.lineno}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not {name.split(".")[0] for name in names} & {"pickle", "dill", "marshal", "shelve", "joblib"}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            pickles = [ast.unparse(word.value) for word in node.keywords if word.arg == "allow_pickle"]
            assert pickles in ([], ["False"]), f"{source.name}:{node.lineno}"
            if called in ("np.load", "numpy.load"):
                assert pickles == ["False"], f"{source.name}:{node.lineno}: say allow_pickle=False"
            assert called != "pandas.read_pickle"


def test_no_global_random_generator():
    legacy = re.compile(r"np\.random\.(?!default_rng|Generator|SeedSequence)\w+")
    for source in SOURCES:  # the checker sets the state back that an answer has changed: those lines are marked
        lines = source.read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if legacy.search(line) and "noqa: NPY002" not in line], source.name


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for path in map(ROOT.joinpath, listed.stdout.splitlines()) if path.is_file()]


def test_no_file_is_larger_than_a_megabyte():
    assert [path.name for path in committed() if path.stat().st_size > 1_000_000] == []


def test_no_path_of_somebodys_machine():
    machine = re.compile(r"(?<![\w.~}])/(?:root|work|home/\w+|Users/\w+|tmp/w)/")
    guilty = []
    for path in committed():
        content = path.read_bytes()
        if b"\0" not in content and machine.search(content.decode("utf-8")):
            guilty.append(str(path.relative_to(ROOT)))
    assert guilty == []
