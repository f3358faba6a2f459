"""The benchmark's arithmetic, and one run of it on a handful of images. No figure of time is tested."""

from __future__ import annotations

import argparse
import json

import pytest

from lessonkit.__main__ import main
from lessonkit.commands import bench
from lessonkit.errors import LessonkitError
from lessonkit.networks.weights import load_network


def flags(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    return parser.parse_args(given)


def test_multiply_adds_of_lenet():
    own = [28 * 28 * 25 * 6, 10 * 10 * 25 * 6 * 16, 400 * 120, 120 * 84, 84 * 10]
    assert bench.multiply_adds_behind(load_network("standin")) == [sum(own[index:]) for index in range(5)]


@pytest.mark.parametrize("name", ["missing/bench.json", "."])
def test_a_file_that_cannot_be_written_is_refused_first(name, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "run_bench", lambda *_args, **_kwargs: pytest.fail("measured first"))
    with pytest.raises(LessonkitError, match="cannot be written"):
        bench.main(flags("--json", str(tmp_path / name)))


def test_a_small_run(tmp_path, monkeypatch, capsys):
    for name, value in {"IMAGES": 100, "SHORT": 50, "REPEATS": 2}.items():
        monkeypatch.setattr(bench, name, value)
    file = tmp_path / "bench.json"
    assert bench.main(flags("--json", str(file), "--data", "standin", "--keras-candidates", "1")) == 0
    result = json.loads(file.read_text())
    names = ["Conv1", "Conv2", "FC1", "FC2", "Output"]
    for key in ("milliseconds_per_1000_images", "share_of_floor"):
        assert list(result[key]) == names
        assert all(value > 0 for value in result[key].values())
    for key in ("speedup_same_work", "speedup_over_batched_evaluate", "speedup_batches_of_10"):
        assert result[key] > 0
    assert result["largest_difference"]["loss"] < 1e-5
    assert result["largest_difference"]["correct_images"] == 0
    assert result["settings"]["images"] == 100
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"]
    printed = capsys.readouterr().out
    assert "extrapolated" in printed
    assert all(name in printed for name in names)


def test_labs_writes_the_milliseconds_of_every_lab(tmp_path, monkeypatch, capsys):
    from lessonkit.commands import lab_timing as labs_bench

    monkeypatch.setattr(labs_bench, "measure", lambda data, network: {"PruningLab": 12.5, "RaceLab": 7.0})
    file = tmp_path / "labs.json"
    assert main(["bench", "--labs", "--data", "standin", "--json", str(file)]) == 0
    assert json.loads(file.read_text())["labs_milliseconds"] == {"PruningLab": 12.5, "RaceLab": 7.0}
    assert "PruningLab" in capsys.readouterr().out
