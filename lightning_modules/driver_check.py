"""Keeps optimizers from asking for the driver of a GPU that is not there, step after step.

PyTorch's Adam asks at each step whether there is an accelerator. Lightning, when it is imported,
sets PYTORCH_NVML_BASED_CUDA_CHECK: PyTorch then looks for a GPU through NVML, which spares a
process that forks later from initialising CUDA, but loads that library anew each time, 40
microseconds in vain on a quiet machine without a GPU.
"""

import os

import torch

__all__ = ["stop_driver_checks"]

_VARIABLE = "PYTORCH_NVML_BASED_CUDA_CHECK"


def stop_driver_checks() -> None:
    """Takes the variable away where there is no accelerator, so nothing for it to protect."""
    if not torch.accelerator.is_available():
        os.environ.pop(_VARIABLE, None)
