"""Measures of generated pictures as torchmetrics classes; none yet, see docs/architecture.md."""
