"""The parts of an exercise, and `Trial`, through which its properties call an answer."""

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

SIGMAS = 6.0  # standard deviations; a right answer exceeds this about once in 500 million checks


class Failed(Exception):  # noqa: N818 - a finding about the answer, not an error of the program
    """The answer is wrong: `call` is the failing call, and `text` completes the sentence, "should be 3", for instance.

    `kind` is "law" where the property under test does not hold. "type", "changed", "shared", "chance" and "memory" are
    faults that are looked for in every exercise; then neither the property nor a misconception about it is to blame.
    """

    def __init__(self, call: str, text: str, kind: str = "law") -> None:
        super().__init__(f"{call} {text}")
        self.call, self.text, self.kind = call, text, kind


class Raised(Exception):  # noqa: N818
    """The answer itself raised an exception."""

    def __init__(self, call: str, error: BaseException) -> None:
        super().__init__(call)
        self.call, self.error = call, error


class NotAttempted(Exception):  # noqa: N818
    """The answer is still the unfilled stub."""


@dataclass(frozen=True)
class Examples:
    """A property: on these arguments the answer returns what the reference returns.

    Parameters
    ----------
    about : the property in a sentence, for the message.
    arguments : yields tuples of arguments, the smallest first.
    exact : whether every digit counts; otherwise the last ones may differ (see `answers.difference`).
    """

    about: str
    arguments: Callable[[np.random.Generator], Iterable[tuple[Any, ...]]]
    exact: bool = False


@dataclass(frozen=True)
class Law:
    """A property tested by a function, which calls the answer through the `Trial`, and `Trial.fail` if it is wrong."""

    about: str
    test: Callable[[Trial], None]


@dataclass(frozen=True)
class Misconception:
    """A common wrong answer, as code, with a message that names the mistake.

    Parameters
    ----------
    name : a few words for the teacher's guide.
    message : what the student reads.
    code, variants : functions that make this mistake.
    sign : decides through a trial whether an answer that is known to be wrong has this misconception. Without a sign,
        it has the misconception if it returns, on all `Examples` of the exercise, what `code` or a variant returns.
    """

    name: str
    message: str
    code: Callable[..., Any]
    variants: tuple[Callable[..., Any], ...] = ()
    sign: Callable[[Trial], bool] | None = None


@dataclass(frozen=True)
class Exercise:
    """One exercise: everything that the course knows about it.

    Parameters
    ----------
    id : "lesson.function", where `function` is the name that the stub defines.
    minutes : how long a student needs.
    objective : what the student can do afterwards; it completes the sentence "After this you can".
    why : one sentence on why it matters, shown for a right answer.
    stub : the def line, the docstring and ``...``.
    reference : a right answer. `solution` prints its body below the stub's header, so it must use the stub's names for
        the arguments, call nothing that hides the point, and need nothing but imports.
    read : converts any acceptable result to one plain form, in which results are compared.
    prepare : does anything slow that must happen before the time limit starts, such as importing Keras.
    draw : for an exercise with an argument `rng`: makes arguments for which the result depends on chance. The checker
        uses them to test, before any law could blame something else, that all random numbers come from `rng`.
    may_share : whether the result may contain arrays from the arguments, as the elite of a population does. Otherwise
        every array that a call returns must have new memory, shared with nothing.
    possible : whether these arguments are valid together; needed where the checker changes one argument of an example.
    magnitude : computes from the arguments the size of the terms that the result sums up, if they may cancel: a right
        answer's rounding error is relative to that size.
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
        """The function's name, the part of the id after the dot."""
        return self.id.partition(".")[2]

    def within(self, given: Any, arguments: tuple[Any, ...]) -> tuple[float, float]:
        """The relative and absolute tolerance for the result `given` on these arguments."""
        relative, absolute = tolerance(given, *arguments)
        size = self.magnitude(*arguments) if self.magnitude is not None else 0.0
        return relative, max(absolute, relative * size)

    @property
    def definition(self) -> ast.FunctionDef:
        """The parsed stub."""
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
        """A call as one would write it, with values shortened."""
        return f"{self.name}({', '.join(f'{k}={short(v)}' for k, v in zip(self.parameters, arguments, strict=False))})"


@dataclass
class Pace:
    """How long the calls of one check take, and how long they may take together.

    What counts for each call is the processor time of the calling thread plus the time it only waits. For the wait,
    the shortest of all calls counts: a call that sleeps waits every time, but one on a busy machine only now and then.
    The first call is not counted, because it may import something.
    """

    seconds: float
    calls: int = 0
    used: float = 0.0  # seconds of processor time in finished calls, without the first
    waits: float = float("inf")  # the shortest wait among them, in seconds
    began: tuple[float, float] | None = None  # wall clock and processor time at the start of the current call

    def begin(self) -> None:
        """Note that a call begins."""
        self.began = time.perf_counter(), time.thread_time()

    def end(self) -> None:
        """Note that the call has ended."""
        assert self.began is not None
        passed, used = time.perf_counter() - self.began[0], time.thread_time() - self.began[1]
        if self.calls:
            self.used, self.waits = self.used + used, min(self.waits, max(passed - used, 0.0))
        self.calls, self.began = self.calls + 1, None

    @property
    def spent(self) -> float:
        """The seconds spent in the calls that count."""
        return self.used + self.waits * (self.calls - 1) if self.calls > 1 else 0.0

    def late(self) -> bool:
        """Whether the answer, and not the machine, is slow: all its calls together, or the current one."""
        began = self.began
        return self.spent >= self.seconds or (began is not None and time.perf_counter() - began[0] >= self.seconds)

    def draws(self, wanted: int, least: int) -> int:
        """How many of `wanted` calls to make: they may use a quarter of the time left, so that later laws have some."""
        if self.spent < self.seconds / 100:
            return wanted
        left = max(0.9 * self.seconds - self.spent, 0) * (self.calls - 1) / self.spent  # calls
        return min(wanted, max(int(left / 4), min(least, int(left / 2)), 1))


@dataclass
class Trial:
    """One answer under test: calls it on copies, and remembers the last call for the message.

    Every call is tested for what all exercises require: that no argument is changed, and that the result is in new
    memory.
    """

    exercise: Exercise
    answer: Callable[..., Any]
    seed: tuple[int, ...]
    calls: int = 0
    last: tuple[Any, ...] = ()
    notes: dict[Any, Any] = field(default_factory=dict)  # what an exercise has measured and will use again
    pace: Pace = field(default_factory=lambda: Pace(float("inf")))

    def __post_init__(self) -> None:
        self.rng = generator_for(self.exercise, self.seed)
        self.call = calling_style(self.exercise, self.answer)
        self._returned: deque[Any] = deque(maxlen=4)

    def generator(self) -> np.random.Generator:
        """A new generator to pass to the answer."""
        return np.random.default_rng(int(self.rng.integers(2**63)))

    def draws(self, wanted: int, least: int | None = None) -> int:
        """How often to call the answer for statistics: `wanted` times, or fewer if it is slow.

        A law must use the returned number in its bounds too, as in `unlikely(hits, draws, chance)`. `least` calls, by
        default a tenth of `wanted`, should still show gross errors; only a very slow answer is called less often.
        """
        return self.pace.draws(wanted, max(1, wanted // 10) if least is None else least)

    def ask(self, *arguments: Any, given: tuple[Any, ...] | None = None) -> Outcome:
        """Call the answer on copies of `arguments`, or, to pass particular objects, on `given`, which equal them.

        Raises
        ------
        NotAttempted
            When the answer is still the stub, or returns nothing in the first call.
        Raised
            When the answer raises an exception.
        Failed
            When it changes an argument, or returns memory that is not new.
        """
        self.calls, self.last = self.calls + 1, arguments
        self.pace.begin()
        outcome = ask(self.call, arguments, given)
        self.pace.end()
        if outcome.error is not None:
            # A `...` that should have been filled in was used as a value.
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
        """Call the answer and return its result in plain form."""
        return self.read(self.ask(*arguments).value)

    def read(self, value: Any) -> Any:
        """Convert a result to its plain form; fail if it is of the wrong type."""
        try:
            return self.exercise.read(value)
        except Unreadable as error:
            self.fail(str(error), "type")

    def fail(self, text: str, kind: str = "law") -> NoReturn:
        """Report that the last call is wrong: `text` completes the sentence that begins with the call.

        A text such as "should be 3, yours is 4" is shown as two lines, "Expected: 3" and "Yours: 4".
        """
        raise Failed(self.exercise.call_text(self.last), text, kind)

    def expect(self, holds: object, text: str) -> None:
        """Fail with `text` unless `holds`."""
        if not holds:
            self.fail(text)

    def advances(self, *arguments: Any) -> bool:
        """Call the answer; return whether it drew from the generator in the arguments or spawned children from it."""
        rng = next(value for value in arguments if isinstance(value, np.random.Generator))
        before = draws_of(rng)
        self.ask(*arguments)
        return draws_of(rng) != before


def calling_style(exercise: Exercise, answer: Callable[..., Any]) -> Callable[..., Any]:
    """Make the answer callable with positional arguments, also if it takes some by keyword only or in ``**options``.

    Raises
    ------
    TypeError
        When it does not take the exercise's arguments.
    """
    try:
        signature = inspect.signature(answer)
    except Exception:  # some functions written in C have no signature, and an object may have an invalid one
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
    """The checker's own generator: the same for the same exercise and seed."""
    return np.random.default_rng([zlib.crc32(exercise.id.encode()), *seed])


def unlikely(hits: float, draws: float, chance: float) -> bool:
    """Whether `hits` in this many independent draws are too many or too few for this chance (by `SIGMAS`)."""
    return bool(abs(hits - draws * chance) > SIGMAS * np.sqrt(draws * chance * (1 - chance)) + 1)


def expect_new_memory(trial: Trial, *arguments: Any) -> None:
    """Call the answer on arguments where it is tempting to return one of them; `Trial.ask` fails if it does."""
    trial.ask(*arguments)


def _says_not_implemented(answer: Any, error: BaseException) -> bool:
    """Whether the answer's own code raised NotImplementedError; one from a library is an error like any other."""
    code, frames = code_of(answer), list(traceback.walk_tb(error.__traceback__))
    own = code is not None and bool(frames) and frames[-1][0].f_code.co_filename == code.co_filename
    return isinstance(error, NotImplementedError) and own


def _holds_blank(value: Any) -> bool:
    return isinstance(value, tuple | list) and any(item is Ellipsis for item in value)
