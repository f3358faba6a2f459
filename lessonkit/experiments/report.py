"""What a comparison leaves behind: the table that is printed and the files that are written."""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from lessonkit.errors import LessonkitError
from lessonkit.experiments.comparison import Comparison, Row
from lessonkit.experiments.plots import comparison_plot
from lessonkit.experiments.published import PUBLISHED, TRAINED_ACCURACY
from lessonkit.files import save_masks, write_text, writing
from lessonkit.masks import global_sparsity, layer_sparsities, mean_layer_sparsity

NEEDED_BYTES = 20_000_000  # a comparison writes far less; a disk that is nearly full should be reported beforehand
PACKAGES = ("lessonkit", "numpy", "tensorflow", "keras", "matplotlib", "scipy", "scikit-learn", "pandas")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a figure."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def output_folder(path: str | os.PathLike[str]) -> Path:
    """Make the folder and write a scratch file in it, so that a bad one is refused before hours are spent."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as scratch:
            scratch.write(b"writable")
    except OSError as error:
        raise LessonkitError(f"{folder}: cannot be written to ({error.strerror}); give another --output") from error
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise LessonkitError(f"{folder}: only {free / 1e6:.0f} MB free on this disk, {NEEDED_BYTES / 1e6:.0f} needed")
    return folder


# --- the table ------------------------------------------------------------------------------------------------------


def text_table(comparison: Comparison, width: int | None = None) -> str:
    """One line per method, mean and standard deviation over the seeds; in blocks of at most `width` columns."""
    groups: dict[str, list[Row]] = {}
    for row in comparison.rows:
        groups.setdefault(row.method, []).append(row)
    layers = [f"{name}" for name in comparison.names]
    head = [
        "method",
        "accuracy %",
        "loss",
        "mean sp.",
        "global sp.",
        *layers,
        "trade-off",
        "evals",
        "seconds",
        "eval/s",
    ]
    base = comparison.baseline
    lines = [["unpruned", f"{100 * base.accuracy:.2f}", f"{base.loss:.4f}", "0", "0", *["0"] * len(layers)]]
    for method, rows in groups.items():
        shares = np.array([layer_sparsities(row.masks) for row in rows])
        searched = not rows[0].is_control
        speed = [row.evaluations / row.seconds for row in rows] if searched else []
        lines.append(
            [
                method,
                _spread([100 * row.evaluation.accuracy for row in rows], 2),
                _spread([row.evaluation.loss for row in rows], 4),
                _spread([mean_layer_sparsity(row.masks) for row in rows], 4),
                _spread([global_sparsity(row.masks) for row in rows], 4),
                *[f"{share:.3f}" for share in shares.mean(axis=0)],
                _spread([row.trade_off for row in rows], 4),
                f"{np.mean([row.evaluations for row in rows]):.0f}",
                f"{np.mean([row.seconds for row in rows]):.1f}" if searched else "-",
                f"{np.mean(speed):.0f}" if speed else "-",
            ]
        )
    return aligned(head, lines, width, together=layers)


def published_table(width: int | None = None) -> str:
    """The published results, in the columns that they share with ours."""
    lines = [["unpruned", f"{100 * TRAINED_ACCURACY:.2f}", "", "0", ""]]
    for method, row in PUBLISHED.items():
        figures = [f"{100 * row['accuracy']:.2f}", f"{row['loss']:.4f}", f"{row['mean_layer_sparsity']:.4f}"]
        lines.append([method, *figures, f"{row['seconds']:.0f}"])
    return aligned(["published", "accuracy %", "loss", "mean sp.", "seconds"], lines, width)


def _spread(values: Sequence[float], digits: int) -> str:
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def aligned(
    head: Sequence[str], lines: Sequence[Sequence[str]], width: int | None = None, together: Sequence[str] = ()
) -> str:
    """A table whose first column names the rows; where it is wider than `width`, in blocks that each begin with it.

    The columns called `together` stay in one block if it can hold them.
    """
    full = [list(head), *[[*line, *[""] * (len(head) - len(line))] for line in lines]]
    widths = [max(len(line[column]) for line in full) for column in range(len(head))]
    blocks: list[list[int]] = [[]]
    for column in range(1, len(head)):
        taken = widths[0] + sum(2 + widths[other] for other in blocks[-1])
        first = len(together) > 0 and head[column] == together[0]
        needed = sum(2 + each for each in widths[column : column + (len(together) if first else 1)])
        if width is not None and blocks[-1] and taken + needed > width:
            blocks.append([])
        blocks[-1].append(column)
    return "\n\n".join(_block(full, widths, block) for block in blocks)


def _block(full: Sequence[Sequence[str]], widths: Sequence[int], columns: Sequence[int]) -> str:
    rows = []
    for line in full:
        cells = [line[0].ljust(widths[0]), *(line[column].rjust(widths[column]) for column in columns)]
        rows.append("  ".join(cells).rstrip())
    return "\n".join([rows[0], "-" * max(map(len, rows)), *rows[1:]])


# --- the files ------------------------------------------------------------------------------------------------------


def masks_name(row: Row) -> str:
    """The file that holds the masks of a row."""
    return f"masks-{row.method.replace(', as ', '-as-').replace(' ', '-')}-seed{row.seed}.npz"


def save_row(folder: Path, row: Row, names: Sequence[str]) -> None:
    """Write the masks of one row, as soon as it is there."""
    save_masks(folder / masks_name(row), row.masks, names)


def save(folder: Path, comparison: Comparison) -> list[Path]:
    """Write comparison.csv, comparison.json, history.csv, comparison.png and the masks; each whole or not at all."""
    for row in comparison.rows:  # again, in case the first try failed: an older run's masks may be there
        save_row(folder, row, comparison.names)
    table = comparison.table()
    write_text(folder / "comparison.csv", table.to_csv(index=False))
    write_text(folder / "history.csv", comparison.histories().to_csv(index=False))
    rows = [
        {**{key: _plain(value) for key, value in record.items()}, "masks": masks_name(row)}
        for record, row in zip(table.to_dict("records"), comparison.rows, strict=True)
    ]
    content = {
        "baseline": {**asdict(comparison.baseline), "sparsity": 0.0},
        "settings": comparison.settings,
        "interrupted": comparison.interrupted,
        "published": {method: dict(row) for method, row in PUBLISHED.items()},
        "versions": versions(),
        "processors": os.cpu_count(),
        "rows": rows,
    }
    write_text(folder / "comparison.json", json.dumps(content, indent=1) + "\n")
    with writing(folder / "comparison.png") as file:
        file.write(comparison_plot(comparison).png())
    return [folder / name for name in ("comparison.csv", "comparison.json", "history.csv", "comparison.png")]


def _plain(value: Any) -> Any:
    """A value that JSON can hold; not-a-number becomes null, which every reader of JSON understands."""
    if isinstance(value, str | int | bool) or value is None:
        return value
    number = float(value)
    return None if np.isnan(number) else number
