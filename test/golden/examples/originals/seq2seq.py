"""The models of examples/11-seq2seq.ts: a recurrent encoder, Bahdanau's decoder and Luong's."""

import math

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

B, E, C, S, T = 64, 64, 128, 9, 10


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(27, E)
        self.gru = nn.GRU(E, C // 2, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(C, C)

    def forward(self, source, lengths):
        packed = pack_padded_sequence(self.embedding(source), lengths, batch_first=True, enforce_sorted=False)
        memory, last = self.gru(packed)
        memory, _ = pad_packed_sequence(memory, batch_first=True, total_length=S)
        return memory, torch.tanh(self.bridge(torch.cat((last[0], last[1]), 1)))


class Bahdanau(nn.Module):
    """Gives logits [B,T,V], and a list of the patterns [B,S] of each step: stacking them is left to whoever looks."""

    def __init__(self, phonemes):
        super().__init__()
        self.embedding = nn.Embedding(phonemes, E)
        self.query = nn.Linear(C, C, bias=False)
        self.key = nn.Linear(C, C, bias=False)
        self.score = nn.Linear(C, 1, bias=False)
        self.cell = nn.GRUCell(E + C, C)
        self.combine = nn.Linear(E + 2 * C, C)
        self.output = nn.Linear(C, phonemes)

    def forward(self, target, state, memory, keep):
        key = self.key(memory)
        hidden, patterns = [], []
        for embedded in self.embedding(target).unbind(1):
            scores = self.score(torch.tanh(self.query(state)[:, None] + key)).squeeze(-1)
            pattern = scores.masked_fill(~keep, -math.inf).softmax(-1)
            mixed = (pattern[:, None] @ memory).squeeze(1)
            entry = torch.cat((embedded, mixed), 1)
            state = self.cell(entry, state)
            hidden.append(torch.cat((state, entry), 1))
            patterns.append(pattern)
        return self.output(torch.tanh(self.combine(torch.stack(hidden, 1)))), patterns


class Luong(nn.Module):
    """Gives logits [B,T,V], and the pattern [B,T,S]."""

    def __init__(self, phonemes):
        super().__init__()
        self.embedding = nn.Embedding(phonemes, E)
        self.gru = nn.GRU(E, C, batch_first=True)
        self.project = nn.Linear(C, C, bias=False)
        self.combine = nn.Linear(2 * C, C)
        self.output = nn.Linear(C, phonemes)

    def forward(self, target, state, memory, keep):
        states, _ = self.gru(self.embedding(target), state[None])
        scores = states @ self.project(memory).transpose(1, 2)
        pattern = scores.masked_fill(~keep[:, None], -math.inf).softmax(-1)
        return self.output(torch.tanh(self.combine(torch.cat((pattern @ memory, states), -1)))), pattern
