"""Two processes of torchrun that take each other for another node, with folders of their own."""

import os
import sys
from pathlib import Path

import train
from tests.datamodules.table_files import write_boston

BOSTON = Path(__file__).parent.parent.parent / "configs" / "energy_vae_boston.yaml"


def main(folder: Path) -> None:
    rank = os.environ["RANK"]
    os.environ |= {"LOCAL_RANK": "0", "GROUP_RANK": rank, "LOCAL_WORLD_SIZE": "1"}
    os.environ["SLURMD_NODENAME"] = f"node{rank}"
    here = folder / rank
    here.mkdir()
    if rank == "0":
        write_boston(here, n=500)
    os.chdir(here)
    train.main(["--config", str(BOSTON), "--trainer.accelerator", "cpu", "--data.data_dir", "."])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
