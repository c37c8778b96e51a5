"""The Transformer that translates: its logits, and a step of training."""

import torch
from originals.transformer import Transformer
from torch.nn import functional as F

B, S, T = 64, 16, 16
SOURCE, TARGET = 1966, 1078


def draw():
    torch.manual_seed(1)
    model = Transformer(SOURCE, TARGET)

    def sentences(vocabulary, length):
        ids = torch.randint(1, vocabulary, (B, length))
        return ids * (torch.arange(length) < torch.randint(8, length + 1, (B, 1)))

    return model, sentences(SOURCE, S), sentences(TARGET, T + 1)


def forward():
    model, source, target = draw()
    return lambda: model(source, target[:, :-1])


def training():
    model, source, target = draw()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9)

    def step():
        logits = model(source, target[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=0, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step
