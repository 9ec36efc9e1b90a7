"""What callbacks ask of a model, checked before anything is trained or written."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from lightning import Callback, LightningDataModule, LightningModule, Trainer

from lightning_modules.interface import member_names, missing_members

__all__ = ["AbstractModelCallback"]


class AbstractModelCallback(Callback, ABC):
    """A callback that asks a model for more than Lightning does.

    Raises:
        TypeError: (when a run starts) if the model has not what `needs` lists.
    """

    @property
    @abstractmethod
    def needs(self) -> type:
        """The protocol of ``lightning_modules.interface`` that the model must follow."""

    def check_model(self, module: LightningModule) -> None:
        """Raises TypeError, naming what is missing, unless the model has what is needed."""
        missing = missing_members(module, self.needs)
        if missing:
            raise TypeError(
                f"{type(self).__name__} needs a model with {_listed(member_names(self.needs))}; "
                f"{type(module).__name__} has no {_listed(missing)}. Remove the callback or add "
                "them to the model."
            )

    def check_surroundings(
        self, callbacks: Sequence[Callback], datamodule: LightningDataModule | None
    ) -> None:
        """Raises ValueError, saying what to add, if another part of the run is missing.

        Args:
            callbacks: all of the run.
            datamodule: of the run, not yet set up; None if loaders are used without one.
        """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.check_model(pl_module)
        self.check_surroundings(trainer.callbacks, trainer.datamodule)


def _listed(names: list[str]) -> str:
    *most, last = [f"`{name}`" for name in names]
    return f"{', '.join(most)} and {last}" if most else last
