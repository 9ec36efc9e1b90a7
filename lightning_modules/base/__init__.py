"""The parts that models share: training steps, optimizers, checks, checkpoints.

A model inherits from `AbstractAutoencoder`, `AbstractAdversarial`, `AbstractOneLoss` or
`AbstractAlternating`; docs/adding-a-model.md says which one.
"""
