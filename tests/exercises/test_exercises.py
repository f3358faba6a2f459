"""Everything that the exercises promise, over the whole registry: a new exercise is tested by being registered."""

from __future__ import annotations

import ast
import contextlib
import copy
import fractions
import importlib
import inspect
import io
import random
import re
import signal
import sys
import textwrap
import threading
import time
import types

import numpy as np
import pytest
from right_answers import RIGHT

from lessonkit.checker import answers as results
from lessonkit.checker import guarded_call as calling
from lessonkit.checker import judge as judging
from lessonkit.checker.exercise import Examples, Exercise, Law, Misconception, Pace, Trial
from lessonkit.checker.guarded_call import STOP_TRIES, STOP_WAIT
from lessonkit.errors import LessonkitError
from lessonkit.exercises import check, find, hint, judge, progress, registry, session, solution, whose
from lessonkit.exercises.shown import STYLES
from lessonkit.lessons.registry import LESSONS

EXERCISES = list(registry().values())
COUNTING = "cost.warmup_max_loss"  # a small exercise, where one will do
RANDOM = [exercise for exercise in EXERCISES if "rng" in exercise.parameters]

SIGNATURES = {
    "baseline.count_prunable_weights": "(model)",
    "baseline.split_validation": "(images, labels, fraction, rng)",
    "baseline.apply_mask": "(weights, mask)",
    "baseline.accuracy": "(logits, labels)",
    "cost.mean_layer_sparsity": "(masks)",
    "cost.global_sparsity": "(masks)",
    "cost.pruning_cost": "(loss, baseline_loss, sparsity, max_loss, penalty=100000000.0, epsilon=1e-08)",
    "cost.warmup_max_loss": "(layer_index, total_layers, loss_to_warmup)",
    "cost.one_sided_cost": "(loss, baseline_loss, sparsity, max_loss, penalty=100000000.0, epsilon=1e-08)",
    "annealing.acceptance_probability": "(delta, temperature)",
    "annealing.logarithmic_cooling": "(initial, step)",
    "annealing.adaptive_mutation_rate": "(rate, step, total)",
    "annealing.flip_neighbour": "(mask, rate, rng)",
    "annealing.anneal": "(cost, start, temperature, rate, iterations, rng)",
    "genetic.tournament_select": "(costs, size, rng)",
    "genetic.single_point_crossover": "(a, b, point)",
    "genetic.uniform_crossover": "(a, b, rng)",
    "genetic.mutate": "(mask, rate, rng)",
    "genetic.next_generation": "(population, costs, elite, make_child)",
    "comparison.trade_off_score": "(sparsity, accuracy, baseline_accuracy)",
    "comparison.evaluations_of_annealing": "(iterations, layers)",
    "comparison.evaluations_of_genetic": "(generations, population, elite, layers)",
    "comparison.bootstrap_interval": "(values, rng, level=0.95, resamples=2000)",
    "comparison.magnitude_mask": "(weights, sparsity)",
    "comparison.pareto_front": "(points)",
    "frontier.swap_neighbour": "(mask, k, rng)",
    "frontier.flip_energy": "(couplings, fields, spins, index)",
}

each = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)


@pytest.fixture(autouse=True)
def _fresh_session(monkeypatch):
    monkeypatch.setattr(session, "_verdicts", {})
    monkeypatch.setattr(session, "_hints_given", {})
    monkeypatch.setattr(session, "_right", {})
    monkeypatch.setattr(session, "_shown", set())
    streams = sys.stdout, sys.stderr
    yield
    assert (sys.stdout, sys.stderr) == streams  # whatever the answer did


def build(source: str, name: str = "answer"):
    names: dict = {"np": np, "sys": sys, "time": time}
    exec(compile(textwrap.dedent(source), "<student>", "exec"), names)
    return names[name]


def students(function):
    """The same function as if a student had written it."""
    code = function.__code__.replace(co_filename="<student>")
    copy = types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def answering(exercise, body: str):
    """A function with the exercise's own arguments and this body."""
    head = f"def {exercise.name}({ast.unparse(exercise.definition.args)}):\n"
    return build(head + textwrap.indent(textwrap.dedent(body).strip(), "    "), exercise.name)


# --- the declarations -----------------------------------------------------------------------------------------------


def test_the_registry_is_the_courses_table():
    assert {exercise.id: exercise.signature for exercise in EXERCISES} == SIGNATURES


@each
def test_a_declaration_is_complete(exercise):
    assert exercise.lesson in LESSONS
    assert exercise.definition.name == exercise.name
    assert 2 <= exercise.minutes <= 30
    for text in (exercise.title, exercise.objective, exercise.why):
        assert text.strip()
    assert exercise.why.endswith(".")
    assert ". " not in exercise.why  # one sentence
    assert not exercise.objective.endswith(".")
    assert ast.get_docstring(exercise.definition)
    last = exercise.definition.body[-1]
    assert isinstance(last, ast.Expr)
    assert last.value.value is Ellipsis
    assert len(exercise.hints) >= 2
    assert len(exercise.misconceptions) >= 3
    messages = [misconception.message for misconception in exercise.misconceptions]
    assert len(set(messages)) == len(messages)
    assert len({misconception.name for misconception in exercise.misconceptions}) == len(messages)


@each
def test_nothing_a_student_reads_holds_the_answer(exercise):
    told = [*exercise.hints, exercise.why, exercise.objective, exercise.title]
    told += [misconception.message for misconception in exercise.misconceptions]
    told += [ast.get_docstring(exercise.definition)]
    sources = [exercise.reference, *RIGHT[exercise.id]]
    for line in code_lines(sources) - set(ast.get_docstring(exercise.definition).split("\n")):
        expression = line.removeprefix("return ")
        assert expression.isidentifier() or not any(expression in text for text in told[:-1]), expression


def code_lines(functions):
    """Statements of these functions that say something about the solution."""
    lines = set()
    for function in functions:
        if function.__name__ == "<lambda>":
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        tree.body = tree.body[1:] if ast.get_docstring(tree) else tree.body
        lines |= {line.strip() for line in ast.unparse(tree).split("\n")[1:]}
    return {line for line in lines if len(line) > 12}


# --- verdicts -------------------------------------------------------------------------------------------------------


@each
def test_the_reference_is_right(exercise):
    verdict = judge(exercise.id, exercise.reference)
    assert verdict.status == "right", verdict.message


@each
def test_right_answers_in_another_style_are_right(exercise):
    answers = RIGHT[exercise.id]
    assert len(answers) >= 2
    for answer in answers:
        verdict = judge(exercise.id, answer)
        assert verdict.status == "right", (answer.__name__, verdict.message)


@each
def test_a_blank_is_not_attempted(exercise):
    blanks = [None, ..., build(exercise.stub, exercise.name)]
    blanks += [
        answering(exercise, body)
        for body in ("pass", "return None", "return ...", "raise NotImplementedError", "raise NotImplementedError('x')")
    ]
    blanks += [
        answering(exercise, "result = ...\nother = 1\nreturn result, other"),
        answering(exercise, "return 2 * ..."),
    ]
    for blank in blanks:
        assert judge(exercise.id, blank).status == "not attempted"


@each
def test_a_crash_names_call_error_and_line(exercise):
    verdict = judge(exercise.id, answering(exercise, "first = 1\nreturn first / 0"))
    assert verdict.status == "error"
    assert f"{exercise.name}({exercise.parameters[0]}=" in verdict.message
    assert "ZeroDivisionError: division by zero, in line 3" in verdict.message


def test_a_librarys_not_implemented_error_is_an_error():
    def library():
        raise NotImplementedError("no input here")

    answer = build("def answer(layer_index, total_layers, loss_to_warmup):\n    return library()")
    answer.__globals__["library"] = library
    verdict = judge(COUNTING, answer)
    assert verdict.status == "error"
    assert "NotImplementedError: no input here, in line 2" in verdict.message


def test_a_crash_shows_the_students_line_and_not_the_librarys():
    def answer(layer_index, total_layers, loss_to_warmup):
        rows = np.ones((2, 3))
        return np.linalg.inv(rows)

    message = judge(COUNTING, answer).message
    assert "LinAlgError" in message
    assert "`return np.linalg.inv(rows)`" in message


@pytest.mark.parametrize(
    ("exercise", "misconception"),
    [(exercise, misconception) for exercise in EXERCISES for misconception in exercise.misconceptions],
    ids=lambda item: getattr(item, "id", None) or item.name,
)
def test_a_misconception_gets_its_own_message(exercise, misconception):
    for seed, code in enumerate((misconception.code, *misconception.variants), start=len(misconception.message)):
        verdict = judge(exercise.id, code, seed=seed)  # any seed will do, so each has another
        assert (verdict.status, verdict.message) == ("wrong", misconception.message)


@each
def test_a_result_of_another_type_is_wrong(exercise):
    for body in ("return 'text'", "return {}", "return object()", "return [[1], [2, 3]]", "yield 1"):
        verdict = judge(exercise.id, answering(exercise, body))
        assert verdict.status == "wrong", body
        assert "yours" in verdict.message
        assert exercise.name in verdict.message


@each
def test_a_changed_argument_is_wrong(exercise):
    def first_array(values):
        for value in values:
            if isinstance(value, np.ndarray) and value.size:
                return value
            if isinstance(value, list | tuple) and (found := first_array(value)) is not None:
                return found
        return None

    touched = []

    def answer(*arguments):
        result = exercise.reference(*arguments)
        array = first_array(arguments)
        if array is not None:
            touched.append(array)
            array.flat[0] = not array.flat[0] if array.dtype == bool else array.flat[0] + 1
        return result

    verdict = judge(exercise.id, answer)
    if not touched:
        assert verdict.status == "right"
        pytest.skip("takes no array")
    assert verdict.status == "wrong"
    known = [misconception.message for misconception in exercise.misconceptions]
    assert verdict.message in known or "changed its argument `" in verdict.message


@each
def test_a_wrong_answer_that_nobody_thought_of_gets_the_property_and_the_values(exercise):
    """Two references' results spoilt: the message names the call; no misconception is made responsible."""
    assert all(property_.about and not property_.about.endswith(".") for property_ in exercise.properties)
    verdict = judge(COUNTING, lambda layer, total, loss: 17.5)
    assert verdict.status == "wrong"
    assert "warmup_max_loss(layer_index=0, total_layers=2, loss_to_warmup=1.0) should be 0.5, yours is 17.5" in (
        verdict.message
    )


def test_type_shape_and_value_are_told_in_this_order():
    exercise_id = "baseline.apply_mask"
    assert "should be an array of numbers, yours is a str" in judge(exercise_id, lambda w, m: "no").message
    assert "should have shape (2,), yours has (4,)" in judge(exercise_id, lambda w, m: np.tile(w * m, 2)).message
    assert "should be [1.5, 0.0], yours is [3.0, 0.0]" in judge(exercise_id, lambda w, m: w * m * 2).message


def test_a_late_none_is_wrong_and_says_why():
    def answer(delta, temperature):
        if delta <= 0:
            return 1.0

    verdict = judge("annealing.acceptance_probability", answer)
    assert verdict.status == "wrong"
    assert "yours is None (is a `return` missing?)" in verdict.message


# --- what holds in every exercise -----------------------------------------------------------------------------------


def wrapped(exercise, change):
    """A right answer of a student's, whose result goes through `change(result, arguments)`."""
    right = RIGHT[exercise.id][0]

    def answer(*arguments):
        return change(right(*arguments), arguments)

    answer.__signature__ = inspect.signature(right)
    return answer


def for_each_part(result, change):
    """`change` applied to each array of a result."""
    if isinstance(result, np.ndarray) and result.ndim:
        return change(result)
    if isinstance(result, tuple | list):
        return type(result)(for_each_part(part, change) for part in result)
    return result


# A tournament gives no array, and its 15,000 calls would be made for nothing.
NEW = [each for each in EXERCISES if not each.may_share and each.id != "genetic.tournament_select"]


@pytest.mark.parametrize("exercise", NEW, ids=lambda exercise: exercise.id)
def test_returning_an_argument_where_nothing_changes_is_wrong(exercise):
    seen = []

    def itself(result, arguments):
        def same(part):
            for argument in arguments:
                if isinstance(argument, np.ndarray) and argument.size and np.array_equal(argument, part):
                    seen.append(part)
                    return argument
            return part

        return for_each_part(result, same)

    verdict = judge(exercise.id, wrapped(exercise, itself))
    assert verdict.status == ("wrong" if seen else "right")
    assert not seen or "or a view of it: return a new array" in verdict.message
    masks = exercise.parameters[0] in ("mask", "a", "weights") and exercise.id != "comparison.magnitude_mask"
    assert bool(seen) == masks  # each of these is asked where nothing changes


@pytest.mark.parametrize("exercise", NEW, ids=lambda exercise: exercise.id)
def test_one_buffer_for_all_calls_is_wrong(exercise):
    buffers, used = {}, []

    def filled(result, arguments):
        parts = []

        def into(part):
            key = (part.shape, len(parts))
            parts.append(key)
            used.append(key)
            buffers.setdefault(key, np.empty_like(part))[...] = part
            return buffers[key]

        return for_each_part(result, into)

    verdict = judge(exercise.id, wrapped(exercise, filled))
    assert verdict.status == ("wrong" if used else "right")
    assert not used or "returns an array that an earlier call has returned" in verdict.message


NUMBERS = [exercise for exercise in EXERCISES if exercise.read is results.number]
ONE_VALUE = [each for each in EXERCISES if getattr(results, each.read.__name__, None) is each.read]


@pytest.mark.parametrize("exercise", NUMBERS, ids=lambda exercise: exercise.id)
def test_a_rounded_result_is_wrong(exercise):
    verdict = judge(exercise.id, wrapped(exercise, lambda result, arguments: round(float(result), 6)))
    assert verdict.status == "wrong"


@pytest.mark.parametrize("exercise", ONE_VALUE, ids=lambda exercise: exercise.id)
def test_a_type_that_breaks_the_cells_below_is_refused_and_says_so(exercise):
    def in_another_type(result, arguments):
        if isinstance(result, np.ndarray) and result.ndim:
            return result.tolist()
        if isinstance(result, float):
            return fractions.Fraction(float(result))
        return float(result) if isinstance(result, int | np.integer) else result

    verdict = judge(exercise.id, wrapped(exercise, in_another_type))
    if verdict.status != "right":
        assert "the cells below" in verdict.message or "an int" in verdict.message
        assert verdict.call
        assert verdict.explanation not in ("", verdict.message)


def test_a_model_whose_weights_are_changed_gets_them_back():
    exercise = find("baseline.count_prunable_weights")
    (examples,) = (property_ for property_ in exercise.properties if isinstance(property_, Examples))

    def sums():
        models = [model for (model,) in examples.arguments(np.random.default_rng(0))]
        return [sum(float(np.abs(w).sum()) for w in model.get_weights()) for model in models]

    def answer(model):
        count = exercise.reference(model)
        model.set_weights([0 * weights for weights in model.get_weights()])
        return count

    exercise.prepare()
    before = sums()
    for _ in range(2):
        assert "changed its argument `model`" in judge(exercise.id, answer).message
    assert sums() == before


def test_a_model_whose_layers_are_changed_gets_its_settings_back():
    exercise = find("baseline.count_prunable_weights")
    (examples,) = (property_ for property_ in exercise.properties if isinstance(property_, Examples))

    def frozen():
        models = [model for (model,) in examples.arguments(np.random.default_rng(0))]
        return [[layer.trainable for layer in model.layers] for model in models]

    def answer(model):
        for layer in model.layers:
            layer.trainable = not layer.trainable
        return exercise.reference(model)

    exercise.prepare()
    before = frozen()
    assert "changed its argument `model`" in judge(exercise.id, answer).message
    assert frozen() == before


@pytest.mark.parametrize("place", ["first", "last"])
@each
def test_an_answer_that_keeps_what_one_argument_gave_is_wrong(exercise, place):
    """Results are kept by all arguments but one: a cache with a key that is too small."""
    kept, repeated = {}, []
    right = RIGHT[exercise.id][0]
    at = 0 if place == "first" else exercise.required - 1

    def key(value):
        if isinstance(value, np.ndarray):
            return value.tobytes()
        return tuple(map(key, value)) if isinstance(value, list | tuple) else value

    def answer(*arguments):
        others = key([value for number, value in enumerate(arguments) if number != at])
        if others in kept:
            repeated.append(1)
            return copy.deepcopy(kept[others])
        kept[others] = right(*arguments)
        return copy.deepcopy(kept[others])

    answer.__signature__ = inspect.signature(right)
    if "rng" in exercise.parameters or "make_child" in exercise.parameters or len(exercise.parameters) == 1:
        pytest.skip("no call comes again with a key as small as this")
    verdict = judge(exercise.id, answer)
    assert repeated
    assert verdict.status == "wrong", verdict.message


def test_keywords_and_options_are_passed_as_the_answer_takes_them():
    def keywords(loss, baseline, sparsity, limit, *, penalty=1e8, epsilon=1e-8):
        return (penalty if loss >= limit else (loss - baseline) ** 2) + 1 / (sparsity + epsilon)

    def options(loss, baseline, sparsity, limit, **given):
        return keywords(loss, baseline, sparsity, limit, **given)

    def other_name(loss, baseline, sparsity, limit, *, fine=1e8, epsilon=1e-8):
        return 0

    for answer in (keywords, options):
        assert judge("cost.pruning_cost", answer).status == "right"
    assert "should take" in judge("cost.pruning_cost", other_name).message


def test_parameters_in_another_order_are_named():
    def answer(labels, images, fraction, rng):
        return find("baseline.split_validation").reference(images, labels, fraction, rng)

    verdict = judge("baseline.split_validation", answer)
    assert verdict.status == "wrong"
    assert verdict.message.startswith("Your parameters are in another order: (labels, images, fraction, rng).")
    assert judge("genetic.uniform_crossover", lambda b, a, rng: np.where(rng.random(a.shape) < 0.5, a, b)).status == (
        "right"  # here the order makes no difference
    )


def test_a_law_can_see_that_something_overflowed():
    trial = Trial(find("annealing.acceptance_probability"), lambda d, t: min(1.0, np.exp(-d / t)), (0,))
    assert trial.ask(1.0, 1.0).floating == ()
    assert trial.ask(-1e8, 0.1).floating == ("overflow",)


def test_a_message_has_the_call_and_the_values_apart_and_the_law_only_where_it_is_at_fault():
    exercise = find("baseline.accuracy")

    def changing(logits, labels):
        result = exercise.reference(logits, labels)
        labels[0] = 7
        return result

    verdict = judge(exercise.id, changing)
    assert "changed its argument `labels`" in verdict.explanation
    assert exercise.properties[0].about not in verdict.message
    verdict = judge(COUNTING, lambda layer, total, loss: 17.5)
    assert (verdict.call, verdict.expected, verdict.given) == (
        "warmup_max_loss(layer_index=0, total_layers=2, loss_to_warmup=1.0)",
        "0.5",
        "17.5",
    )
    assert verdict.explanation == "The threshold rises in equal steps and ends at `loss_to_warmup`."


GENERATOR = np.random.default_rng(5)
SOURCES = {
    "the system's": lambda: np.random.default_rng(),
    "a seed of its own": lambda: np.random.default_rng(0),
    "numpy's old one": lambda: np.random.default_rng(np.random.randint(2**31)),  # noqa: NPY002
    "Python's": lambda: np.random.default_rng(random.getrandbits(32)),
    "one for all calls": lambda: GENERATOR,
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("exercise", RANDOM, ids=lambda exercise: exercise.id)
def test_random_numbers_from_elsewhere_are_named_before_anything_else(exercise, source):
    right, place = RIGHT[exercise.id][0], exercise.parameters.index("rng")

    def answer(*arguments):
        default_rng = source  # the name shows that a generator is made here
        return right(*arguments[:place], default_rng(), *arguments[place + 1 :])

    if source is SOURCES["a seed of its own"]:  # it shows by its code alone
        answer.__code__ = answer.__code__.replace(co_names=(*answer.__code__.co_names, "default_rng"))
    for seed in range(3):
        verdict = judge(exercise.id, answer, seed=seed)
        assert (verdict.status, verdict.message) == ("wrong", judging.FOREIGN)


@pytest.mark.parametrize("exercise_id", ["genetic.uniform_crossover", "frontier.swap_neighbour"])
def test_a_spawned_generator_is_fine(exercise_id):
    exercise = find(exercise_id)
    assert exercise.draw is not None
    right, place = RIGHT[exercise.id][0], exercise.parameters.index("rng")

    def answer(*arguments):
        return right(*arguments[:place], arguments[place].spawn(1)[0], *arguments[place + 1 :])

    assert judge(exercise.id, answer).status == "right"


SLOW = ("annealing.flip_neighbour", "genetic.tournament_select", "baseline.split_validation")


@pytest.mark.parametrize("exercise_id", SLOW)
def test_a_slow_answer_is_judged_on_fewer_trials(exercise_id):
    def slowly(function):
        def answer(*arguments):
            time.sleep(0.01)
            return function(*arguments)

        return answer

    assert judge(exercise_id, slowly(RIGHT[exercise_id][0]), seconds=1.6).status == "right"
    wrong = find(exercise_id).misconceptions[0]
    assert judge(exercise_id, slowly(wrong.code), seconds=1.6).status == "wrong"


def test_a_busy_machine_takes_no_draws_from_a_fast_answer(monkeypatch):
    """The wall clock jumps now and then, as where others have the processor; a call that sleeps always waits."""
    pace, clock = Pace(8.0), [0.0, 0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(time, "thread_time", lambda: clock[1])

    def calls(passed, used):
        pace.begin()
        clock[0], clock[1] = clock[0] + passed, clock[1] + used
        pace.end()

    calls(7.0, 7.0)  # an import
    for passed in (0.5, 0.0002, 1.0, 0.5):
        calls(passed, 0.0001)
    assert pace.draws(5000, 500) == 5000
    pace = Pace(8.0)
    for _ in range(5):
        calls(0.5, 0.0001)
    assert pace.draws(5000, 500) < 10


def test_an_answer_may_import_a_large_library(tmp_path, monkeypatch):
    (tmp_path / "large_library.py").write_text(
        "import time\nbegan = time.thread_time()\nwhile time.thread_time() < began + 0.8: pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def answer(mask, rate, rng):
        import large_library  # noqa: F401

        return mask ^ (rng.random(mask.shape) < rate)

    assert judge("annealing.flip_neighbour", answer, seconds=0.6).status == "right"


def test_slow_and_endless_are_told_apart():
    def slow(mask, rate, rng):
        time.sleep(0.05)
        return mask ^ (rng.random(mask.shape) < rate)

    message = judge("annealing.flip_neighbour", slow, seconds=0.5).message
    assert "flip_neighbour is too slow to be judged: " in message
    assert "never ends" not in message

    def endless_at_last(mask, rate, rng, calls=[]):  # noqa: B006
        calls.append(1)
        while len(calls) > 20:
            pass
        return mask ^ (rng.random(mask.shape) < rate)

    message = judge("annealing.flip_neighbour", endless_at_last, seconds=0.5).message
    assert "did not end: it was stopped after 1 second of checking; it was at line " in message


def test_the_limit_is_the_threads_own_time_and_half_as_much_again_on_the_wall(monkeypatch):
    def endless():
        while True:
            time.sleep(0.001)

    monkeypatch.setattr(calling, "_used", lambda clocks, passed: 100.0)
    assert calling.watched(endless, 60, endless).stopped_at is not None
    monkeypatch.setattr(calling, "_used", lambda clocks, passed: 0.0)
    outcome = calling.watched(endless, 0.1, endless)
    assert outcome.stopped_at is not None
    assert outcome.seconds >= 0.15


def test_colours_of_a_verdict_can_be_read():
    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for style in STYLES.values():
        assert (luminance(style.background) + 0.05) / (luminance(style.text) + 0.05) >= 7
        assert (luminance(style.background) + 0.05) / (luminance(style.edge) + 0.05) >= 3
    for field in ("symbol", "words", "text", "background", "edge"):
        assert len({getattr(style, field) for style in STYLES.values()}) == len(STYLES)


# --- nothing breaks the notebook ------------------------------------------------------------------------------------


@each
@pytest.mark.parametrize(
    "body",
    [
        "import sys; sys.exit()",
        "raise SystemExit(3)",
        "raise KeyboardInterrupt",
        "raise GeneratorExit",
        "raise StopIteration",
        "def again(): return again()\nreturn again()",
        "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()",
        "raise ValueError('x' * 1_000_000)",
    ],
)
def test_an_answer_that_bails_out(exercise, body):
    verdict = judge(exercise.id, answering(exercise, body))
    assert verdict.status == "error"
    assert len(verdict.message) < 1000


@each
def test_a_wrong_signature_and_a_non_function(exercise):
    for answer in (lambda: 1, lambda a, b, c, d, e, f, g, h: 1, lambda *, a: 1):
        verdict = judge(exercise.id, answer)
        assert verdict.status == "error"
        assert f"{exercise.name} should take {exercise.signature}" in verdict.message
    for answer in (3, "text", np.ones(3), [1], {}):
        verdict = judge(exercise.id, answer)
        assert verdict.status == "error"
        assert "no brackets" in verdict.message


def test_odd_callables_are_judged_too():
    class Answer:
        def __call__(self, layer_index, total_layers, loss_to_warmup):
            return loss_to_warmup * (layer_index + 1) / total_layers

    class Broken:
        __signature__ = property(lambda self: 1 / 0)

        def __call__(self, *arguments):
            return 1 / 0

    assert judge(COUNTING, Answer()).status == "right"
    assert judge(COUNTING, Broken()).status == "error"
    assert judge(COUNTING, max).status in ("wrong", "error")
    assert judge(COUNTING, int).status in ("wrong", "error")


def test_odd_results_are_judged_too():
    class Odd:
        def __array__(self, *args, **kwargs):
            raise RuntimeError("no")

        def __repr__(self):
            raise RuntimeError("no")

        def __eq__(self, other):
            raise RuntimeError("no")

        __hash__ = None

    for exercise in EXERCISES:
        assert judge(exercise.id, lambda *arguments: Odd()).status == "wrong"


LOOPS = {
    "plain": "while True: pass",
    "counting": "n = 0\nwhile True:\n    n += 1",
    "except Exception": "while True:\n    try: n = 1\n    except Exception: pass",
    "bare except": "while True:\n    try: n = 1\n    except: pass",
    "printing": "while True: print('on and on')",
    "sleeping": "while True: time.sleep(0.01)",
    "sleeping in a bare except": "while True:\n    try: time.sleep(0.05)\n    except: pass",
}


@pytest.mark.parametrize("body", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("place", ["main thread", "worker thread"])
def test_an_endless_loop_ends(body, place, capsys):
    answer = answering(find(COUNTING), body)
    before = threading.active_count()
    found = []
    if place == "main thread":
        found.append(judge(COUNTING, answer, seconds=0.2))
    else:
        worker = threading.Thread(target=lambda: found.append(judge(COUNTING, answer, seconds=0.2)))
        worker.start()
        worker.join()
    (verdict,) = found
    assert verdict.status == "error"
    assert "warmup_max_loss(layer_index=0, total_layers=2, loss_to_warmup=1.0) did not end" in verdict.message
    assert "it was at line " in verdict.message
    assert threading.active_count() == before  # nothing goes on in the background
    assert capsys.readouterr().out == ""


def test_a_call_that_cannot_be_stopped_is_left_behind_in_silence(capsys):
    answer = answering(find(COUNTING), "time.sleep(2)\nprint('still here')")
    before, streams = threading.active_count(), (sys.stdout, sys.stderr)
    try:
        began = time.monotonic()
        verdict = judge(COUNTING, answer, seconds=0.2)
        assert STOP_TRIES * STOP_WAIT <= 1
        while threading.active_count() > before and time.monotonic() < began + 30:
            time.sleep(0.05)
    finally:
        sys.stdout, sys.stderr = streams
    assert verdict.status == "error"
    assert capsys.readouterr().out == ""


def test_ctrl_c_ends_the_check_and_nothing_else(capsys):
    answer = answering(find(COUNTING), "while True: pass")
    main = threading.main_thread().ident
    threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    assert check(COUNTING, answer) is find(COUNTING).reference
    assert "was interrupted" in " ".join(capsys.readouterr().out.split())


def test_a_flood_of_prints_is_held_back(capsys):
    def answer(layer_index, total_layers, loss_to_warmup):
        for _ in range(1000):
            print("x" * 1000)
            print("y", file=sys.stderr)
        return loss_to_warmup * (layer_index + 1) / total_layers

    assert check(COUNTING, answer) is answer
    said = capsys.readouterr()
    assert len(said.out) < 500
    assert said.err == ""
    assert re.search("Your function printed [0-9]+,000 lines", said.out)


def test_other_threads_print_as_ever(capsys):
    def answer(*arguments):
        time.sleep(0.05)
        return 0

    timer = threading.Timer(0.02, lambda: print("another cell"))
    timer.start()
    judge(COUNTING, answer)
    timer.join()
    assert "another cell" in capsys.readouterr().out


def test_warnings_and_numpy_settings_stay_out_of_sight(recwarn, capsys):
    def answer(initial, step):
        np.log(np.zeros(2))
        import warnings

        warnings.warn("look", stacklevel=1)
        return initial / (1 + np.log(1 + step))

    assert judge("annealing.logarithmic_cooling", answer).status == "right"
    assert not recwarn.list
    assert capsys.readouterr().err == ""


def test_the_global_random_state_is_left_alone():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    judge("frontier.swap_neighbour", find("frontier.swap_neighbour").reference)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


# --- chance ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", RANDOM, ids=lambda exercise: exercise.id)
def test_right_answers_are_right_whatever_the_seed(exercise):
    for seed, answer in enumerate([exercise.reference, RIGHT[exercise.id][-1]], start=100):
        verdict = judge(exercise.id, answer, seed=seed)
        assert verdict.status == "right", (seed, verdict.message)


def test_a_verdict_can_be_repeated():
    for exercise in EXERCISES:
        wrong = exercise.misconceptions[0].code
        assert judge(exercise.id, wrong, seed=4) == judge(exercise.id, wrong, seed=4)


# --- what the reader calls ------------------------------------------------------------------------------------------


@each
def test_check_gives_a_function_that_works_and_says_whose(exercise, capsys):
    assert whose(exercise.id) == "the course's code"
    wrong = exercise.misconceptions[0]
    blank, crash = build(exercise.stub, exercise.name), answering(exercise, "return 1 / 0")
    for answer in (None, blank, students(wrong.code), 3, crash):
        assert check(exercise.id, answer) is exercise.reference
        said = capsys.readouterr().out
        assert said[1:].startswith(f" {exercise.id}: ")
        assert "the cells below use the course's code" in said
        assert whose(exercise.id) == "the course's code"
    right = RIGHT[exercise.id][0]
    assert check(exercise.id, right) is right
    assert "The cells below use your code." in capsys.readouterr().out
    assert whose(exercise.id) == "your code"
    check(exercise.id, None)
    assert whose(exercise.id) == "the course's code"


def test_check_survives_its_own_failure(monkeypatch, capsys):
    def failing(*arguments, **options):
        raise RuntimeError("a bug")

    monkeypatch.setattr(session, "judge", failing)
    assert check(COUNTING, lambda: 1) is find(COUNTING).reference
    assert "The checker itself failed (RuntimeError: a bug)" in capsys.readouterr().out


def test_an_unknown_id_is_told_and_breaks_nothing(capsys):
    answer = len
    assert check("annealing.flip_neighbor", answer) is answer
    assert "do you mean 'annealing.flip_neighbour'?" in capsys.readouterr().out
    hint("nonsense")
    solution(None)
    assert capsys.readouterr().out.count("no exercise is called") == 2
    with pytest.raises(LessonkitError, match="no exercise is called 'nonsense'"):
        judge("nonsense", answer)


@each
def test_hints_come_in_steps(exercise, capsys):
    count = len(exercise.hints)
    for step in range(1, count + 1):
        hint(exercise.id)
        assert f"Hint {step} of {count}" in capsys.readouterr().out
    hint(exercise.id)
    assert "That was the last one" in capsys.readouterr().out
    hint(exercise.id, 1)
    assert f"Hint 1 of {count}" in capsys.readouterr().out
    for odd in (0, count + 1, "2", 1.5):
        hint(exercise.id, odd)
        assert capsys.readouterr().out == f"{exercise.id} has hints 1 to {count}.\n"


@each
def test_solution_shows_the_reference(exercise, capsys):
    solution(exercise.id)
    said = capsys.readouterr().out
    assert f"def {exercise.name}(" in said
    ast.parse(said)


def test_progress_tells_what_was_checked():
    with contextlib.redirect_stdout(io.StringIO()) as said:
        progress()
    assert said.getvalue().splitlines() == [
        f"{lesson}: 0 of {sum(exercise.lesson == lesson for exercise in EXERCISES)} right" for lesson in LESSONS
    ]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        check(COUNTING, RIGHT[COUNTING][0])
        check("cost.pruning_cost", None)
        progress()
    assert "cost: 1 of 5 right" in said.getvalue()
    assert "  right          warmup_max_loss (4 minutes): The warm-up threshold" in said.getvalue()
    assert "  not attempted  pruning_cost" in said.getvalue()
    assert "  not checked    one_sided_cost" in said.getvalue()


# --- the registry itself --------------------------------------------------------------------------------------------


def test_every_lesson_lists_what_is_registered():
    listed = [
        exercise
        for lesson in LESSONS
        for exercise in importlib.import_module(f"lessonkit.lessons.{lesson}.exercises").EXERCISES
    ]
    assert listed == EXERCISES
    assert set(RIGHT) == set(registry())


def test_a_new_exercise_is_a_short_declaration():
    """The example of the package's five steps, as small as one can be."""
    exercise = Exercise(
        id="cost.double",
        title="Double",
        minutes=2,
        objective="double a number",
        why="It is the smallest exercise.",
        stub='def double(x):\n    """Return 2 x."""\n    ...\n',
        reference=lambda x: 2 * x,
        read=float,
        properties=(
            Examples("Twice as much", lambda rng: ((value,) for value in (0.0, 1.5))),
            Law("Any", lambda t: None),
        ),
        misconceptions=(Misconception("squared", "This is the square.", lambda x: x * x),),
        hints=("Add.", "Add it to itself."),
    )
    registry()[exercise.id] = exercise
    try:
        assert judge(exercise.id, lambda x: x + x).status == "right"
        assert judge(exercise.id, lambda x: x**2).message == "This is the square."
        assert judge(exercise.id, lambda x: x + 1).message == (
            "double(x=0.0) should be 0.0, yours is 1.0. Twice as much."
        )
    finally:
        del registry()[exercise.id]
