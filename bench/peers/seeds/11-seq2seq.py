"""From letters to sounds: a recurrent encoder with Bahdanau's decoder and with Luong's, forward and in training."""

import torch
from originals.seq2seq import Bahdanau, Encoder, Luong, B, S, T
from torch.nn import functional as F

LETTERS, PHONEMES = 27, 42


def draw(make):
    torch.manual_seed(1)
    encoder, decoder = Encoder(), make(PHONEMES)
    lengths = torch.randint(3, S + 1, (B,))
    source = torch.randint(1, LETTERS, (B, S)) * (torch.arange(S) < lengths[:, None])
    target = torch.randint(1, PHONEMES, (B, T + 1)) * (torch.arange(T + 1) < lengths[:, None] + 2)

    def logits():
        memory, state = encoder(source, lengths)
        return decoder(target[:, :-1], state, memory, torch.arange(S) < lengths[:, None])[0]

    return [*encoder.parameters(), *decoder.parameters()], target, logits


def training(make):
    parameters, target, logits = draw(make)
    optimizer = torch.optim.Adam(parameters, lr=1e-3)

    def step():
        loss = F.cross_entropy(logits().flatten(0, 1), target[:, 1:].flatten(), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def forwardBahdanau():
    return draw(Bahdanau)[2]


def forwardLuong():
    return draw(Luong)[2]


def trainingBahdanau():
    return training(Bahdanau)


def trainingLuong():
    return training(Luong)
