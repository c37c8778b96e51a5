"""A GPT and its training step as one writes them in PyTorch: GPT-2's architecture, clipping, AdamW with decay on the matrices only.

It starts from the weights and trains on the batches of a safetensors file that the other side wrote.
"""

import json
import math
import re
import struct

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, width, heads, context, fused):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        causal = torch.tril(torch.ones(context, context)).view(1, 1, context, context)
        self.register_buffer("causal", causal, persistent=False)

    def forward(self, x):
        B, T, C = x.shape
        projected = self.query_key_value(x).split(C, dim=2)
        query, key, value = (part.view(B, T, self.heads, C // self.heads).transpose(1, 2) for part in projected)
        if self.fused:
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            scores = (query @ key.transpose(-2, -1)) * (1.0 / math.sqrt(key.size(-1)))
            scores = scores.masked_fill(self.causal[:, :, :T, :T] == 0, float("-inf"))
            mixed = F.softmax(scores, dim=-1) @ value
        return self.output(mixed.transpose(1, 2).contiguous().view(B, T, C))


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.contract(F.gelu(self.expand(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width, heads, context, fused):
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width), Attention(width, heads, context, fused)
        self.feed_forward_norm, self.feed_forward = nn.LayerNorm(width), FeedForward(width)

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.feed_forward_norm(x))


class GPT(nn.Module):
    def __init__(self, layers, heads, width, context, vocabulary, fused):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, context, fused) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x, y):
        residual = self.tokens(x) + self.positions(torch.arange(x.shape[1]))
        for block in self.blocks:
            residual = block(residual)
        logits = F.linear(self.norm(residual), self.tokens.weight)
        return F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))


class Training:
    """attention: sdpa or naive; optimizer: default (PyTorch's own choice on a CPU) or fused; compiled: the model by
    torch.compile in its default mode."""

    def __init__(self, file, layers, heads, width, context, vocabulary, attention, optimizer, compiled):
        tensors = read_safetensors(file)
        x, y = tensors.pop("x").long(), tensors.pop("y").long()
        self.batches, self.next = list(zip(x, y)), 0
        self.model = GPT(layers, heads, width, context, vocabulary, attention == "sdpa")
        # The other side writes attentionNorm for attention_norm.
        self.model.load_state_dict({re.sub("[A-Z]", lambda c: "_" + c[0].lower(), name): t for name, t in tensors.items()})
        matrices = [p for p in self.model.parameters() if p.dim() >= 2]
        others = [p for p in self.model.parameters() if p.dim() < 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
            lr=1e-3,
            betas=(0.9, 0.95),
            fused=True if optimizer == "fused" else None,
        )
        self.loss = torch.compile(self.model) if compiled else self.model

    def step(self):
        x, y = self.batches[self.next % len(self.batches)]
        self.next += 1
        loss = self.loss(x, y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()

    def run(self, n):
        for _ in range(n):
            self.step()


def read_safetensors(file):
    types = {"F32": torch.float32, "I32": torch.int32}
    with open(file, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(length)), bytearray(f.read())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            count = math.prod(entry["shape"])
            flat = torch.frombuffer(data, dtype=types[entry["dtype"]], count=count, offset=entry["data_offsets"][0])
            tensors[name] = flat.view(entry["shape"]).clone()
    return tensors
