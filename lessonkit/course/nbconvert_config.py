"""Convert notebooks to pages that pass an accessibility scan: figures keep their alt text, colours are readable.

    jupyter nbconvert --to html --config lessonkit/course/nbconvert_config.py notebooks/*.ipynb

The option is necessary: nbconvert's own template drops the alt text of outputs and uses pale grey on white, and it does
not look for a configuration in the working folder.
"""

from pathlib import Path

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - nbconvert's own
c.HTMLExporter.extra_template_basedirs = [str(Path(__file__).parent / "templates")]
c.HTMLExporter.template_name = "lesson"
