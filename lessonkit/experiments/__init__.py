"""Searches compared honestly: layer by layer, with seeds, budgets, a store, and workers."""
