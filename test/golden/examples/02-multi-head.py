"""Makes 02-multi-head.json: the PyTorch module that the example follows, Keras' form with Keras' initial weights, and the two slips.
pip install torch==2.13.0 numpy"""

import math

import torch
import torch.nn as nn
from pack import save

B, T, C, H = 32, 10, 64, 4
D = C // H


class MultiHeadAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Linear(C, C)
        self.key = nn.Linear(C, C)
        self.value = nn.Linear(C, C)
        self.output = nn.Linear(C, C)

    def forward(self, x):
        q = self.query(x).view(B, T, H, D).transpose(1, 2)
        k = self.key(x).view(B, T, H, D).transpose(1, 2)
        v = self.value(x).view(B, T, H, D).transpose(1, 2)
        scores = q @ k.transpose(-2, -1) / math.sqrt(D)
        pattern = scores.softmax(-1)
        mixed = pattern @ v
        merged = mixed.transpose(1, 2).contiguous().view(B, T, C)
        return self.output(merged), pattern


def dense(units, x):
    layer = nn.Linear(x.size(-1), units)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer(x)


def multi_head_attention(x):
    q, k, v = (dense(C, x).reshape(-1, T, H, D).permute(0, 2, 1, 3) for _ in range(3))
    weights = (q @ k.mT / math.sqrt(D)).softmax(-1)
    context = (weights @ v).permute(0, 2, 1, 3).reshape(-1, T, C)
    return dense(C, context)


torch.manual_seed(42)
x = torch.randn(B, T, C)
attention = MultiHeadAttention()
output, pattern = attention(x)
keras = multi_head_attention(x)

q, k, v = (w(x).view(B, T, H, D) for w in (attention.query, attention.key, attention.value))
unmerged = (pattern @ v.transpose(1, 2)).contiguous().view(B, T, C)
across = ((q @ k.mT / math.sqrt(D)).softmax(-1) @ v).view(B, T, C)


def off_by(wrong):
    return ((attention.output(wrong) - output).norm() / output.norm()).item()


save(
    __file__,
    output=output[:2],
    pattern=pattern[:2],
    keras=keras[:2],
    slips={"merged without the transpose": off_by(unmerged), "products across heads": off_by(across)},
)
