"""The base class of callbacks that check the model before a run starts."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from lightning import Callback, LightningDataModule, LightningModule, Trainer

from lightning_modules.interface import member_names, missing_members

__all__ = ["AbstractModelCallback"]


class AbstractModelCallback(Callback, ABC):
    """A callback that requires a protocol of the model.

    Raises:
        TypeError: (when a run starts) if the model lacks a member of `model_protocol`.
    """

    @property
    @abstractmethod
    def model_protocol(self) -> type:
        """The protocol of ``lightning_modules.interface`` that the model must provide."""

    def check_model(self, module: LightningModule) -> None:
        """Raises TypeError that lists the members of the protocol that the model lacks."""
        missing = missing_members(module, self.model_protocol)
        if missing:
            required = _listed(member_names(self.model_protocol))
            raise TypeError(
                f"{type(self).__name__} needs a model with {required}; "
                f"{type(module).__name__} has no {_listed(missing)}. Remove the callback or add "
                "them to the model."
            )

    def check_surroundings(
        self, callbacks: Sequence[Callback], datamodule: LightningDataModule | None
    ) -> None:
        """Raises ValueError if another callback or a property of the data is missing.

        The base class requires none.

        Args:
            callbacks: all callbacks of the run.
            datamodule: the data module, not yet set up; None if there are only loaders.
        """

    def check_restored(self, module: LightningModule) -> None:
        """Raises an error if a loaded state does not fit the model; the base class has none."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.check_model(pl_module)
        self.check_surroundings(trainer.callbacks, trainer.datamodule)


def _listed(names: list[str]) -> str:
    *most, last = [f"`{name}`" for name in names]
    return f"{', '.join(most)} and {last}" if most else last
