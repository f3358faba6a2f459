"""Where the tests and the notebooks find their data: MNIST beside the checkout, or else the built-in stand-in."""

from __future__ import annotations

import os
from pathlib import Path

MNIST = Path(__file__).parent.parent / "shared" / "data" / "mnist.npz"
if MNIST.is_file():
    os.environ.setdefault("LESSONKIT_DATA", str(MNIST))
