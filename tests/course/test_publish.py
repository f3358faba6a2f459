"""Publishing: which addresses are taken, what a stamp changes, and that the zip is all that a student needs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from lessonkit.__main__ import main
from lessonkit.course import build, bundle, colab, preflight, publish
from lessonkit.course.address import Address, read_address
from lessonkit.course.setup_cell import badge_source, setup_source
from lessonkit.errors import LessonkitError

pytestmark = pytest.mark.slow  # minutes in all; run with --slow

ROOT = Path(__file__).parents[2]

SOURCE = """\
# %% tags=["setup"]

# %%
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
"""


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@t"]
    return subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Two lessons as built, except that no kernel ran, committed; the working folder."""

    def executed(notebook, lesson, folder):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count = 1
        return notebook

    root = tmp_path / "course"
    (root / "solutions").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "execute", executed)
        for stem in ("01_one", "02_two"):
            lesson = build.Lesson(root, stem)
            lesson.file("solutions", ".py").write_text(SOURCE)
            build.build(lesson)
    (root / "pyproject.toml").write_text("")
    git(root, "init", "--quiet", "--initial-branch", "trunk")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "The course")
    monkeypatch.chdir(root)
    return root


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def stamp(*flags: str, repository: str = "a-teacher/their.course", ref: str = "v1.0") -> int:
    return main(["publish", "--repository", repository, "--ref", ref, *flags])


# --- addresses ---


@pytest.mark.parametrize(
    ("repository", "ref"), [("a/b", "v1"), ("A-b-1/c_d.e-f", "2026/autumn_1.0"), ("a" * 39 + "/x", "1")]
)
def test_well_formed_addresses_are_taken(repository, ref):
    assert Address(repository, ref).install == f"git+https://github.com/{repository}@{ref}"


@pytest.mark.parametrize(
    "repository",
    ["", "name", "a/", "/b", "a/b/c", "-a/b", "a-/b", "a--b/c", "a" * 40 + "/b", "a/..", "a/.", "a/b.git", "a/b.WIKI",
     "a/b c", "a b/c", "a_b/c", "a/b;rm", "a/$(x)", "a/`x`", "a/b@v1", "a/b#c", "a/b?c", "a/b%2e", "a\\b", "a/b\n",
     "https://github.com/a/b", "git@github.com:a/b", "ä/b", "a/" + "b" * 101, 'a/b"', "a/b'", "a/b)"],
)  # fmt: skip
def test_malformed_repositories_are_refused(repository):
    with pytest.raises(LessonkitError, match="owner/name"):
        Address(repository, "v1")


@pytest.mark.parametrize(
    "ref",
    ["", "-v1", "v 1", "v1\n", "a..b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "a./b", "HEAD",
     "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "@", "a@{1}", "v1;x", "v1$x", "v1&x", "v1#x", "v1%2f", "v1'", 'v1"',
     "v1)", "ä", "a" * 101, "0123456789" * 4],
)  # fmt: skip
def test_malformed_tags_are_refused(ref):
    with pytest.raises(LessonkitError, match="--ref a tag"):
        Address("a/b", ref)


def test_every_tag_that_is_taken_git_takes_too():
    for ref in ("v1", "1", "a/b.c_d-e", "v1.0-rc1", "x.y/z"):
        Address("a/b", ref)
        assert subprocess.run(["git", "check-ref-format", f"refs/tags/{ref}"], check=False).returncode == 0


def test_no_address_is_invented():
    assert "http" not in setup_source()
    assert "github" not in setup_source()
    address = read_address(ROOT)
    for lesson in build.lessons(ROOT) if (ROOT / "solutions").is_dir() else ():
        for path in lesson.files:
            text = path.read_text(encoding="utf-8")
            found = {*re.findall(r"https://[^\s\")]*(?:git|colab)[^\s\")]*", text)}
            assert not found or address is not None, f"{path.name} holds {found}, and nobody published it"


def test_the_texts_of_a_published_course():
    address = Address("a/b", "v1")
    assert '        address = "git+https://github.com/a/b@v1"\n' in setup_source(address)
    page = "https://colab.research.google.com/github/a/b/blob/v1/notebooks/01.ipynb"
    assert badge_source("notebooks/01.ipynb", address).endswith(f"]({page})")


# --- stamping ---


def test_a_stamp_adds_a_badge_changes_the_setup_cell_and_is_taken_off_byte_for_byte(course, capsys):
    before = contents(course)
    assert stamp() == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-5:] == [
        "Nothing was committed or pushed. Now run, in this order:",
        "  git add solutions notebooks",
        "  git commit -m 'Publish as a-teacher/their.course at v1.0'",
        "  git tag v1.0",
        "  git push https://github.com/a-teacher/their.course.git trunk tag v1.0",
    ]
    assert git(course, "tag") == ""
    assert git(course, "log", "--format=%s").split("\n") == ["The course", ""]
    stamped = contents(course)
    assert {name for name in stamped if stamped[name] != before.get(name)} == {
        "solutions/published.json",
        *(name for name in before if name != "pyproject.toml"),
    }
    assert json.loads(stamped["solutions/published.json"]) == {"repository": "a-teacher/their.course", "ref": "v1.0"}
    for folder in ("notebooks", "solutions"):
        notebook = nbformat.read(course / folder / "02_two.ipynb", as_version=4)
        assert "/blob/v1.0/notebooks/02_two.ipynb)" in notebook.cells[0].source
        assert "a-teacher/their.course@v1.0" in notebook.cells[1].source
        assert notebook.cells[1].execution_count == 1, "nothing was run again"
        plain = nbformat.reads(before[f"{folder}/02_two.ipynb"].decode(), as_version=4)
        assert [cell.id for cell in notebook.cells[1:]] == [cell.id for cell in plain.cells]
        assert "badge" not in before[f"{folder}/02_two.ipynb"].decode(), "an empty cell is no badge"
    assert build.check(course) == []
    assert stamp() == 0, "a second time changes nothing"
    assert contents(course) == stamped
    assert stamp(ref="v2") == 0, "another address takes the place of a stamp that nobody committed"
    assert b"v1.0" not in b"".join(contents(course).values())
    assert main(["publish", "--undo"]) == 0
    assert contents(course) == before
    assert git(course, "status", "--porcelain") == ""
    assert main(["publish", "--undo"]) == 0
    assert "no notebook contains an address" in capsys.readouterr().out


def test_undo_after_the_stamp_was_committed(course, capsys):
    before = contents(course)
    stamp()
    git(course, "add", ".")
    git(course, "commit", "--quiet", "--message", "Publish")
    git(course, "tag", "v1.0")
    capsys.readouterr()
    assert stamp() == 0
    assert capsys.readouterr().out.splitlines()[-1].strip().startswith("git push https://github.com/a-teacher/")
    assert main(["publish", "--undo"]) == 0
    assert contents(course) == before
    assert "git commit -m 'Take the address out'" in capsys.readouterr().out


def test_preflight_says_what_the_tag_lacks(course):
    green = preflight.badges(course)
    assert green.state == "ok"
    stamp()
    line = preflight.badges(course)
    assert (line.state, line.said.partition(": ")[2]) == ("note", "this tag does not exist here yet")
    git(course, "add", ".")
    git(course, "commit", "--quiet", "--message", "Publish")
    git(course, "tag", "v1.0")
    assert preflight.badges(course).state == "ok"
    (course / "notebooks" / "01_one.py").write_text("# changed\n")
    line = preflight.badges(course)
    assert (line.state, line.said.partition(": ")[2]) == ("note", "notebooks/01_one.py has changed since the tag")
    assert line.way_out


def test_build_stamp_renews_what_was_edited_in_a_shared_cell(course):
    before = contents(course)
    source = course / "solutions" / "01_one.py"
    source.write_text(source.read_text().replace(".start()", ".stop()"))
    assert main(["build", "--stamp"]) == 0
    assert contents(course) == before


def refused(course: Path, capsys, *flags: str) -> str:
    before = contents(course)
    assert main(["publish", *flags]) == 1
    assert contents(course) == before, "nothing is written"
    (line,) = capsys.readouterr().err.splitlines()
    return line


STAMP = ("--repository", "a/b", "--ref", "v1")


def test_missing_and_contradicting_flags_are_refused(course, capsys):
    assert "nothing to publish" in refused(course, capsys)
    assert "give both" in refused(course, capsys, "--ref", "v1")
    assert "give both" in refused(course, capsys, "--repository", "a/b")
    assert "owner/name" in refused(course, capsys, "--repository", "", "--ref", "v1")
    assert "--undo" in refused(course, capsys, *STAMP, "--undo")
    assert "about the zip" in refused(course, capsys, *STAMP, "--with-solutions")
    assert "lessonkit*.zip" in refused(course, capsys, "--bundle", "mine.zip")


@pytest.mark.parametrize(
    ("name", "text"),
    [("notes.txt", "mine"), ("pyproject.toml", "# mine"), ("solutions/01_one.py", SOURCE + "# mine\n")],
)
def test_a_course_with_other_changes_is_refused(course, capsys, name, text):
    (course / name).write_text(text)
    assert f"{name}: not committed" in refused(course, capsys, *STAMP)


def test_a_lost_file_is_refused(course, capsys):
    (course / "notebooks" / "01_one.ipynb").unlink()
    assert "notebooks/01_one.ipynb: not committed" in refused(course, capsys, *STAMP)
    git(course, "add", ".")
    git(course, "commit", "--quiet", "--message", "Lost")
    assert "notebooks/01_one.ipynb: missing: run python -m lessonkit build 01_one" in refused(course, capsys, *STAMP)


def test_a_notebook_that_is_not_as_built_is_refused(course, capsys):
    notebook = course / "notebooks" / "02_two.ipynb"
    notebook.write_text(notebook.read_text().replace("def double(x)", "def triple(x)"))
    git(course, "commit", "--quiet", "--all", "--message", "An edit in the wrong place")
    said = refused(course, capsys, *STAMP)
    assert "notebooks/02_two.ipynb: cell 2 differs from its source" in said
    assert "run python -m lessonkit build 02_two first" in said


def test_a_tag_without_the_stamp_is_refused(course, capsys):
    git(course, "tag", "v1")
    assert "v1: this tag exists already, without this stamp" in refused(course, capsys, *STAMP)
    stamp(ref="v0")
    git(course, "add", ".")
    git(course, "commit", "--quiet", "--message", "Publish")
    git(course, "tag", "--force", "v1")
    assert "without this stamp" in refused(course, capsys, *STAMP)


def test_outside_a_course_outside_git_and_below_its_top(course, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    inner = course / "inner"
    for folder in ("solutions", "notebooks"):
        shutil.copytree(course / folder, inner / folder)
    monkeypatch.chdir(inner)
    assert "is not the top folder of its repository" in refused(inner, capsys, *STAMP)
    inner.rename(tmp_path / "outside")
    monkeypatch.chdir(tmp_path / "outside")
    assert "not a git repository" in refused(tmp_path / "outside", capsys, *STAMP)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert "no folder solutions/" in refused(tmp_path / "empty", capsys, *STAMP)


def test_a_damaged_address_file_is_said_in_one_line(course, capsys):
    (course / "solutions" / "published.json").write_text('{"repository": "a/b;c", "ref": "v1"}')
    assert "published.json: 'a/b;c'" in refused(course, capsys, "--undo")
    (course / "solutions" / "published.json").write_text("[]")
    assert "was not written by publish" in refused(course, capsys, "--undo")
    assert main(["build", "--check"]) == 1


def test_a_failure_in_the_middle_leaves_everything_as_it_was(course, monkeypatch):
    before = contents(course)
    written = []

    def full(path, text):
        if len(written) == 5:
            written.append(path)
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        Path(path).write_text(text)

    monkeypatch.setattr(publish, "write_text", full)
    assert stamp() == 1
    assert len(written) == 6 + 5
    assert contents(course) == before


# --- the zip ---


@pytest.fixture(scope="module")
def zipped(tmp_path_factory):
    """The course's own zip."""
    if not (ROOT / "solutions").is_dir():
        pytest.skip("not a checkout")
    target = tmp_path_factory.mktemp("zip") / "lessonkit-course.zip"
    bundle.write_bundle(ROOT, target)
    return target


def test_the_zip_holds_the_notebooks_and_the_package_with_weights_and_no_solution(zipped):
    with zipfile.ZipFile(zipped) as packed:
        names = packed.namelist()
        times = {info.date_time for info in packed.infolist()}
        assert packed.testzip() is None
    package = [name for name in names if name.startswith("lessonkit-course/lessonkit/")]
    assert {f"lessonkit-course/lessonkit/{name}" for name in ("annealing.py", "assets/mnist-0.npz")} <= {*package}
    notebooks = [f"lessonkit-course/notebooks/{lesson.stem}.ipynb" for lesson in build.lessons(ROOT)]
    others = [f"lessonkit-course/{name}" for name in ("README.txt", "README.md", "LICENSE", "pyproject.toml")]
    assert names == sorted([*package, *others, *notebooks])
    assert times == {(1980, 1, 1, 0, 0, 0)}


def test_the_same_files_give_the_same_bytes(tmp_path, monkeypatch):
    years = iter((1999, 2001))

    def made(root, python, target, *, isolated):
        wheel = target / "lessonkit-1-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as packed:
            packed.writestr(zipfile.ZipInfo("lessonkit/a", (next(years), 1, 1, 0, 0, 0)), "a")
        return wheel

    monkeypatch.setattr(bundle, "build_wheel", made)
    monkeypatch.setattr(bundle.build, "check", lambda root: [])
    for name in ("one", "two"):
        bundle.write_bundle(ROOT, tmp_path / "lessonkit.zip", with_solutions=True)
        (tmp_path / "lessonkit.zip").rename(tmp_path.parent / name)
    assert (tmp_path.parent / "one").read_bytes() == (tmp_path.parent / "two").read_bytes()
    with zipfile.ZipFile(tmp_path.parent / "one") as packed:
        solution = packed.read("lessonkit-course/solutions/01_lenet_baseline.ipynb")
    assert "jupytext" not in json.loads(solution)["metadata"], "it would look for its script"


def test_no_zip_of_a_course_that_is_not_as_built_or_has_no_package(course, capsys):
    assert "contains no package" in refused(course, capsys, "--bundle")
    (course / "lessonkit").mkdir()
    (course / "lessonkit" / "__init__.py").touch()
    (course / "notebooks" / "01_one.py").unlink()
    assert "notebooks/01_one.py: missing" in refused(course, capsys, "--bundle")


# Where the package is installed from the checkout, a process that must not see it takes that way out of its path.
_ELSEWHERE = """\
import sys
from pathlib import Path

sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")]
sys.path[:] = [entry for entry in sys.path if not (Path(entry) / "lessonkit" / "__init__.py").is_file()]
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder on the path of new processes, which do not see the checkout."""
    content = tmp_path / "content"
    content.mkdir()
    (content / "sitecustomize.py").write_text(_ELSEWHERE)
    monkeypatch.setenv("PYTHONPATH", str(content))
    monkeypatch.setenv("TMPDIR", str(content))
    monkeypatch.setenv("LESSONKIT_DATA", "standin")
    return content


@pytest.mark.parametrize("place", ["lessonkit-course/notebooks", "lessonkit-course", "."])
def test_the_unpacked_zip_or_the_zip_itself_is_all_that_the_setup_cell_needs(zipped, elsewhere, place):
    folder = elsewhere / place
    if place == ".":
        shutil.copy(zipped, folder)
    else:
        with zipfile.ZipFile(zipped) as packed:
            packed.extractall(elsewhere)
    code = f"{setup_source()}\nimport lessonkit.exercises\nprint(lessonkit.__file__)"
    said = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True).stdout
    first, file = said.splitlines()
    assert first.startswith("lessonkit 1")
    assert "the stand-in" in first
    assert Path(file).is_relative_to(elsewhere)


def test_a_whole_notebook_runs_beside_the_zip_alone(zipped, elsewhere):
    notebook = build.lessons(ROOT, ["02"])[0].file("notebooks", ".ipynb")
    colab.run_alone(Path(sys.executable), notebook, zipped, elsewhere)
