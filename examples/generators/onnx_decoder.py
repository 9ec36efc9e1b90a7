"""A decoder in an ONNX file that remembers its images; NumPy arrays in and out.

    python -m examples.generators.onnx_decoder images.db

ONNX passes no gradients on, so candidates are selected and not moved. Writes a tiny random decoder
as <store>.onnx and the sheet <store>.png.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import Tensor

from hawc import DatabaseHistory, FeatureSampler, StandardNormal

NUM_LATENTS = 8


def write_decoder(path: Path, seed: int = 0) -> None:
    """Writes a network from latents (n, 8) to images (n, 32, 32, 3) in [0, 1].

    Two layers give 3 x 3 colors, which are enlarged to 32 x 32 pixels.
    """
    random = np.random.default_rng(seed)
    constants = {
        "first": random.normal(size=(NUM_LATENTS, 32)) / NUM_LATENTS**0.5,
        "second": random.normal(size=(32, 3 * 3 * 3)) / 2,
        "colors": np.array([-1, 3, 3, 3], np.int64),
        "scales": np.array([1, 1, 32 / 3, 32 / 3]),
    }
    nodes = [
        helper.make_node("MatMul", ["latents", "first"], ["hidden"]),
        helper.make_node("Tanh", ["hidden"], ["active"]),
        helper.make_node("MatMul", ["active", "second"], ["flat"]),
        helper.make_node("Reshape", ["flat", "colors"], ["small"]),
        helper.make_node("Resize", ["small", "", "scales"], ["large"], mode="linear"),
        helper.make_node("Sigmoid", ["large"], ["channels_first"]),
        helper.make_node("Transpose", ["channels_first"], ["images"], perm=[0, 2, 3, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "decoder",
        [helper.make_tensor_value_info("latents", TensorProto.FLOAT, ["n", NUM_LATENTS])],
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 32, 32, 3])],
        [
            numpy_helper.from_array(a if a.dtype == np.int64 else a.astype(np.float32), name)
            for name, a in constants.items()
        ],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def layout(images: np.ndarray) -> np.ndarray:
    """Returns the mean color of each of 4 x 4 fields; put your own features here."""
    return images.reshape(-1, 4, 8, 4, 8, 3).mean((2, 4)).reshape(len(images), -1)


def sampler_of(decoder: Path, store: Path) -> FeatureSampler:
    """Returns a sampler that remembers images in a file."""
    session = onnxruntime.InferenceSession(str(decoder), providers=["CPUExecutionProvider"])

    def decode(latents: Tensor) -> np.ndarray:
        return session.run(None, {"latents": latents.numpy()})[0]

    return FeatureSampler(
        StandardNormal(NUM_LATENTS),
        history=DatabaseHistory(store, create=True),
        decode=decode,
        features=layout,
        num_candidates=100,
        num_steps=0,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Adds eight images and writes all of them as one sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    store = parser.parse_args(arguments).store
    decoder = store.with_suffix(".onnx")
    write_decoder(decoder)
    sampler = sampler_of(decoder, store)
    sampler.sample_images(8)  # the operating system seeds it, so processes differ
    images = sampler.remake(range(len(sampler.history)))
    rows = [np.concatenate(list(row), 1) for row in images.reshape(-1, 8, 32, 32, 3)]
    sheet = (255 * np.concatenate(rows)).round().astype(np.uint8)
    Image.fromarray(sheet).save(store.with_suffix(".png"))
    print(sampler.report())


if __name__ == "__main__":
    main()
