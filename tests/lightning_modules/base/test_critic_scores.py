"""Real and fake pass a critic together unless a batch norm makes outputs depend on each other."""

import pytest
import torch
from torch import nn

from lightning_modules.base.critic_scores import critic_scores, mixes_examples
from networks import ConvEncoder, MLPEncoder


@pytest.mark.parametrize(("network", "passes"), [(ConvEncoder, [3, 5]), (MLPEncoder, [8])])
def test_one_pass_unless_a_batch_norm_would_mix_them(
    network: type[nn.Module], passes: list[int]
) -> None:
    real, fake = torch.rand(3, 1, 16, 16), torch.rand(5, 1, 16, 16)
    critic, sizes = network((1, 16, 16), 1), []
    critic.register_forward_hook(lambda _, x, __: sizes.append(len(x[0])))
    score_real, score_fake = critic_scores(critic, real, fake)
    assert sizes == passes
    # 1e-6: the order of sums
    assert torch.allclose(score_real, critic(real), atol=1e-6)
    assert torch.allclose(score_fake, critic(fake), atol=1e-6)


@pytest.mark.parametrize("network", [ConvEncoder, MLPEncoder])
def test_scores_are_of_full_precision(network: type[nn.Module]) -> None:
    critic, images = network((1, 16, 16), 1), torch.rand(3, 1, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert critic(images).dtype == torch.bfloat16
        assert {scores.dtype for scores in critic_scores(critic, images, images)} == {torch.float32}
    images = images.double()
    scores = critic_scores(critic.double(), images, images)
    assert {score.dtype for score in scores} == {torch.float64}


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm])
def test_batch_norms_are_detected(norm: type[nn.Module]) -> None:
    assert mixes_examples(nn.Sequential(nn.Sequential(norm(3))))


def test_other_norms_mix_nothing() -> None:
    assert not mixes_examples(nn.Sequential(nn.GroupNorm(1, 3), nn.LayerNorm(3)))
