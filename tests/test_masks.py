"""Masks: both sparsities against plain counting, the moves against brute force, files."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lessonkit.errors import LessonkitError
from lessonkit.files import load_masks, save_masks
from lessonkit.masks import (
    flip,
    global_sparsity,
    keep_all,
    layer_sparsities,
    mean_layer_sparsity,
    prune_only,
    replace_layer,
)

masks_of_a_layer = arrays(bool, array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
rates = st.floats(0, 1)
seeds = st.integers(0, 2**32 - 1)
MOVES = [flip, prune_only]


@given(st.lists(masks_of_a_layer, min_size=1, max_size=5))
def test_both_sparsities_count_pruned_weights(masks):
    pruned = [sum(not bit for bit in mask.ravel().tolist()) for mask in masks]
    sizes = [mask.size for mask in masks]
    shares = [Fraction(a, b) for a, b in zip(pruned, sizes, strict=True)]
    np.testing.assert_allclose(layer_sparsities(masks), [float(share) for share in shares], atol=1e-12)
    assert mean_layer_sparsity(masks) == pytest.approx(float(sum(shares) / len(shares)), abs=1e-12)
    assert global_sparsity(masks) == pytest.approx(float(Fraction(sum(pruned), sum(sizes))), abs=1e-12)


def test_the_two_sparsities_differ_where_layers_differ_in_size():
    masks = (np.zeros(2, bool), np.ones(8, bool))
    assert mean_layer_sparsity(masks) == 0.5
    assert global_sparsity(masks) == pytest.approx(0.2)


@given(masks_of_a_layer, rates, seeds, st.sampled_from(MOVES))
def test_a_move_changes_nothing_in_place_and_shares_no_memory(mask, rate, seed, move):
    before = mask.copy()
    moved = move(mask, rate, np.random.default_rng(seed))
    np.testing.assert_array_equal(mask, before)
    assert not np.shares_memory(moved, mask)
    assert moved.shape == mask.shape
    assert moved.dtype == bool


@given(masks_of_a_layer, rates, seeds, st.sampled_from(MOVES))
def test_a_move_depends_on_its_generator_alone(mask, rate, seed, move):
    np.testing.assert_array_equal(
        move(mask, rate, np.random.default_rng(seed)), move(mask, rate, np.random.default_rng(seed))
    )


@given(masks_of_a_layer, seeds)
def test_moves_at_the_extreme_rates(mask, seed):
    rng = np.random.default_rng(seed)
    np.testing.assert_array_equal(flip(mask, 0, rng), mask)
    np.testing.assert_array_equal(flip(mask, 1, rng), ~mask)
    np.testing.assert_array_equal(prune_only(mask, 0, rng), mask)
    assert not prune_only(mask, 1, rng).any()


@given(masks_of_a_layer, rates, seeds)
def test_prune_only_never_restores(mask, rate, seed):
    assert not (prune_only(mask, rate, np.random.default_rng(seed)) & ~mask).any()


def test_flip_reaches_every_mask_with_its_binomial_probability():
    start, rate, draws = np.array([True, False, True]), 0.3, 20_000
    rng = np.random.default_rng(1)
    seen = Counter(tuple(flip(start, rate, rng).tolist()) for _ in range(draws))
    for mask in itertools.product([False, True], repeat=3):
        flips = int(np.count_nonzero(np.array(mask) != start))
        expected = rate**flips * (1 - rate) ** (3 - flips)
        assert seen[mask] / draws == pytest.approx(expected, abs=5 * np.sqrt(expected / draws))


def test_prune_only_prunes_each_kept_weight_at_the_rate():
    start = np.array([True, False, True])
    rng = np.random.default_rng(2)
    mean = np.mean([prune_only(start, 0.3, rng) for _ in range(20_000)], axis=0)
    np.testing.assert_allclose(mean, [0.7, 0, 0.7], atol=0.02)


def test_keep_all_and_replace_layer():
    masks = keep_all([(2, 3), (4,)])
    assert [mask.shape for mask in masks] == [(2, 3), (4,)]
    assert all(mask.dtype == bool and mask.all() for mask in masks)
    new = np.zeros(4, bool)
    replaced = replace_layer(masks, 1, new)
    assert replaced[0] is masks[0]
    assert replaced[1] is new
    assert masks[1].all()
    assert isinstance(replaced, tuple)


@given(st.lists(masks_of_a_layer, min_size=1, max_size=3))
def test_masks_survive_a_file(tmp_path_factory, masks):
    path = tmp_path_factory.mktemp("masks") / "masks.npz"
    names = [f"layer{index}" for index in range(len(masks))]
    save_masks(path, masks, names)
    for saved, mask in zip(load_masks(path, names), masks, strict=True):
        np.testing.assert_array_equal(saved, mask)
        assert saved.dtype == bool
    with np.load(path, allow_pickle=False) as plain:  # the format that the course promises
        assert sorted(plain) == sorted(names)


def test_masks_of_a_wrong_file_are_refused(tmp_path):
    path = tmp_path / "masks.npz"
    np.savez(path, Conv1=np.ones(3))
    with pytest.raises(LessonkitError, match=r"masks\.npz: needs a boolean array named 'Conv1'"):
        load_masks(path, ["Conv1"])
    save_masks(path, [np.ones(3, bool)], ["Conv1"])
    with pytest.raises(LessonkitError, match="'Conv2'"):
        load_masks(path, ["Conv1", "Conv2"])
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(LessonkitError, match="cannot be read as masks"):
        load_masks(path, ["Conv1"])
    with pytest.raises(LessonkitError, match="cannot be read as masks"):
        load_masks(tmp_path / "missing.npz", ["Conv1"])


def test_a_file_of_pickled_objects_is_never_loaded(tmp_path):
    path = tmp_path / "masks.npz"
    np.savez(path, Conv1=np.array([True, "surprise"], dtype=object))
    with pytest.raises(LessonkitError, match="cannot be read as masks"):
        load_masks(path, ["Conv1"])
