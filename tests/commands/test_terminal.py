"""What a command looks like: on terminals of a fixed size, in files, in pipes that close, and in its help."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from lessonkit.__main__ import COMMANDS, main
from lessonkit.commands import terminal
from lessonkit.experiments import report

ROOT = Path(__file__).parents[2]
QUICK = ("compare", "--data", "standin", "--evaluations", "40", "--search-images", "60", "--seeds", "2")
COLOUR = re.compile(r"\x1b\[[\d;]*m")
MOVES = re.compile(r"\x1b\[\d*[A-HJK]")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lessonkit", *arguments]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm", **more}


def on_a_terminal(arguments: list[str], columns: int, act=None, **more: str) -> tuple[str, int]:
    """Everything that a terminal of so many columns was sent, and the exit status; `act` sees output as it comes."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    run = subprocess.Popen(
        arguments, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment(**more), start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    os.close(slave)
    seen = b""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        if select.select([master], [], [], 0.5)[0]:
            try:
                part = os.read(master, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            seen += part
            if act is not None:
                act(run, master, seen)
    status = run.wait(60)
    os.close(master)
    return seen.decode(), status


def rows(text: str) -> list[str]:
    """What stood in each row, whatever overwrote it."""
    return [each for line in text.split("\n") for each in MOVES.sub("", line).rstrip("\r").split("\r")]


@pytest.mark.parametrize("columns", [80, 120])
def test_compare_fits_its_terminal(tmp_path, columns):
    text, status = on_a_terminal(command(*QUICK, "--output", str(tmp_path)), columns)
    assert status == 0, text
    too_wide = [row for row in rows(text) if len(row) > columns]
    assert too_wide == []
    bars = [row for row in rows(text) if "%|" in row]
    assert bars
    for bar in bars[1:]:
        assert re.search(r"\d+%\|.*\| \d+/160 \[[\d:]+<[\d:?]+(, .*)?\]$", bar.rstrip()), bar
        assert ": :" not in bar
    assert "Traceback" not in text
    assert "absl" not in text
    for name in ("magnitude global, as genetic", "trade-off", "FC2", "global sp."):
        assert name in text
    assert not COLOUR.search(text)


def test_a_file_gets_plain_lines_and_the_same_ones_each_time(tmp_path):
    texts = []
    for name, width in (("a", "200"), ("b", "50")):
        run = subprocess.run(
            command(*QUICK, "--output", "same"), cwd=tmp_path, env=environment(COLUMNS=width, NAME=name),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
        )  # fmt: skip
        assert "\r" not in run.stdout
        assert "\x1b" not in run.stdout
        assert "%|" not in run.stdout  # seconds: not even one line about the progress
        tables = [line for line in run.stdout.splitlines() if line.startswith(("unpruned", "random", "genetic"))]
        assert all(len(line) <= 80 for line in tables)
        texts.append(re.sub(r"(?m)^(resuming|.*data:).*\n", "", run.stdout))
    assert texts[0] == texts[1]


def test_a_log_gets_a_line_every_ten_seconds_at_most(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(terminal.tqdm, "_time", lambda self: now[0], raising=False)
    with terminal.Bar(1000, "evaluations") as bar:
        bar._time = lambda: now[0]
        bar.start_t = bar.last_print_t = 0.0
        for step in range(1, 1001):
            now[0] = step * 0.1
            bar.reach(step, "loss 0.5")
    lines = capsys.readouterr().err.splitlines()
    assert 5 <= len(lines) <= 10
    assert all(
        re.fullmatch(r"\d+%, \d+ of 1000 evaluations, [\d:]+ gone, [\d:]+ left, loss 0.5", line) for line in lines
    )


def test_head_ends_a_command_without_a_word_and_what_was_computed_is_saved(tmp_path):
    line = f"{' '.join(command(*QUICK, '--output', str(tmp_path)))} | head -4; echo ${{PIPESTATUS[0]}}"
    run = subprocess.run(["bash", "-c", line], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    assert len(run.stdout.splitlines()) == 5
    assert run.stdout.splitlines()[-1] in ("141", "0")  # 0: all was in the pipe before it closed
    assert "Traceback" not in run.stderr
    assert "BrokenPipe" not in run.stderr
    assert (tmp_path / "comparison.json").is_file()


def test_a_pipe_that_closes_at_once_ends_a_command_without_a_word(tmp_path):
    line = f"{' '.join(command(*QUICK, '--output', str(tmp_path)))} | true; echo ${{PIPESTATUS[0]}}"
    run = subprocess.run(["bash", "-c", line], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    assert run.stdout == "141\n"
    assert run.stderr == ""


def test_help_into_head_is_quiet():
    run = subprocess.run(["bash", "-c", f"{' '.join(command('--help'))} | true"],
                         cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)  # fmt: skip
    assert run.stderr == ""


def test_ctrl_c_in_the_middle_of_the_bar_leaves_a_table_and_no_traceback(tmp_path):
    sent = []

    def act(run, master, seen):
        if not sent and re.search(rb"[1-9]\d*/\d+ \[", seen):
            sent.append(1)
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))  # and the window gets smaller
            os.killpg(run.pid, signal.SIGWINCH)
            os.killpg(run.pid, signal.SIGINT)

    flags = ("compare", "--data", "standin", "--evaluations", "1000", "--output", str(tmp_path))
    text, status = on_a_terminal(command(*flags), 80, act)
    assert sent
    assert status == 130
    assert "Traceback" not in text
    assert "unpruned" in text
    assert (tmp_path / "comparison.json").is_file()


def test_a_dumb_terminal_gets_neither_colours_nor_bars(tmp_path):
    text, status = on_a_terminal(command(*QUICK, "--output", str(tmp_path)), 80, TERM="dumb")
    assert status == 0
    assert "\x1b" not in text
    assert "%|" not in text
    assert all("\r" not in line.rstrip("\r") for line in text.split("\n"))


@pytest.mark.parametrize(("stream", "more", "coloured"), [
    ("terminal", {}, True), ("terminal", {"NO_COLOR": "1"}, False), ("terminal", {"TERM": "dumb"}, False),
    ("file", {}, False),
])  # fmt: skip
def test_colours_are_for_terminals_that_want_them(stream, more, coloured):
    code = "from lessonkit.commands.terminal import coloured; print(coloured('word', '31'))"
    if stream == "terminal":
        text, _ = on_a_terminal([sys.executable, "-c", code], 80, **more)
    else:
        text = subprocess.check_output([sys.executable, "-c", code], env=environment(), text=True)
    assert bool(COLOUR.search(text)) == coloured


# --- tables ---


@pytest.mark.parametrize("width", [20, 60, 80, 120, None])
def test_a_table_holds_every_cell_in_blocks_that_fit(width):
    head = ["method", *(f"column {number}" for number in range(12))]
    lines = [[f"row {row}", *(f"{row}.{number}" for number in range(12))] for row in range(4)]
    text = report.aligned(head, lines, width, together=head[5:8])
    if width is None:
        assert len(text.split("\n\n")) == 1
    else:
        assert all(len(line) <= width for line in text.splitlines())
    assert all(text.count(f"{row}.{number} ") + text.count(f"{row}.{number}\n") >= 1
               for row in range(4) for number in range(12) if (row, number) != (3, 11))  # fmt: skip
    if width and width >= 60:
        assert any(all(name in block for name in head[5:8]) for block in text.split("\n\n"))


# --- flags ---


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of a command, caught as it is about to print its help."""
    caught = []

    def catch(self, file=None):
        caught.append(self)

    with pytest.MonkeyPatch.context() as patched, contextlib.suppress(SystemExit):
        patched.setattr(argparse.ArgumentParser, "print_help", catch)
        main([name, "--help"])
    return caught[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_with_a_value_says_its_default(name):
    parser = parser_of(name)
    formatter = parser._get_formatter()
    for action in parser._actions:
        if action.option_strings and action.nargs != 0 and not action.required:
            said = formatter._expand_help(action)
            assert "(default: " in said, f"{name} {action.option_strings[0]}: {said}"
            assert "None" not in said


@pytest.mark.parametrize("name", COMMANDS)
def test_no_flag_may_be_shortened(name, capsys):
    parser = parser_of(name)
    for action in parser._actions:
        for flag in action.option_strings:
            if flag.startswith("--") and flag != "--help" and flag[:-1] not in parser._option_string_actions:
                folder = ["somewhere"] if name == "grade" else []
                with pytest.raises(SystemExit) as ended:
                    main([name, *folder, flag[:-1]])
                assert ended.value.code == 2
                said = capsys.readouterr().err
                assert said.count("\n") == 1
                assert f"did you mean {flag}?" in said


def test_seed_is_not_seeds(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--seed", "5"])
    assert capsys.readouterr().err == (
        "lessonkit compare: unrecognized arguments: --seed 5; did you mean --seeds? (see lessonkit compare --help)\n"
    )


def test_tensorflow_starts_without_a_word():
    code = (
        "import sys; print('before', file=sys.stderr); import lessonkit.networks.lenet; print('after', file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], env=environment(), cwd=ROOT, capture_output=True, text=True,
                         check=True)  # fmt: skip
    assert run.stderr.splitlines() == ["before", "after"]


def test_what_is_no_native_log_still_reaches_stderr():
    code = (
        "import os, sys; from lessonkit.files import no_native_log\n"
        "with no_native_log():\n"
        "    os.write(2, b'WARNING: All log messages before absl::InitializeLog() is called are written\\n')\n"
        "    os.write(2, b'I0000 00:00:1795574359.228343 5595 port.cc:153] oneDNN custom operations are on.\\n')\n"
        "    print('a warning of Python', file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], env=environment(), cwd=ROOT, capture_output=True, text=True,
                         check=True)  # fmt: skip
    assert run.stderr == "a warning of Python\n"
