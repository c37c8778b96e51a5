"""Makes 10-masked.json: the triangle of -inf, step by step and as the mask of a module, in PyTorch. pip install torch==2.13.0 numpy"""

import math

import torch
import torch.nn as nn
from pack import save

T, C = 3, 8

torch.manual_seed(42)
embedding = nn.Embedding(T, C)
x = embedding(torch.arange(T))
mask = torch.triu(torch.full((T, T), -torch.inf), diagonal=1)
scores = x @ x.T / math.sqrt(C)
masked = scores + mask
pattern = masked.softmax(-1)
slip = scores.softmax(-1).sum(-1) - scores.softmax(-1).tril().sum(-1)


class MultiHeadAttention(nn.Module):
    def __init__(self, width, heads, longest, is_causal=True):
        super().__init__()
        self.heads, self.is_causal = heads, is_causal
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self.register_buffer("mask", torch.triu(torch.full((longest, longest), -torch.inf), diagonal=1))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (
            linear(x).view(B, T, self.heads, C // self.heads).transpose(1, 2) for linear in (self.query, self.key, self.value)
        )
        scores = q @ k.transpose(-2, -1) / math.sqrt(C // self.heads)
        if self.is_causal:
            scores = scores + self.mask[:T, :T]
        pattern = scores.softmax(-1)
        mixed = (pattern @ v).transpose(1, 2).contiguous().view(B, T, C)
        return self.output(mixed), pattern


attention = MultiHeadAttention(C, 2, 16)
output, heads = attention(x.unsqueeze(0))
extended, _ = attention(torch.cat([x.unsqueeze(0), torch.randn(1, 1, C)], dim=1))
save(
    __file__,
    scores=scores,
    masked=masked,
    pattern=pattern,
    slip=slip,
    output=output,
    heads=heads,
    extended=extended,
    prints=[str(t.detach()) for t in (mask, scores, masked, pattern)],
)
