"""Judge a function by what it does: exercises, guarded calls, verdicts. Knows no lesson."""
