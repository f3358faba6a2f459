"""Grade what students hand in, without trusting any of it.

``python -m lessonkit grade FOLDER`` judges each notebook's exercises with the course's own checker, by what the
student's functions return. Four kinds of process take part:

- the command (`pool`) hands notebooks to
- an examiner, which runs the checker and none of the student's code. It starts
- a fork server (`fork_server`) inside a sandbox (`sandbox`: bwrap). It forks, watches and ends, per notebook,
- a worker, which runs the notebook's cells (`worker`) and answers the examiner's calls over a wire (`wire`).

What the checker sees of a function is a stand-in (`standin`): arguments go over the wire; values, exceptions, changed
arguments and the generator's state come back, as data. So a notebook that edits the checker, prints "right", or talks
to the wire itself is judged by what its functions return, and in the worst case it spoils its own result only.

`rows` has the vocabulary of the results, `cells` says which statements of a notebook run, and `sandbox` what holds
them. The course's own function, imported, wrapped or copied from what `solution` prints, is reported as that and never
as right; the worker sees it, so a notebook that hides it well is judged by its values.
"""
