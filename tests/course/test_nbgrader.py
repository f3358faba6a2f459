"""nbgrader itself makes the student's cells from the solutions, and they are those that the build makes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lessonkit.course import build, nbgrader_source
from lessonkit.errors import LessonkitError
from lessonkit.exercises import registry

pytestmark = pytest.mark.slow  # minutes in all; run with --slow

ROOT = Path(__file__).parents[2]
STEMS = [lesson.stem for lesson in build.lessons(ROOT)]


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The folder of what `generate_assignment` releases of every lesson."""
    pytest.importorskip("nbgrader", reason="needs lessonkit[nbgrader]")
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config, PyFileConfigLoader

    folder = tmp_path_factory.mktemp("nbgrader")
    assert len(nbgrader_source.write_course(ROOT, folder)) == len(STEMS) + 1
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(folder)).load_config())
    config.CourseDirectory.root = str(folder)
    api = NbGraderAPI(config=config)
    for stem in STEMS:
        done = api.generate_assignment(stem)
        assert done["success"], (stem, done["error"], done["log"])
    return folder / "release"


def code_cells(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("stem", STEMS)
def test_nbgrader_makes_the_students_cells(released, stem):
    mine = code_cells(ROOT / "notebooks" / f"{stem}.ipynb")
    assert code_cells(released / stem / f"{stem}.ipynb") == mine
    assert any(re.search(r"^    \.\.\.$", source, re.MULTILINE) for source in mine)


@pytest.mark.parametrize("stem", STEMS)
def test_nothing_of_a_solution_is_released(released, stem):
    text = (released / stem / f"{stem}.ipynb").read_text(encoding="utf-8")
    assert not re.search("(BEGIN|END) (SOLUTION|HIDDEN)", text)
    assert "assert whose(" not in text


def test_every_exercise_is_a_solution_cell_and_a_graded_check():
    points = {}
    for lesson in build.lessons(ROOT):
        cells = nbgrader_source.source_notebook(lesson)["cells"]
        marked = [cell for cell in cells if "nbgrader" in cell["metadata"]]
        assert len({cell["metadata"]["nbgrader"]["grade_id"] for cell in marked}) == len(marked)
        for solution, check in zip(marked[::2], marked[1::2], strict=True):
            assert solution["metadata"]["nbgrader"]["solution"]
            assert not solution["metadata"]["nbgrader"]["grade"]
            assert check["metadata"]["nbgrader"]["locked"]
            exercise_id = re.search(r'check\("([\w.]+)"', check["source"])[1]
            points[exercise_id] = check["metadata"]["nbgrader"]["points"]
    assert points == {exercise.id: exercise.minutes for exercise in registry().values()}


def test_a_solution_without_its_check_is_told(tmp_path):
    (tmp_path / "solutions").mkdir()
    found = json.loads((ROOT / "solutions" / f"{STEMS[0]}.ipynb").read_text(encoding="utf-8"))
    found["cells"] = [cell for cell in found["cells"] if "check(" not in "".join(cell["source"])]
    (tmp_path / "solutions" / "01_x.ipynb").write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(LessonkitError, match="no check follows the solution"):
        nbgrader_source.source_notebook(build.Lesson(tmp_path, "01_x"))
    with pytest.raises(LessonkitError, match="cannot be read"):
        nbgrader_source.source_notebook(build.Lesson(tmp_path, "02_y"))


def test_the_command_writes_the_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert nbgrader_source.main([str(tmp_path / "new" / "course")]) == 0
    assert "nbgrader generate_assignment" in capsys.readouterr().out
    assert (tmp_path / "new" / "course" / "source" / STEMS[0] / f"{STEMS[0]}.ipynb").is_file()
    monkeypatch.chdir(tmp_path)
    assert nbgrader_source.main([str(tmp_path / "other")]) == 1
    assert "solutions/" in capsys.readouterr().err
