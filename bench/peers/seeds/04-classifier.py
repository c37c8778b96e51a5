"""The classifier of sentences: its answer with the pattern, and a step of training."""

import math

import torch
from torch import nn
from torch.nn import functional as F

B, T, C, H, V = 64, 30, 512, 16, 5000


class MultiHeadAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = nn.Linear(C, C), nn.Linear(C, C), nn.Linear(C, C)

    def forward(self, x, padding):
        q, k, v = (w(x).view(B, T, H, C // H).transpose(1, 2) for w in (self.query, self.key, self.value))
        scores = q @ k.transpose(-2, -1) / math.sqrt(C // H)
        pattern = scores.masked_fill(padding.view(B, 1, 1, T), -torch.inf).softmax(-1)
        return pattern, (pattern @ v).transpose(1, 2).reshape(B, T, C)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.attention, self.output = nn.Embedding(V, C), MultiHeadAttention(), nn.Linear(C, 2)

    def forward(self, ids):
        padding = ids == 0
        pattern, mixed = self.attention(self.embedding(ids), padding)
        words = (~padding).sum(1, keepdim=True)
        pooled = mixed.masked_fill(padding.unsqueeze(-1), 0).sum(1) / words
        return self.output(pooled), pattern


def draw():
    torch.manual_seed(123)
    model = Classifier()
    ids = torch.randint(1, V, (B, T)) * (torch.arange(T) < torch.randint(10, T + 1, (B, 1)))
    return model, ids, torch.randint(0, 2, (B,))


def forward():
    model, ids, _ = draw()
    return lambda: model(ids)


def training():
    model, ids, labels = draw()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step():
        loss = F.cross_entropy(model(ids)[0], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step
