"""From letters to sounds: a recurrent encoder with Bahdanau's decoder and with Luong's, forward and in training."""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

B, S, T, E, C = 64, 9, 10, 64, 128
LETTERS, PHONEMES = 27, 42


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(LETTERS, E)
        self.gru = nn.GRU(E, C // 2, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(C, C)

    def forward(self, source, lengths):
        packed = pack_padded_sequence(self.embedding(source), lengths, batch_first=True, enforce_sorted=False)
        memory, last = self.gru(packed)
        memory, _ = pad_packed_sequence(memory, batch_first=True, total_length=S)
        return memory, torch.tanh(self.bridge(torch.cat((last[0], last[1]), 1)))


class Bahdanau(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(PHONEMES, E)
        self.query = nn.Linear(C, C, bias=False)
        self.key = nn.Linear(C, C, bias=False)
        self.score = nn.Linear(C, 1, bias=False)
        self.cell = nn.GRUCell(E + C, C)
        self.combine = nn.Linear(E + 2 * C, C)
        self.output = nn.Linear(C, PHONEMES)

    def forward(self, target, state, memory, keep):
        key = self.key(memory)
        hidden = []
        for embedded in self.embedding(target).unbind(1):
            scores = self.score(torch.tanh(self.query(state)[:, None] + key)).squeeze(-1)
            pattern = scores.masked_fill(~keep, -math.inf).softmax(-1)
            mixed = (pattern[:, None] @ memory).squeeze(1)
            entry = torch.cat((embedded, mixed), 1)
            state = self.cell(entry, state)
            hidden.append(torch.cat((state, entry), 1))
        return self.output(torch.tanh(self.combine(torch.stack(hidden, 1))))


class Luong(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(PHONEMES, E)
        self.gru = nn.GRU(E, C, batch_first=True)
        self.project = nn.Linear(C, C, bias=False)
        self.combine = nn.Linear(2 * C, C)
        self.output = nn.Linear(C, PHONEMES)

    def forward(self, target, state, memory, keep):
        states, _ = self.gru(self.embedding(target), state[None])
        scores = states @ self.project(memory).transpose(1, 2)
        pattern = scores.masked_fill(~keep[:, None], -math.inf).softmax(-1)
        return self.output(torch.tanh(self.combine(torch.cat((pattern @ memory, states), -1))))


def draw(make):
    torch.manual_seed(1)
    encoder, decoder = Encoder(), make()
    lengths = torch.randint(3, S + 1, (B,))
    source = torch.randint(1, LETTERS, (B, S)) * (torch.arange(S) < lengths[:, None])
    target = torch.randint(1, PHONEMES, (B, T + 1)) * (torch.arange(T + 1) < lengths[:, None] + 2)

    def logits():
        memory, state = encoder(source, lengths)
        return decoder(target[:, :-1], state, memory, torch.arange(S) < lengths[:, None])

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
