"""Real and fake pass a critic together where its output on one does not depend on the other."""

import pytest
import torch
from torch import nn

from lightning_modules.critic_scores import critic_scores, mixes_pictures
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


def test_batch_norms_are_found() -> None:
    assert mixes_pictures(nn.Sequential(nn.Sequential(nn.BatchNorm2d(3))))
    assert not mixes_pictures(nn.Sequential(nn.GroupNorm(1, 3), nn.LayerNorm(3)))
