"""Trains one model of each family by train.py's command line; each process is started by torchrun.

As plain `ddp`, which the models of two optimizers cannot do: the command line must know better.
"""

import sys
from pathlib import Path
from typing import Any

import torch
import yaml

import train

MLP = {"init_args": {"widths": [16]}}
ENCODER, DECODER = ({"class_path": f"networks.MLP{kind}", **MLP} for kind in ("Encoder", "Decoder"))
IMAGES, DOMAINS = "tests.helpers.TinyImages", "tests.tiny_domains.TinyDomains"
FAMILIES: dict[str, tuple[dict[str, Any], str]] = {
    "VAE": ({"latent_dim": 2, "encoder": ENCODER, "decoder": DECODER}, IMAGES),
    "WGANGP": (
        {"latent_dim": 3, "n_critic": 2, "generator": DECODER, "critic": ENCODER},
        IMAGES,
    ),
    "DiscoGAN": (
        {"generator": {"class_path": "networks.MLPTranslator", **MLP}, "critic": ENCODER},
        DOMAINS,
    ),
}


def experiment(family: str) -> dict[str, Any]:
    """Returns the configuration of a tiny training."""
    arguments, data = FAMILIES[family]
    return {
        "model": {"class_path": family, "init_args": arguments},
        "data": {"class_path": data, "init_args": {"batch_size": 2}},
        "trainer": {
            **{"accelerator": "cpu", "max_epochs": 3, "strategy": "ddp", "logger": False},
            **{"enable_progress_bar": False, "enable_model_summary": False},
        },
    }


def main(folder: Path) -> None:
    for family in FAMILIES:
        file = folder / f"{family}.yaml"
        file.write_text(yaml.safe_dump(experiment(family)))
        train.main(["--config", str(file), "--run_folder", str(folder / family)])
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
