"""Searches at a fixed sparsity that beat the rule of magnitude, their controls, and the table that compares them."""
