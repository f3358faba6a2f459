"""The build, on a small course of its own, and the course's own products held against their sources."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from lessonkit.__main__ import main
from lessonkit.course import build
from lessonkit.course.markers import blank_solutions
from lessonkit.course.setup_cell import setup_source
from lessonkit.errors import LessonkitError

ROOT = Path(__file__).parents[2]

SOURCE = '''\
# %% tags=["setup"]

# %% [markdown]
# # A sample

# %%
def double(x):
    """Twice `x`."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %% tags=["solution-only"]
print("only the teacher reads this")

# %%
print("twice four:", double(4))

# %% tags=["raises-exception"]
1 / 0

# %%
import ipywidgets

ipywidgets.IntSlider()
'''


def course(folder: Path, source: str = SOURCE, stem: str = "01_sample") -> build.Lesson:
    (folder / "solutions").mkdir(exist_ok=True)
    lesson = build.Lesson(folder, stem)
    lesson.file("solutions", ".py").write_text(source)
    return lesson


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A built course; tests that change it take a copy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LESSONKIT_DATA", "standin")
        patch.setenv("PYTHONPATH", str(ROOT))
        lesson = course(tmp_path_factory.mktemp("course"))
        build.build(lesson)
        before = contents(lesson.root)
        assert build.build(lesson) == [], "a second build changes nothing"
        assert contents(lesson.root) == before
    return lesson


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}


@pytest.fixture
def copied(built, tmp_path):
    for name, content in contents(built.root).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return build.Lesson(tmp_path, built.stem)


def test_the_students_version_has_no_solution(built):
    for suffix in (".py", ".ipynb"):
        text = built.file("notebooks", suffix).read_text()
        assert "2 * x" not in text
        assert "SOLUTION" not in text
        assert "only the teacher" not in text
    assert '    """Twice `x`."""\n    ...\n' in built.file("notebooks", ".py").read_text()


def test_notebooks_are_executed_and_clean(built):
    for folder in ("solutions", "notebooks"):
        notebook = nbformat.read(built.file(folder, ".ipynb"), as_version=4)
        nbformat.validate(notebook)
        assert "widgets" not in notebook.metadata
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
        assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
        slider = code[-1].outputs[0].data
        assert list(slider) == ["text/plain"], "a widget's view lives only with its kernel"
        assert code[0].source == setup_source()
        assert "the stand-in" in code[0].outputs[0].text
    solved = json.loads(built.file("solutions", ".ipynb").read_text())
    assert ["twice four: 8\n"] in [output.get("text") for cell in solved["cells"] for output in cell.get("outputs", [])]


def test_only_who_builds_has_pairs(built):
    for suffix in (".py", ".ipynb"):
        assert "formats: ipynb,py:percent" in jupytext_header(built.file("solutions", suffix))
        assert "formats" not in jupytext_header(built.file("notebooks", suffix))


def jupytext_header(path: Path) -> str:
    if path.suffix == ".py":
        return path.read_text().partition("# %%")[0]
    metadata = json.loads(path.read_text())["metadata"]
    return "".join(f"{name}: {value}\n" for name, value in metadata.get("jupytext", {}).items())


def test_the_check_finds_a_students_notebook_that_is_paired_and_a_builders_that_is_not(copied):
    path = copied.file("notebooks", ".ipynb")
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["jupytext"] = {"formats": "ipynb,py:percent"}
    nbformat.write(notebook, path)
    edit(copied.file("solutions", ".py"), "#     formats: ipynb,py:percent\n", "")
    assert build.check(copied.root) == [
        "notebooks/01_sample.ipynb: is paired by jupytext: run python -m lessonkit build 01_sample"
    ]
    edit(copied.file("solutions", ".ipynb"), '"formats": "ipynb,py:percent",', "")
    assert "solutions/01_sample.ipynb: is not paired" in build.check(copied.root)[0]


def test_the_setup_cell_is_folded_in_scripts_and_notebooks(built):
    for path in built.files:
        cell = next(cell for cell in build._read(path).cells if cell.cell_type == "code")
        assert cell.metadata.jupyter.source_hidden, path
        assert cell.metadata.cellView == "form"
        assert cell.source.startswith("# @title Set-up")


def test_the_check_is_silent_about_what_was_built(built, monkeypatch, capsys):
    monkeypatch.chdir(built.root / "notebooks")
    assert main(["build", "--check"]) == 0
    assert "1, all up to date" in capsys.readouterr().out


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_check_finds_an_edited_students_notebook(copied):
    for suffix in (".py", ".ipynb"):
        edit(copied.file("notebooks", suffix), "twice four:", "2 x 4:")
    findings = build.check(copied.root)
    assert [finding.partition(":")[0] for finding in findings] == [
        "notebooks/01_sample.py",
        "notebooks/01_sample.ipynb",
    ]
    assert all("edit solutions/01_sample.py (the only file to edit)" in finding for finding in findings)


def test_the_check_finds_a_drifted_pair(copied):
    edit(copied.file("solutions", ".py"), "twice four:", "2 x 4:")
    labels = [finding.partition(":")[0] for finding in build.check(copied.root)]
    assert labels == ["solutions/01_sample.ipynb", "notebooks/01_sample.py", "notebooks/01_sample.ipynb"]


def test_the_check_finds_changed_tags(copied):
    edit(copied.file("notebooks", ".py"), 'tags=["raises-exception"]', 'tags=["nbval-skip"]')
    assert "with tags ['nbval-skip'], not code with ['raises-exception']" in "".join(build.check(copied.root))


def changed(copied, change) -> list[str]:
    path = copied.file("notebooks", ".ipynb")
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)
    return build.check(copied.root)


def test_the_check_finds_an_unexecuted_cell(copied):
    def unexecute(notebook):
        notebook.cells[-1].execution_count, notebook.cells[-1].outputs = None, []

    (finding,) = changed(copied, unexecute)
    assert "(import ipywidgets) was not executed: run python -m lessonkit build 01_sample" in finding


def test_the_check_finds_an_error_other_ids_and_widget_state(copied):
    def spoil(notebook):
        notebook.cells[-1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="v", traceback=[])]
        notebook.cells[0].id = "another"
        notebook.metadata.widgets = {}

    findings = "\n".join(changed(copied, spoil))
    assert "ended in an error" in findings
    assert "ids" in findings
    assert "state of widgets" in findings


def test_the_check_finds_missing_and_orphaned_files(copied):
    copied.file("notebooks", ".py").unlink()
    (copied.root / "notebooks" / "02_gone.ipynb").write_text("{}")
    missing, orphan = build.check(copied.root)
    assert missing.startswith("notebooks/01_sample.py: missing")
    assert "there is no solutions/02_gone.py" in orphan


def test_the_check_finds_an_edited_setup_cell(copied):
    edit(copied.file("solutions", ".py"), ".start()", ".stop()")
    assert build.check(copied.root) == [
        "solutions/01_sample.py: the badge or the set-up cell is not the course's: run "
        "python -m lessonkit build 01_sample"
    ]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 / 0\n", "ZeroDivisionError"),
        ("import sys\nsys.stderr.write('red')\n", "writes to stderr, which shows in red: red"),
    ],
)
def test_a_failing_or_red_cell_stops_the_build_and_writes_nothing(tmp_path, monkeypatch, source, said):
    monkeypatch.setenv("LESSONKIT_DATA", "standin")
    lesson = course(tmp_path, "# %%\n" + source)
    with pytest.raises(LessonkitError, match=said):
        build.build(lesson)
    assert [path.name for path in tmp_path.rglob("*.*")] == ["01_sample.py"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\n### BEGIN SOLUTION\nb\n", "f.py:2: '### BEGIN SOLUTION' is not closed"),
        ("### BEGIN SOLUTION\n# %%\n### END SOLUTION\n", "f.py:1: '### BEGIN SOLUTION' is not closed in its cell"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n", "f.py:2: '### BEGIN SOLUTION' inside the one in line 1"),
        ("a\n\n### END SOLUTION\n", "f.py:3: '### END SOLUTION' without"),
        ("  ### BEGIN SOLUTION\n### END SOLUTION\n", "f.py:2: '### END SOLUTION' must be indented"),
        ("# begin solution\n", "f.py:1: '# begin solution' is not a marker"),
        ("###BEGIN SOLUTION\n", "f.py:1: '###BEGIN SOLUTION' is not a marker"),
    ],
)
def test_a_bad_marker_is_an_error_with_file_and_line(text, said):
    with pytest.raises(LessonkitError) as error:
        blank_solutions(text, "f.py")
    assert str(error.value).startswith(said)


def test_a_solution_becomes_dots_indented_alike():
    text = "for x in y:\n    ### BEGIN SOLUTION\n    a\n    b\n    ### END SOLUTION\n    c\n"
    assert blank_solutions(text, "f.py") == "for x in y:\n    ...\n    c\n"


def test_lessons_are_chosen_by_the_beginning_of_their_names(tmp_path):
    for stem in ("01_one", "02_two"):
        course(tmp_path, stem=stem)
    assert [lesson.stem for lesson in build.lessons(tmp_path)] == ["01_one", "02_two"]
    assert [lesson.stem for lesson in build.lessons(tmp_path, ["solutions/02_two.py"])] == ["02_two"]
    with pytest.raises(LessonkitError, match="3: no such lesson; there are 01_one, 02_two"):
        build.lessons(tmp_path, ["3"])


def test_outside_a_course_one_line_says_where_to_go(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["build", "--check"]) == 1
    assert "no folder solutions/" in capsys.readouterr().err


def test_the_courses_own_notebooks_are_as_built():
    assert not (ROOT / "solutions").is_dir() or build.check(ROOT) == []
