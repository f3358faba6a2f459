"""The controls against independent computations: exact counts, ties, global against per layer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lessonkit.controls import (
    lowest_pruned,
    magnitude_global,
    magnitude_mask,
    magnitude_per_layer,
    masks_by_scores,
    random_masks,
)
from lessonkit.masks import global_sparsity, layer_sparsities

few_values = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])  # many ties, and many equal magnitudes
kernels = arrays(np.float32, array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4), elements=few_values)
shares = st.floats(0, 1)


@given(kernels, shares)
def test_magnitude_prunes_the_exact_count_of_the_smallest_magnitudes(kernel, share):
    mask = magnitude_mask(kernel, share)
    assert mask.shape == kernel.shape
    assert np.count_nonzero(~mask) == round(share * kernel.size)
    magnitudes = np.sqrt(np.square(kernel))
    if mask.any() and not mask.all():
        assert magnitudes[~mask].max() <= magnitudes[mask].min()
    ranks = scipy.stats.rankdata(magnitudes.ravel(), method="ordinal")  # ties: first come, first pruned
    np.testing.assert_array_equal(~mask.ravel(), ranks <= round(share * kernel.size))


def test_magnitude_knows_no_sign():
    kernel = np.array([-3.0, 0.1, 2.0, -0.2], np.float32)
    assert magnitude_mask(kernel, 0.5).tolist() == [True, False, True, False]
    assert magnitude_per_layer([kernel], 0.5)[0].tolist() == [True, False, True, False]
    assert magnitude_global([kernel], 0.5)[0].tolist() == [True, False, True, False]


@given(st.lists(kernels, min_size=1, max_size=4), shares)
def test_global_magnitude_is_the_magnitude_of_all_weights_in_one_row(layers, share):
    masks = magnitude_global(layers, share)
    joined = np.concatenate([kernel.ravel() for kernel in layers])
    np.testing.assert_array_equal(np.concatenate([mask.ravel() for mask in masks]), magnitude_mask(joined, share))
    assert [mask.shape for mask in masks] == [kernel.shape for kernel in layers]
    assert global_sparsity(masks) == pytest.approx(round(share * joined.size) / joined.size)


def test_global_and_per_layer_magnitude_differ_where_layers_differ_in_scale():
    layers = [np.array([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 2.0, 3.0, 4.0])]
    np.testing.assert_allclose(layer_sparsities(magnitude_global(layers, 0.5)), [1, 0])
    np.testing.assert_allclose(layer_sparsities(magnitude_per_layer(layers, 0.5)), [0.5, 0.5])


@given(st.lists(kernels, min_size=1, max_size=4), st.data())
def test_per_layer_controls_take_a_share_for_each_layer(layers, data):
    each = data.draw(st.lists(shares, min_size=len(layers), max_size=len(layers)))
    expected = [round(share * kernel.size) for share, kernel in zip(each, layers, strict=True)]
    for masks in (
        magnitude_per_layer(layers, each),
        random_masks([kernel.shape for kernel in layers], each, np.random.default_rng(0)),
    ):
        assert [np.count_nonzero(~mask) for mask in masks] == expected
        assert [mask.shape for mask in masks] == [kernel.shape for kernel in layers]


def test_random_masks_choose_every_weight_equally_often_and_by_their_seed():
    rng = np.random.default_rng(0)
    kept = np.mean([random_masks([(4, 5)], 0.3, rng)[0] for _ in range(5000)], axis=0)
    np.testing.assert_allclose(kept, 0.7, atol=0.04)
    one, two, other = (random_masks([(4, 5)], 0.5, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


@given(kernels, shares)
def test_scores_are_not_touched(kernel, share):
    before = kernel.copy()
    lowest_pruned(kernel, share)
    magnitude_global([kernel], share)
    np.testing.assert_array_equal(kernel, before)


def test_masks_by_scores_prunes_the_lowest_signed_scores():
    masks = masks_by_scores([np.array([[5.0, -1.0]]), np.array([-7.0, 3.0])], 0.5)
    assert [mask.tolist() for mask in masks] == [[[True, False]], [False, True]]


def test_sparser_masks_are_nested():
    kernel = np.random.default_rng(0).normal(size=(7, 6))
    masks = [magnitude_mask(kernel, share) for share in (0.2, 0.5, 0.9)]
    for looser, tighter in pairwise(masks):
        assert not (tighter & ~looser).any()
