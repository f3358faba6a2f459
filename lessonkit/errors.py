"""The errors that lessonkit raises when the input, not the program, is wrong."""


class LessonkitError(Exception):
    """Bad input. The message is one line: what is wrong, where, and what to do."""


class BudgetExhaustedError(LessonkitError):
    """A search asked for more evaluations than its budget holds."""
