"""The answers of students to lesson 5, right, wrong, ugly and crashing, get their verdict and a true message."""

from answer_files import each_answer


@each_answer("comparison")
def test_the_verdict_and_the_message_are_right(answer):
    assert not answer.complaint()
