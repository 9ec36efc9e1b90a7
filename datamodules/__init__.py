"""The data sets, one file each; an import makes their short names known to YAML.

A new set inherits the base class that serves data of its kind:

    images in memory      `in_memory.AbstractInMemoryImages`, of IDX files `idx.AbstractIdxImages`
    rows of a CSV file    `table.AbstractTable`
    points of the plane   `toy.AbstractToy`, of Gaussian mixtures `toy.AbstractModes`
    two domains           `two_domains.AbstractTwoDomains`, of folders `domain_folders`
"""

from datamodules.boston_housing import BostonHousing
from datamodules.cifar10 import CIFAR10
from datamodules.csv_table import CSVTable
from datamodules.errors import DataError
from datamodules.facades import Facades
from datamodules.fashion_mnist import FashionMNIST
from datamodules.gaussian_ellipse import GaussianEllipse
from datamodules.gaussians2 import Gaussians2
from datamodules.gaussians8 import Gaussians8
from datamodules.gaussians16 import Gaussians16
from datamodules.gaussians25 import Gaussians25
from datamodules.image_folder import ImageFolder
from datamodules.mnist import MNIST
from datamodules.mnist5k import MNIST5k
from datamodules.swiss_roll import SwissRoll
from datamodules.toy_domains import ToyDomains
from datamodules.two_folders import TwoFolders

__all__ = [
    "CIFAR10",
    "MNIST",
    "BostonHousing",
    "CSVTable",
    "DataError",
    "Facades",
    "FashionMNIST",
    "GaussianEllipse",
    "Gaussians2",
    "Gaussians8",
    "Gaussians16",
    "Gaussians25",
    "ImageFolder",
    "MNIST5k",
    "SwissRoll",
    "ToyDomains",
    "TwoFolders",
]
