from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("onnx", reason="uv sync --group generators")
pytest.importorskip("onnxruntime", reason="uv sync --group generators")

from PIL import Image

from examples.generators import onnx_decoder


def test_images_are_remembered_and_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for count in (8, 16):  # on two days
        onnx_decoder.main([str(tmp_path / "images.db")])
        assert f"{count} images are remembered" in capsys.readouterr().out
    with Image.open(tmp_path / "images.png") as sheet:
        assert sheet.size == (8 * 32, 2 * 32)
        assert np.asarray(sheet).std() > 10


def test_arrays_go_in_and_out(tmp_path: Path) -> None:
    onnx_decoder.write_decoder(tmp_path / "decoder.onnx")
    sampler = onnx_decoder.sampler_of(tmp_path / "decoder.onnx", tmp_path / "images.db")
    sampled = sampler.sample_images(4, generator=torch.Generator().manual_seed(0))
    assert isinstance(sampled.images, np.ndarray)
    assert sampled.images.shape == (4, 32, 32, 3)
    assert np.allclose(sampler.remake(sampled.ids), sampled.images, atol=1e-6)
    features = torch.from_numpy(onnx_decoder.layout(sampled.images))
    assert torch.pdist(features).min() > 0.5  # of numbers in [0, 1]


def test_a_damaged_file_creates_no_store(tmp_path: Path) -> None:
    (tmp_path / "decoder.onnx").write_bytes(b"")
    with pytest.raises(Exception, match=r"decoder\.onnx"):
        onnx_decoder.sampler_of(tmp_path / "decoder.onnx", tmp_path / "images.db")
    assert not (tmp_path / "images.db").exists()
