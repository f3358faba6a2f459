"""What an exercise is, and what its properties may do with an answer."""

from __future__ import annotations

import ast
import traceback
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from lessonkit.exercises.calling import Outcome, ask, code_of, shares_memory
from lessonkit.exercises.results import Reader, Unreadable, short

SIGMAS = 6.0  # a bound that a right answer breaks about once in 500 million


class Failed(Exception):  # noqa: N818 - a finding about the answer, not an error of the program
    """A property does not hold; the text says where."""


class Raised(Exception):  # noqa: N818
    """The answer raised an exception of its own."""

    def __init__(self, call: str, error: BaseException) -> None:
        super().__init__(call)
        self.call, self.error = call, error


class NotAttempted(Exception):  # noqa: N818
    """The answer is still the blank."""


@dataclass(frozen=True)
class Examples:
    """A property: on these arguments, smallest first, the answer gives what the reference gives."""

    about: str
    arguments: Callable[[np.random.Generator], Iterable[tuple[Any, ...]]]


@dataclass(frozen=True)
class Law:
    """A property that a function judges: it calls the answer through the trial, and the trial's `fail` if it must."""

    about: str
    test: Callable[[Trial], None]


@dataclass(frozen=True)
class Misconception:
    """A wrong answer that people give, as code, with the message that names it.

    Parameters
    ----------
    sign : tells from a trial whether an answer, known to be wrong, has this misconception. Without one, an answer has
        it when it does on all `Examples` of the exercise just what `code`, or one of the `variants`, does.
    """

    name: str
    message: str
    code: Callable[..., Any]
    variants: tuple[Callable[..., Any], ...] = ()
    sign: Callable[[Trial], bool] | None = None


@dataclass(frozen=True)
class Exercise:
    """One exercise; everything that the course knows about it.

    Parameters
    ----------
    id : "lesson.function"; the function is the one that the stub defines.
    minutes : a student's time for it.
    objective : what the student can do afterwards, to be read behind "After this you can".
    stub : def line, docstring and ``...``.
    reference : a right answer, the engine's own function wherever there is one.
    read : brings any acceptable result to one plain form, which is compared.
    prepare : anything slow that must happen before the clock runs, such as importing Keras.
    """

    id: str
    title: str
    minutes: int
    objective: str
    why: str
    stub: str
    reference: Callable[..., Any]
    read: Reader
    properties: tuple[Examples | Law, ...]
    misconceptions: tuple[Misconception, ...]
    hints: tuple[str, ...]
    prepare: Callable[[], object] | None = None

    @property
    def lesson(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        """The function's name, the part of the id behind the dot."""
        return self.id.partition(".")[2]

    @property
    def definition(self) -> ast.FunctionDef:
        """The stub, parsed."""
        (node,) = ast.parse(self.stub).body
        assert isinstance(node, ast.FunctionDef), self.id
        return node

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the arguments."""
        return tuple(argument.arg for argument in self.definition.args.args)

    @property
    def required(self) -> int:
        """How many arguments have no default."""
        return len(self.parameters) - len(self.definition.args.defaults)

    @property
    def signature(self) -> str:
        """The arguments as the stub writes them."""
        return f"({ast.unparse(self.definition.args)})"

    def call_text(self, arguments: tuple[Any, ...]) -> str:
        """A call as a reader would write it, with short values."""
        return f"{self.name}({', '.join(f'{k}={short(v)}' for k, v in zip(self.parameters, arguments, strict=False))})"


@dataclass
class Trial:
    """One answer under test: calls it on copies, and remembers the last call for the message."""

    exercise: Exercise
    answer: Callable[..., Any]
    seed: tuple[int, ...]
    calls: int = 0
    last: tuple[Any, ...] = ()
    notes: dict[Any, Any] = field(default_factory=dict)  # what an exercise measured and wants to use again

    def __post_init__(self) -> None:
        self.rng = generator_for(self.exercise, self.seed)

    def generator(self) -> np.random.Generator:
        """A fresh generator to hand to the answer."""
        return np.random.default_rng(int(self.rng.integers(2**63)))

    def ask(self, *arguments: Any) -> Outcome:
        """Call the answer; raise what ends the trial: a blank, an exception, a changed argument."""
        self.calls, self.last = self.calls + 1, arguments
        outcome = ask(self.answer, arguments)
        if outcome.error is not None:
            # An `...` that was to be filled in and is still there, used as a value.
            blank = isinstance(outcome.error, TypeError) and "ellipsis" in str(outcome.error)
            if _says_not_implemented(self.answer, outcome.error) or blank:
                raise NotAttempted
            raise Raised(self.exercise.call_text(arguments), outcome.error)
        if outcome.value is Ellipsis or (outcome.value is None and self.calls == 1) or _holds_blank(outcome.value):
            raise NotAttempted
        if outcome.changed is not None:
            self.fail(f"changed its argument `{self.exercise.parameters[outcome.changed]}`: work on a copy")
        return outcome

    def result(self, *arguments: Any) -> Any:
        """Call the answer and read what it returns."""
        return self.read(self.ask(*arguments).value)

    def read(self, value: Any) -> Any:
        """The value in its plain form; a wrong type fails."""
        try:
            return self.exercise.read(value)
        except Unreadable as error:
            self.fail(str(error))

    def fail(self, text: str) -> NoReturn:
        """The property does not hold for the last call; `text` continues the sentence that the call begins."""
        raise Failed(f"{self.exercise.call_text(self.last)} {text}")

    def expect(self, holds: object, text: str) -> None:
        """Fail with `text` unless `holds`."""
        if not holds:
            self.fail(text)

    def advances(self, *arguments: Any) -> bool:
        """Whether the answer takes its random numbers from the generator it is given, the last argument or near it."""
        rng = next(value for value in arguments if isinstance(value, np.random.Generator))
        before = str(rng.bit_generator.state)
        self.ask(*arguments)
        return str(rng.bit_generator.state) != before


def generator_for(exercise: Exercise, seed: tuple[int, ...]) -> np.random.Generator:
    """The checker's own random numbers: the same for the same exercise and seed."""
    return np.random.default_rng([zlib.crc32(exercise.id.encode()), *seed])


def unlikely(hits: float, draws: float, chance: float) -> bool:
    """Whether `hits` of `draws` independent draws are out of bounds for this chance."""
    return bool(abs(hits - draws * chance) > SIGMAS * np.sqrt(draws * chance * (1 - chance)) + 1)


def expect_new_memory(trial: Trial, *arguments: Any) -> None:
    """Fail where what the answer returns shares memory with what it was given."""
    outcome = trial.ask(*arguments)
    parts = outcome.value if isinstance(outcome.value, tuple | list) else [outcome.value]
    for part in parts:
        trial.expect(not shares_memory(part, outcome.given), "returns its argument or a view of it: return a new array")


def _says_not_implemented(answer: Any, error: BaseException) -> bool:
    """Whether the answer's own code raised it; a library's NotImplementedError is an error like any other."""
    code, frames = code_of(answer), list(traceback.walk_tb(error.__traceback__))
    own = code is not None and bool(frames) and frames[-1][0].f_code.co_filename == code.co_filename
    return isinstance(error, NotImplementedError) and own


def _holds_blank(value: Any) -> bool:
    return isinstance(value, tuple | list) and any(item is Ellipsis for item in value)
