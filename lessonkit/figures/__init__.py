"""The figures of the lessons, one small module a lesson; each function returns a `lessonkit.display.plot.Plot`."""
