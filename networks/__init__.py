"""Plain networks, named in configuration files: an encoder maps images to vectors, a decoder
vectors to images (unbounded: models squash them), a critic is an encoder with one output, a
translator maps images to images. Feature networks are frozen and map images to features.
"""

from networks.conv import ConvDecoder, ConvEncoder
from networks.cwae_conv import CWAEDecoder, CWAEEncoder
from networks.digit_features import DigitFeatures
from networks.disco import DiscoCritic, DiscoTranslator
from networks.given_features import GivenFeatures
from networks.mlp import MLPDecoder, MLPEncoder, MLPTranslator
from networks.object_features import ObjectFeatures
from networks.random_conv_features import RandomConvFeatures
from networks.resnet import ResNetDecoder, ResNetEncoder
from networks.tutorial_conv import TutorialConvDecoder, TutorialConvEncoder

__all__ = [
    "CWAEDecoder",
    "CWAEEncoder",
    "ConvDecoder",
    "ConvEncoder",
    "DigitFeatures",
    "DiscoCritic",
    "DiscoTranslator",
    "GivenFeatures",
    "MLPDecoder",
    "MLPEncoder",
    "MLPTranslator",
    "ObjectFeatures",
    "RandomConvFeatures",
    "ResNetDecoder",
    "ResNetEncoder",
    "TutorialConvDecoder",
    "TutorialConvEncoder",
]
