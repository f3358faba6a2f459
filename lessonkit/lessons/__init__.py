"""The lessons: each folder has its exercises, its figures and its lab."""
