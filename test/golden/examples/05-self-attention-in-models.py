"""Makes 05-self-attention-in-models.json: the attention layers, the convolution beside them, and ResNet-50 from the same seed.
pip install torch==2.13.0 numpy"""

import torch
from originals.self_attention_in_models import MultiHeadSelfAttention, PatchAttention, ResNet, SelfAttention
from pack import save
from torch import nn


class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv1d(512, 512, 3, padding=1)

    def forward(self, x):
        return self.convolution(x.T).T


torch.manual_seed(42)
vectors, small = torch.randn(32, 512), torch.randn(2, 3, 64, 64)
simple, heads, convolution, patches = SelfAttention(), MultiHeadSelfAttention(), Convolution(), PatchAttention()
resnet = ResNet().eval()
models = {
    "self-attention": simple,
    "self-attention, 8 heads": heads,
    "convolution of size 3": convolution,
    "self-attention of patches": patches,
    "ResNet-50": resnet,
}

# What a pixel far away does to the number in the middle behind the last stage, channels aside: the receptive field, by trying.
line = nn.Sequential(*[m for n, m in resnet.named_modules() if isinstance(m, (nn.Conv2d, nn.MaxPool2d)) and "downsample" not in n])
plain = nn.Sequential(*[nn.AvgPool2d(m.kernel_size, m.stride, m.padding) for m in line])
image = torch.zeros(1, 1, 1024, 1024, requires_grad=True)
behind = plain(image)
behind[0, 0, behind.size(2) // 2, behind.size(3) // 2].backward()
field = int((image.grad[0, 0] != 0).any(0).sum())

save(
    __file__,
    mixed=simple(vectors)[:4],
    merged=heads(vectors)[:4],
    convolved=convolution(vectors)[:4],
    patched=patches(small)[:, :2],
    logits=resnet(small),
    field=field,
    parameters={name: sum(p.numel() for p in m.parameters()) for name, m in models.items()},
)
print("field", field)
