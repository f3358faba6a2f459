"""What the teacher runs: the build of the notebooks, and the checks around it."""
