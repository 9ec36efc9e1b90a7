"""Plain networks, named in configuration files.

An encoder maps images to vectors. A decoder maps vectors to unbounded images; the model applies the
last activation. A critic is an encoder with one output. A translator maps images to images. Their
first arguments are `image_shape` and, but for translators, `latent_dim`. Feature networks are
frozen and map images to features; a new one inherits `frozen_features.AbstractFrozenFeatures`.
"""

from networks.clothes_features import ClothesFeatures
from networks.conv import ConvDecoder, ConvEncoder
from networks.cwae_conv import CWAEDecoder, CWAEEncoder
from networks.digit_features import DigitFeatures
from networks.disco import DiscoCritic, DiscoTranslator
from networks.mlp import MLPDecoder, MLPEncoder, MLPTranslator
from networks.object_features import ObjectFeatures
from networks.random_conv_features import RandomConvFeatures
from networks.resnet import ResNetDecoder, ResNetEncoder
from networks.tutorial_conv import TutorialConvDecoder, TutorialConvEncoder
from networks.wrapped_features import WrappedFeatures

__all__ = [
    "CWAEDecoder",
    "CWAEEncoder",
    "ClothesFeatures",
    "ConvDecoder",
    "ConvEncoder",
    "DigitFeatures",
    "DiscoCritic",
    "DiscoTranslator",
    "MLPDecoder",
    "MLPEncoder",
    "MLPTranslator",
    "ObjectFeatures",
    "RandomConvFeatures",
    "ResNetDecoder",
    "ResNetEncoder",
    "TutorialConvDecoder",
    "TutorialConvEncoder",
    "WrappedFeatures",
]
