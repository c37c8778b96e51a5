"""The chapter's self-attention on six words, its multi-head attention at GPT-2's size, and GPT-2 with 124 million weights."""

import torch
from gpt import GPT
from torch import nn
from torch.nn import functional as F
from weights import fill_weights


class SelfAttention(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(d_in, d_out, bias=False) for _ in range(3))

    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        return torch.softmax(q @ k.T / k.shape[-1] ** 0.5, dim=-1) @ v


class MultiHeadAttention(SelfAttention):
    def __init__(self, width, context_length, heads):
        super().__init__(width, width)
        self.heads, self.output = heads, nn.Linear(width, width)
        self.register_buffer("mask", torch.triu(torch.ones(context_length, context_length), diagonal=1).bool())

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (w(x).view(B, T, self.heads, C // self.heads).transpose(1, 2) for w in (self.query, self.key, self.value))
        scores = (q @ k.transpose(2, 3)).masked_fill_(self.mask[:T, :T], -torch.inf)
        pattern = torch.softmax(scores / k.shape[-1] ** 0.5, dim=-1)
        return self.output((pattern @ v).transpose(1, 2).contiguous().view(B, T, C))


def forward():
    torch.manual_seed(123)
    attention = SelfAttention(3, 2)
    x = torch.randn(6, 3)
    return lambda: attention(x)


def forwardHeads():
    torch.manual_seed(123)
    attention = MultiHeadAttention(768, 1024, 12)
    x = torch.randn(1, 1024, 768)
    return lambda: attention(x)


def forwardGPT():
    gpt = GPT(layers=12, heads=12, width=768, context=1024, vocabulary=50257, fused=False)
    fill_weights(gpt)
    ids = torch.randint(0, 50257, (1, 64))

    def call():
        residual = gpt.tokens(ids) + gpt.positions(torch.arange(ids.shape[1]))
        for block in gpt.blocks:
            residual = block(residual)
        return F.linear(gpt.norm(residual), gpt.tokens.weight)

    return call
