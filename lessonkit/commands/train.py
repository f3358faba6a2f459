"""``python -m lessonkit train``: train LeNet-5 or MLPNet as the shipped weights were trained, and save the weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from lessonkit.commands.options import add_data_flag, at_least
from lessonkit.commands.terminal import Bar, say
from lessonkit.engine.evaluator import Evaluator
from lessonkit.engine.train_mlpnet import MLPNET_EPOCHS, train_mlpnet
from lessonkit.errors import LessonkitError
from lessonkit.experiments.published import TRAINED_ACCURACY, TRAINED_LOSS
from lessonkit.experiments.report import output_folder
from lessonkit.files import write_arrays
from lessonkit.networks.mnist import Dataset, load_mnist
from lessonkit.networks.weights import weights_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--network", choices=("lenet5", "mlpnet"), default="lenet5", help="what to train")
    parser.add_argument(
        "--epochs",
        type=at_least(1),
        metavar="N",
        help="passes over the images (default: 50, and 150 for the stand-in; mlpnet 4)",
    )
    parser.add_argument(
        "--seed", type=at_least(0), metavar="N", help="seed of the training (default: 0; mlpnet 1, the shipped one)"
    )
    parser.add_argument(
        "--output", metavar="FILE", help="npz file for the weights (default: runs/DATA-SEED.npz, runs/mlpnet-DATA.npz)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_data_flag(parser)


def main(options: argparse.Namespace) -> int:
    """Train, print accuracy and loss on the test images, and save the weights."""
    data = load_mnist(options.data)
    mlpnet = options.network == "mlpnet"
    seed = options.seed if options.seed is not None else int(mlpnet)
    path = Path(options.output or (f"runs/mlpnet-{data.name}.npz" if mlpnet else f"runs/{data.name}-{seed}.npz"))
    if path.suffix != ".npz":
        raise LessonkitError(f"{path}: weights are saved as npz: give a name that ends in .npz")
    if path.is_dir():
        raise LessonkitError(f"{path}: is a folder: give the name of a file")
    output_folder(path.parent)
    say(data.source)
    (_train_mlpnet if mlpnet else _train_lenet)(data, options.epochs, seed, path, options.quiet)
    say(f"saved in {path}")
    return 0


def _train_lenet(data: Dataset, epochs: int | None, seed: int, path: Path, quiet: bool) -> None:
    from lessonkit.networks import lenet  # it loads TensorFlow

    model = lenet.build_lenet()
    epochs = epochs or lenet.EPOCHS[data.name]
    with Bar(epochs, "epochs", quiet=quiet) as bar:

        def show(epoch: int, logs: dict[str, float]) -> None:
            bar.reach(epoch, f"loss {logs['loss']:.4f} validation {100 * logs['val_accuracy']:.2f}%")

        lenet.train(model, data, epochs=epochs, seed=seed, callback=show)
    loss, accuracy = model.evaluate(data.test.images, data.test.labels, batch_size=1000, verbose=0)
    known = f"published: {100 * TRAINED_ACCURACY:.2f}%, {TRAINED_LOSS:.4f}"
    say(f"test accuracy {100 * accuracy:.2f}%, test loss {loss:.4f} ({known})")
    lenet.save_weights(path, model)


def _train_mlpnet(data: Dataset, epochs: int | None, seed: int, path: Path, quiet: bool) -> None:
    epochs = epochs or MLPNET_EPOCHS
    with Bar(epochs, "epochs", quiet=quiet) as bar:
        network = train_mlpnet(
            data, epochs=epochs, seed=seed, callback=lambda epoch, loss: bar.reach(epoch, f"loss {loss:.4f}")
        )
    reached = Evaluator(network, data.test.images, data.test.labels).evaluate(network.keep_all())
    say(f"test accuracy {100 * reached.accuracy:.2f}%, test loss {reached.loss:.4f} (published: about 94%)")
    write_arrays(path, weights_of(network))
