"""``python -m lessonkit train``: train LeNet-5 with the published recipe, and save its weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from lessonkit.commands.options import add_data_flag, at_least
from lessonkit.commands.terminal import Bar, say
from lessonkit.errors import LessonkitError
from lessonkit.experiments.published import TRAINED_ACCURACY, TRAINED_LOSS
from lessonkit.experiments.report import output_folder
from lessonkit.networks.mnist import load_mnist


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--epochs", type=at_least(1), metavar="N", help="passes over the images (default: 50, and 150 for the stand-in)"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="seed of the training")
    parser.add_argument("--output", metavar="FILE", help="npz file for the weights (default: runs/DATA-SEED.npz)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_data_flag(parser)


def main(options: argparse.Namespace) -> int:
    """Train, print accuracy and loss on the test images, and save the weights."""
    data = load_mnist(options.data)
    path = Path(options.output or f"runs/{data.name}-{options.seed}.npz")
    if path.suffix != ".npz":
        raise LessonkitError(f"{path}: weights are saved as npz: give a name that ends in .npz")
    if path.is_dir():
        raise LessonkitError(f"{path}: is a folder: give the name of a file")
    output_folder(path.parent)
    say(data.source)
    from lessonkit.networks import lenet

    model = lenet.build_lenet()
    epochs = options.epochs or lenet.EPOCHS[data.name]
    with Bar(epochs, "epochs", quiet=options.quiet) as bar:

        def told(epoch: int, logs: dict[str, float]) -> None:
            figures = f"loss {logs['loss']:.4f} validation {100 * logs['val_accuracy']:.2f}%"
            bar.reach(int(bar.n) + 1, figures)

        lenet.train(model, data, epochs=epochs, seed=options.seed, callback=told)
    loss, accuracy = model.evaluate(data.test.images, data.test.labels, batch_size=1000, verbose=0)
    known = f"published: {100 * TRAINED_ACCURACY:.2f}%, {TRAINED_LOSS:.4f}"
    say(f"test accuracy {100 * accuracy:.2f}%, test loss {loss:.4f} ({known})")
    lenet.save_weights(path, model)
    say(f"saved in {path}")
    return 0
