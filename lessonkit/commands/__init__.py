"""The commands of ``python -m lessonkit``, one file each: `add_arguments(parser)` and `main(options)`."""
