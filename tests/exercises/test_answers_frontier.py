"""The answers of students to lesson 6, right, wrong, ugly and crashing, get their verdict and a true message."""

from answer_files import each_answer


@each_answer("frontier")
def test_the_verdict_and_the_message_are_right(answer):
    assert not answer.complaint()
