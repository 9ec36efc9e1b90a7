"""The networks of a model, for callbacks that treat all of them alike."""

from collections.abc import Iterator

from torch import nn

__all__ = ["called_networks", "model_networks"]


def model_networks(module: nn.Module) -> dict[str, nn.Module]:
    """Returns the trainable networks of a model by attribute, such as generator.

    Metrics and frozen networks have no trainable weights and are left out.
    """
    return {
        name: child
        for name, child in module.named_children()
        if any(weight.requires_grad for weight in child.parameters())
    }


def called_networks(network: nn.Module) -> Iterator[nn.Module]:
    """Yields the network, or the members of a container such as ModuleDict."""
    if type(network).forward is not nn.Module.forward:
        yield network
        return
    for child in network.children():
        yield from called_networks(child)
