"""What an exercise is, and what its properties may do with an answer."""

from __future__ import annotations

import ast
import inspect
import time
import traceback
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from lessonkit.checker.answers import Reader, Unreadable, short, tolerance
from lessonkit.checker.guarded_call import Outcome, ask, code_of, draws_of, overlap, shares_memory

SIGMAS = 6.0  # a bound that a right answer breaks about once in 500 million


class Failed(Exception):  # noqa: N818 - a finding about the answer, not an error of the program
    """Something is wrong: `text` continues the sentence that `call` begins.

    `kind` is "law" where the property under test does not hold. For what every exercise asks it is "type", "changed",
    "shared", "chance" or "memory"; then neither that property nor a misconception about it is to blame.
    """

    def __init__(self, call: str, text: str, kind: str = "law") -> None:
        super().__init__(f"{call} {text}")
        self.call, self.text, self.kind = call, text, kind


class Raised(Exception):  # noqa: N818
    """The answer raised an exception of its own."""

    def __init__(self, call: str, error: BaseException) -> None:
        super().__init__(call)
        self.call, self.error = call, error


class NotAttempted(Exception):  # noqa: N818
    """The answer is still the blank."""


@dataclass(frozen=True)
class Examples:
    """A property: on these arguments, smallest first, the answer gives what the reference gives.

    Parameters
    ----------
    exact : whether every digit counts; otherwise the last ones may differ (see `results.difference`).
    """

    about: str
    arguments: Callable[[np.random.Generator], Iterable[tuple[Any, ...]]]
    exact: bool = False


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
    reference : a right answer. `solution` prints its body below the stub's header, so it uses the stub's names for the
        arguments, calls nothing that hides the point, and needs no more than imports.
    read : brings any acceptable result to one plain form, which is compared.
    prepare : anything slow that must happen before the clock runs, such as importing Keras.
    draw : for an exercise with an argument `rng`: arguments on which chance shows in the result. With them the checker
        looks first, before any law could blame something else, whether all random numbers come from `rng`.
    may_share : whether the result may hold arrays that were given, as the elite of a population does. Otherwise
        whatever is returned, in every call, must be new memory, and each array of it memory of its own.
    possible : whether these arguments may be given together; asked where the checker changes one of an example's.
    magnitude : from the arguments the size of the terms that the result is the sum of, where they may cancel: what a
        right answer loses to rounding is relative to it.
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
    draw: Callable[[np.random.Generator], tuple[Any, ...]] | None = None
    may_share: bool = False
    possible: Callable[..., bool] | None = None
    magnitude: Callable[..., float] | None = None

    @property
    def lesson(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        """The function's name, the part of the id behind the dot."""
        return self.id.partition(".")[2]

    def within(self, given: Any, arguments: tuple[Any, ...]) -> tuple[float, float]:
        """How far the result `given` may differ on these arguments, relative and absolute."""
        relative, absolute = tolerance(given, *arguments)
        size = self.magnitude(*arguments) if self.magnitude is not None else 0.0
        return relative, max(absolute, relative * size)

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
class Pace:
    """How long the calls of one check take, and how long they may take together.

    What counts is the processor time of the thread that calls, and the time in which it only waits: of that the
    shortest of all calls, because a call that sleeps always waits, and one on a busy machine now and then. The first
    call, which may import something, counts in neither.
    """

    seconds: float
    calls: int = 0
    used: float = 0.0  # seconds of processor time in finished calls, without the first
    waits: float = float("inf")  # seconds that each of them waited at least
    began: tuple[float, float] | None = None  # wall clock and processor time when the call that is under way began

    def begin(self) -> None:
        """A call begins."""
        self.began = time.perf_counter(), time.thread_time()

    def end(self) -> None:
        """It has ended."""
        assert self.began is not None
        passed, used = time.perf_counter() - self.began[0], time.thread_time() - self.began[1]
        if self.calls:
            self.used, self.waits = self.used + used, min(self.waits, max(passed - used, 0.0))
        self.calls, self.began = self.calls + 1, None

    @property
    def spent(self) -> float:
        """Seconds in the calls that count."""
        return self.used + self.waits * (self.calls - 1) if self.calls > 1 else 0.0

    def late(self) -> bool:
        """Whether the answer itself is late, and not the machine: its calls together, or the one under way."""
        began = self.began
        return self.spent >= self.seconds or (began is not None and time.perf_counter() - began[0] >= self.seconds)

    def draws(self, wanted: int, least: int) -> int:
        """How many of `wanted` calls there is time for: a quarter of what is left, so that later laws have some too."""
        if self.spent < self.seconds / 100:
            return wanted
        left = max(0.9 * self.seconds - self.spent, 0) * (self.calls - 1) / self.spent  # calls
        return min(wanted, max(int(left / 4), min(least, int(left / 2)), 1))


@dataclass
class Trial:
    """One answer under test: calls it on copies, and remembers the last call for the message.

    Every call is looked at for what holds in all exercises: no argument is changed, and what is returned is new memory.
    """

    exercise: Exercise
    answer: Callable[..., Any]
    seed: tuple[int, ...]
    calls: int = 0
    last: tuple[Any, ...] = ()
    notes: dict[Any, Any] = field(default_factory=dict)  # what an exercise measured and wants to use again
    pace: Pace = field(default_factory=lambda: Pace(float("inf")))

    def __post_init__(self) -> None:
        self.rng = generator_for(self.exercise, self.seed)
        self.call = calling_style(self.exercise, self.answer)
        self._returned: deque[Any] = deque(maxlen=4)

    def generator(self) -> np.random.Generator:
        """A fresh generator to hand to the answer."""
        return np.random.default_rng(int(self.rng.integers(2**63)))

    def draws(self, wanted: int, least: int | None = None) -> int:
        """How often to call the answer for statistics: `wanted` times, less often where it is slow.

        A law uses the number it gets in its bounds too, as `unlikely(hits, draws, chance)` does. `least`, a tenth of
        `wanted` unless given, should still show the gross errors; an answer that is slower yet gets fewer.
        """
        return self.pace.draws(wanted, max(1, wanted // 10) if least is None else least)

    def ask(self, *arguments: Any, given: tuple[Any, ...] | None = None) -> Outcome:
        """Call the answer; raise what ends the trial: a blank, an exception, a changed argument, shared memory.

        It gets copies of the arguments, or, where the very objects matter, `given`, which equal them.
        """
        self.calls, self.last = self.calls + 1, arguments
        self.pace.begin()
        outcome = ask(self.call, arguments, given)
        self.pace.end()
        if outcome.error is not None:
            # An `...` that was to be filled in and is still there, used as a value.
            blank = isinstance(outcome.error, TypeError) and "ellipsis" in str(outcome.error)
            if _says_not_implemented(self.answer, outcome.error) or blank:
                raise NotAttempted
            raise Raised(self.exercise.call_text(arguments), outcome.error)
        if outcome.value is Ellipsis or (outcome.value is None and self.calls == 1) or _holds_blank(outcome.value):
            raise NotAttempted
        if outcome.changed is not None:
            self.fail(f"changed its argument `{self.exercise.parameters[outcome.changed]}`: work on a copy", "changed")
        if not self.exercise.may_share:
            self._is_new(outcome)
        return outcome

    def _is_new(self, outcome: Outcome) -> None:
        for name, argument in zip(self.exercise.parameters, outcome.given, strict=False):
            if shares_memory(outcome.value, [argument]):
                self.fail(f"returns its argument `{name}` or a view of it: return a new array", "shared")
        if getattr(self.answer, "overlaps", False) or overlap(outcome.value):
            self.fail("returns arrays that share memory with each other: make a new one for each", "shared")
        if getattr(self.answer, "repeats", False) or shares_memory(outcome.value, self._returned):
            self.fail("returns an array that an earlier call has returned: make a new one in each call", "shared")
        self._returned.append(outcome.value)

    def result(self, *arguments: Any) -> Any:
        """Call the answer and read what it returns."""
        return self.read(self.ask(*arguments).value)

    def read(self, value: Any) -> Any:
        """The value in its plain form; a wrong type fails."""
        try:
            return self.exercise.read(value)
        except Unreadable as error:
            self.fail(str(error), "type")

    def fail(self, text: str, kind: str = "law") -> NoReturn:
        """The property does not hold for the last call; `text` continues the sentence that the call begins.

        A text "should A, yours B" is shown as two lines, expected and given.
        """
        raise Failed(self.exercise.call_text(self.last), text, kind)

    def expect(self, holds: object, text: str) -> None:
        """Fail with `text` unless `holds`."""
        if not holds:
            self.fail(text)

    def advances(self, *arguments: Any) -> bool:
        """Whether the answer takes its random numbers from the generator it is given, or from children it spawns."""
        rng = next(value for value in arguments if isinstance(value, np.random.Generator))
        before = draws_of(rng)
        self.ask(*arguments)
        return draws_of(rng) != before


def calling_style(exercise: Exercise, answer: Callable[..., Any]) -> Callable[..., Any]:
    """The answer, to be called by position: what it takes by keyword alone, or in ``**options``, it gets so.

    Raises
    ------
    TypeError
        When it does not take the exercise's arguments.
    """
    try:
        signature = inspect.signature(answer)
    except Exception:  # some functions written in C do not tell, and a signature may be anything
        return answer
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    first = len(exercise.parameters)
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        first = min(first, sum(kind in places for kind in kinds))
    names = exercise.parameters[first:]
    for count in {exercise.required, len(exercise.parameters)}:
        signature.bind(*range(min(first, count)), **dict.fromkeys(names[: max(count - first, 0)]))
    if not names:
        return answer
    return lambda *given: answer(*given[:first], **dict(zip(names, given[first:], strict=False)))


def generator_for(exercise: Exercise, seed: tuple[int, ...]) -> np.random.Generator:
    """The checker's own random numbers: the same for the same exercise and seed."""
    return np.random.default_rng([zlib.crc32(exercise.id.encode()), *seed])


def unlikely(hits: float, draws: float, chance: float) -> bool:
    """Whether `hits` of `draws` independent draws are out of bounds for this chance."""
    return bool(abs(hits - draws * chance) > SIGMAS * np.sqrt(draws * chance * (1 - chance)) + 1)


def expect_new_memory(trial: Trial, *arguments: Any) -> None:
    """Call the answer on arguments where it may be tempted to return one of them; `Trial.ask` sees it."""
    trial.ask(*arguments)


def _says_not_implemented(answer: Any, error: BaseException) -> bool:
    """Whether the answer's own code raised it; a library's NotImplementedError is an error like any other."""
    code, frames = code_of(answer), list(traceback.walk_tb(error.__traceback__))
    own = code is not None and bool(frames) and frames[-1][0].f_code.co_filename == code.co_filename
    return isinstance(error, NotImplementedError) and own


def _holds_blank(value: Any) -> bool:
    return isinstance(value, tuple | list) and any(item is Ellipsis for item in value)
