"""Data for the tests: the stand-in always, MNIST where it is at hand; and a count of evaluations."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest
import threadpoolctl

from lessonkit.engine.evaluator import LayerEvaluator
from lessonkit.networks.mnist import Dataset, load_mnist

# No test asserts a timing, hypothesis neither; and the same examples every time, so that red stays red.
hypothesis.settings.register_profile("course", deadline=None, max_examples=40, derandomize=True, database=None)
hypothesis.settings.load_profile("course")


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread():
    """Few images are quicker on one processor, above all when others are busy: idle threads of a BLAS spin."""
    import numpy  # noqa: F401

    with threadpoolctl.threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def standin() -> Dataset:
    return load_mnist("standin")


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    named = os.environ.get("LESSONKIT_DATA", "")
    if named and named != "standin" and Path(named).exists():
        return load_mnist(named)
    pytest.skip("MNIST is not at hand: LESSONKIT_DATA names no file")


@pytest.fixture
def counted(monkeypatch):
    """The number of candidates that were really evaluated."""
    seen = []
    evaluate = LayerEvaluator.evaluate

    def counting(self, candidates):
        seen.extend([1] * len(candidates))
        return evaluate(self, candidates)

    monkeypatch.setattr(LayerEvaluator, "evaluate", counting)
    return seen
