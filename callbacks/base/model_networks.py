"""The networks of a model, for callbacks that treat them alike."""

from collections.abc import Iterator

from torch import nn

__all__ = ["called_networks", "model_networks"]


def model_networks(module: nn.Module) -> dict[str, nn.Module]:
    """Returns what a model trains, by the name of its attribute: generator, critic and the like.

    Metrics, and networks that only judge, have no weights to train and are left out.
    """
    return {
        name: child
        for name, child in module.named_children()
        if any(weight.requires_grad for weight in child.parameters())
    }


def called_networks(network: nn.Module) -> Iterator[nn.Module]:
    """Yields the network itself, or the members of one that only holds others, as a ModuleDict."""
    if type(network).forward is not nn.Module.forward:
        yield network
        return
    for child in network.children():
        yield from called_networks(child)
