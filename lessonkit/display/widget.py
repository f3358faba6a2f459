"""What all labs share: labelled controls, a picture that is redrawn fast, and the same state in words beside it.

The code uses only what ipywidgets 7.7.1 (Colab) and 8 have in common. A change made on the page is drawn a moment
later, after all waiting messages have been read, so that only the newest value is drawn. A change made by code in a
cell is drawn at once, and its errors are raised in that cell.

What a lab leaves in the notebook
---------------------------------
A widget's view is stored as the number of a model that lives in the kernel. Once that kernel is gone, JupyterLab 4 and
Notebook 7 show "Error displaying widget: model not found" instead, and nothing else of the same output: a picture
stored with the view, in one bundle, is never seen (notebook 6 with ipywidgets 7 shows neither). Both save the widgets'
state in the file only if the user switches that on, and a lab's state would be far larger than its picture.

So a lab displays three outputs: a picture with its description, a line that says how to wake the lab, and the view
alone. The line comes with a style sheet. Where the view is alive, the sheet hides the picture and the line; where it is
not, it hides the front end's error message, or the controls left over from a kernel that was restarted. It is pure CSS
(`:has`), because scripts and the widgets' manager differ between front ends. Where the sheet does not work (VS Code,
browsers before 2024), the picture is shown above the live lab. In a notebook that is not trusted, views are not shown
and the sheet is not needed. Once the page's changes have settled, the picture is stored again under its display id, so
that it shows the lab as the user left it. Strict nbval accepts this: text and HTML are the same whatever the lab shows,
and views are not compared.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import html
import io
import math
import textwrap
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import matplotlib.image
import numpy as np
from IPython import get_ipython
from IPython.display import display, update_display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lessonkit.display.plot import new_figure
from lessonkit.engine.evaluator import Evaluator
from lessonkit.networks.mnist import Dataset, load_mnist
from lessonkit.networks.network import Network
from lessonkit.networks.weights import load_network
from lessonkit.problem import Evaluation

IMAGES = 1_000  # validation images that a lab evaluates on
DELAY = 0.01  # seconds without another message from the page after which the kernel draws
LONGEST = 0.05  # seconds after which it draws in any case
SETTLED = 0.5  # seconds without a change after which the picture in the notebook is stored again
WIDTH = 6.8  # a picture's width in inches; at 100 dots per inch it fits into a notebook with the text beside it
VIEW = "application/vnd.jupyter.widget-view+json"

ALERT = "border-left: 4px solid #D55E00; padding-left: 8px"
TEXT = "line-height: 1.45"

ASLEEP = "This is a picture of the lab. To wake it, run the set-up cell at the top of the notebook, then this cell."


def _sheet() -> str:
    """The style sheet that shows either the live lab, or its picture and the line; `each` selects a cell's outputs."""
    live, line = ".lessonkit-lab:not(.jupyter-widgets-disconnected)", ".lessonkit-asleep"
    rules = []
    for each in (".jp-OutputArea-child", ".output_area"):  # JupyterLab and Notebook 7, notebook 6
        rules += [
            f"{each}:has(+ {each} {line}):has(+ {each} + {each} {live})",  # the picture
            f"{each}:has({line}):has(+ {each} {live})",
            f"{each}:has({line}) + {each}:not(:has({live}))",  # "model not found", or a lab without its kernel
        ]
    colab = f"#output-area:has({live})"  # a page of its own for each cell
    rules += [f"{colab} {line}", f"{colab} img:not(.lessonkit-lab img)"]
    return f"<style>{', '.join(rules)} {{display: none}}</style>"


LINE = f'{_sheet()}<p class="lessonkit-asleep"><em>{ASLEEP}</em></p>'


class Picture:
    """A figure in which only the `moving` artists are drawn again; all others are drawn once and kept as pixels.

    The layout is computed once, and the limits of the axes are fixed: after changing them, call `forget`.
    """

    def __init__(self, figure: Figure, moving: Sequence[Any]) -> None:
        self.figure = figure
        self.moving = list(moving)
        for artist in self.moving:
            artist.set_animated(True)
        self._still: Any = None

    def forget(self) -> None:
        """Draw everything anew the next time, not only what moves."""
        self._still = None

    def png(self) -> bytes:
        """The picture as it is now, as a PNG."""
        return _encoded(self._pixels(), compress_level=1)

    def page(self, caption: str) -> bytes:
        """The picture as it is now with `caption` below it, as a PNG."""
        picture = self._pixels()
        lines = textwrap.wrap(caption, 92)
        dpi = self.figure.dpi
        below = Figure(figsize=(picture.shape[1] / dpi, 0.1 + 0.16 * len(lines)), dpi=dpi)
        canvas = FigureCanvasAgg(below)
        below.text(0.01, 1, "\n".join(lines), va="top", fontsize=9)
        canvas.draw()
        return _encoded(np.vstack([picture, np.asarray(canvas.buffer_rgba())]))

    def _pixels(self) -> NDArray[np.uint8]:
        canvas: Any = self.figure.canvas
        if self._still is None:
            canvas.draw()
            self.figure.set_layout_engine("none")  # after the first drawing: a layout takes longer than all the rest
            self._still = canvas.copy_from_bbox(self.figure.bbox)
        canvas.restore_region(self._still)
        for artist in self.moving:
            artist.draw(canvas.get_renderer())
        return np.asarray(canvas.buffer_rgba())


def _encoded(pixels: NDArray[np.uint8], **settings: Any) -> bytes:
    memory = io.BytesIO()
    matplotlib.image.imsave(memory, pixels, format="png", pil_kwargs=settings)
    return memory.getvalue()


class Lab(widgets.VBox):  # type: ignore[misc]
    """A widget with controls above and a picture with its description below.

    A subclass makes its controls and its `picture`, passes them to `__init__`, and defines `update`, which moves the
    picture's artists to the controls' values and returns the description.

    Attributes
    ----------
    controls : the widgets whose values make up the state, by name.
    image, text : the widgets that show the picture and the description.
    sentence : the state in one sentence.
    facts : the state in figures, by name, as `text` shows them.
    """

    task = ""  # what the student should do, in one sentence

    def __init__(self, controls: Mapping[str, Any], picture: Picture, rows: Sequence[Any] | None = None) -> None:
        self.controls = dict(controls)
        self.picture = picture
        self.sentence = ""
        self.facts: dict[str, str] = {}
        self.draws = 0  # pictures made so far
        self._due = False
        self._newest = 0.0
        self._causes: set[str] = set()
        self._quiet = False
        self._lock = threading.RLock()  # newer kernels handle the page's messages in a separate thread
        self.image = widgets.Image(format="png", layout=widgets.Layout(flex="0 1 auto", max_width="100%"))
        self.image.layout.object_fit = "contain"
        self.image.layout.min_width = "0"
        self.text = widgets.HTML(layout=widgets.Layout(flex="1 1 200px", min_width="200px", margin="0 0 0 12px"))
        head = widgets.HTML(f"<b>{type(self).__name__}</b>. {html.escape(self.task)}")
        wrap = widgets.Layout(flex_flow="row wrap", align_items="flex-start")
        shown = list(rows) if rows is not None else list(self.controls.values())
        panel = widgets.HBox(shown, layout=wrap)
        side = widgets.HBox([self.image, self.text], layout=widgets.Layout(align_items="flex-start"))
        super().__init__([head, panel, side])
        self.add_class("lessonkit-lab")
        self.redraw()
        for control in self.controls.values():
            control.observe(self._changed, "value")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"  # constant, because tests compare the notebooks' outputs

    # --- drawing ---

    def update(self, cause: str | None) -> tuple[str, dict[str, str]]:
        """Move the artists to the controls' values, and return the state as a sentence and as named figures.

        `cause` is the name of the control that changed, None when several did, or none.
        """
        raise NotImplementedError

    def redraw(self, cause: str | None = None) -> None:
        """Compute and draw now. An error is shown in `text` and raised; the next change tries again."""
        with self._lock:
            try:
                self.sentence, self.facts = self.update(cause)
                png = self.picture.png()
            except Exception as error:
                self.text.value = _alert(error)
                raise
            self.image.value = png
            self.text.value = _words(self.sentence, self.facts)
            self.draws += 1
        if (loop := _loop_of_page()) is not None:
            loop.call_later(SETTLED, self._store, self.draws)

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Set several controls by name without drawing for each; `update` calls it, and is followed by a drawing."""
        before, self._quiet = self._quiet, True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._quiet = before

    def _changed(self, change: Any) -> None:
        old, new = change["old"], change["new"]
        if self._quiet or (isinstance(new, float) and math.isclose(old, new, rel_tol=1e-9)):
            return  # the page sends each number back that it receives, slightly changed by rounding
        cause = next(name for name, control in self.controls.items() if control is change["owner"])
        loop = _loop_of_page()
        if loop is None:
            self.redraw(cause)
        else:
            self._causes.add(cause)
            self._newest = loop.time()
            if not self._due:
                self._due = True
                loop.call_later(DELAY, self._draw_newest, loop, self._newest)

    def _draw_newest(self, loop: asyncio.AbstractEventLoop, first: float) -> None:
        now = loop.time()
        if now < min(self._newest + DELAY, first + LONGEST):  # messages still come in
            loop.call_later(DELAY, self._draw_newest, loop, first)
            return
        self._due = False
        causes, self._causes = self._causes, set()
        with contextlib.suppress(Exception):  # the lab shows it in its text; nobody would see a traceback here
            self.redraw(causes.pop() if len(causes) == 1 else None)

    def _store(self, draws: int) -> None:
        """Store the picture in the notebook again, unless another change has come in the meantime."""
        if draws == self.draws:
            data, metadata = self.still()
            update_display(data, metadata=metadata, raw=True, display_id=self.model_id)

    # --- the page ---

    def still(self) -> tuple[dict[str, str], dict[str, Any]]:
        """What the notebook shows without a kernel: a picture and a sentence; and metadata with its alt text."""
        alt = f"{type(self).__name__}: {self.sentence}"
        with self._lock:
            png = base64.b64encode(self.picture.page(alt)).decode("ascii")
        return {"text/plain": alt, "image/png": png}, {"image/png": {"alt": alt}}

    def _ipython_display_(self, **_: Any) -> None:
        """Display the lab (both versions of ipywidgets call this). The top of this file explains the three outputs."""
        data, metadata = self.still()
        display(data, metadata=metadata, raw=True, display_id=self.model_id)
        display({"text/plain": ASLEEP, "text/html": LINE}, raw=True)
        display({VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}}, raw=True)


def _loop_of_page() -> asyncio.AbstractEventLoop | None:
    """The running event loop while the kernel handles a message from the page; None in a cell or a test."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return None
    parent = kernel.get_parent("shell") or {}
    if parent.get("header", {}).get("msg_type") != "comm_msg":
        return None
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _words(sentence: str, facts: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th scope="row" style="text-align: left; font-weight: normal; padding: 0 10px 2px 0">{html.escape(name)}'
        f'</th><td style="text-align: right"><b>{html.escape(value)}</b></td></tr>'
        for name, value in facts.items()
    )
    return (
        f'<div role="status" aria-live="polite" style="{TEXT}"><div>{html.escape(sentence)}</div>'
        f'<table style="margin-top: 8px; border-collapse: collapse; width: auto">{rows}</table></div>'
    )


def _alert(error: Exception) -> str:
    said = html.escape(f"{type(error).__name__}: {error}")
    return (
        f'<div role="alert" style="{TEXT}; {ALERT}"><b>This did not work.</b><br>{said}<br>'
        "The picture shows the last state that did. Move a control to continue.</div>"
    )


# --- controls, each with a label and a tooltip ---

WIDE = {"description_width": "130px"}


def _control(kind: Any, description: str, tooltip: str, **settings: Any) -> Any:
    layout = widgets.Layout(width="340px", margin="2px 12px 2px 0")
    control = kind(description=description, style=WIDE, layout=layout, **settings)
    trait = "description_tooltip" if control.has_trait("description_tooltip") else "tooltip"  # in version 7, in 8
    setattr(control, trait, tooltip)
    return control


def int_slider(description: str, tooltip: str, value: int, low: int, high: int, step: int = 1) -> Any:
    """A slider for whole numbers from `low` to `high`."""
    return _control(widgets.IntSlider, description, tooltip, value=value, min=low, max=high, step=step)


def float_slider(
    description: str, tooltip: str, value: float, low: float, high: float, step: float, form: str = ".2f"
) -> Any:
    """A slider for decimal numbers from `low` to `high`, shown in the format `form`."""
    settings = {"value": value, "min": low, "max": high, "step": step, "readout_format": form}
    return _control(widgets.FloatSlider, description, tooltip, **settings)


def log_slider(
    description: str, tooltip: str, value: float, low: float, high: float, step: float = 0.1, form: str = ".2g"
) -> Any:
    """A slider on a logarithmic scale, from 10^low to 10^high, shown in the format `form`."""
    settings = {"value": value, "base": 10, "min": low, "max": high, "step": step, "readout_format": form}
    return _control(widgets.FloatLogSlider, description, tooltip, **settings)


def choice(description: str, tooltip: str, options: Sequence[Any], value: Any = None) -> Any:
    """A choice of one option, made with buttons: in JupyterLab a drop-down list cannot be used with the arrow keys."""
    first = options[0][1] if isinstance(options[0], tuple) else options[0]
    settings = {"options": list(options), "value": first if value is None else value}
    made = _control(widgets.ToggleButtons, description, tooltip, **settings)
    made.style.button_width = "auto"
    made.layout.width = "98%"  # so that it gets a line to itself
    return made


def checkbox(description: str, tooltip: str, value: bool) -> Any:
    """A checkbox."""
    return _control(widgets.Checkbox, description, tooltip, value=value, indent=True)


def button(description: str, tooltip: str, on_click: Any) -> Any:
    """A button that calls `on_click` with itself as the argument."""
    made = widgets.Button(description=description, tooltip=tooltip, layout=widgets.Layout(width="auto"))
    made.on_click(on_click)
    return made


# --- what labs use to compute and draw ---


def engine(data: Dataset | None, network: Network | None, images: int = IMAGES) -> tuple[Dataset, Network, Evaluator]:
    """The data, the network, and an evaluator on the first `images` validation images.

    Where `data` or `network` is None, take those that this machine has.
    """
    data = data if data is not None else load_mnist()
    network = network if network is not None else load_network(data.name)
    split = data.validation.head(min(images, len(data.validation)))
    return data, network, Evaluator(network, split.images, split.labels)


def lab_figure(height: float) -> Figure:
    """An empty figure of the labs' width, `height` inches high."""
    return new_figure(WIDTH, height)


def small(axis: Any, **labels: Any) -> Any:
    """Give a panel its labels, in the labs' font sizes; return the axis."""
    axis.set(**labels)
    axis.title.set_fontsize(10)
    axis.xaxis.label.set_fontsize(9)
    axis.yaxis.label.set_fontsize(9)
    axis.tick_params(labelsize=8)
    return axis


def flat_picture(mask: NDArray[Any]) -> NDArray[Any]:
    """A layer's array in two dimensions, to be shown as an image.

    A dense layer's (from, to) is transposed. A convolution's (height, width, channels, filters) becomes a grid with
    one tile of height x width per kernel: one row of tiles per channel, one column per filter.
    """
    if mask.ndim == 2:
        return mask.T
    height, width, channels, filters = mask.shape
    return np.transpose(mask, (2, 0, 3, 1)).reshape(channels * height, filters * width)


def percent(share: float, digits: int = 1) -> str:
    """A share as text in percent, with this number of decimals."""
    return f"{100 * share:.{digits}f}%"


def accuracy_words(evaluation: Evaluation) -> str:
    """The accuracy as text, in percent and as a count of images."""
    return f"{percent(evaluation.accuracy)} ({evaluation.correct:,} of {evaluation.images:,})"
