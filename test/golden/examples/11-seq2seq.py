"""Writes 11-seq2seq.json: the first losses of both models in PyTorch 2.13, from the same seed and batches, and the pattern of one word.
Run: python 11-seq2seq.py  (needs torch)
"""
import json
import math
import pathlib
from collections import Counter

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.data import DataLoader, TensorDataset

B, E, C, S, T = 64, 64, 128, 9, 10
STEPS = 5

lines = (pathlib.Path(__file__).parents[3] / "data" / "cmudict.txt").read_text().split("\n")[:-1]
entries = [line.split(" ") for line in lines]
known = [entry for i, entry in enumerate(entries) if i % 20 != 10]
counts = Counter(phoneme for entry in entries for phoneme in entry[1:])
phonemes = ["<pad>", "<begin>", "<end>"] + sorted(counts, key=lambda p: (-counts[p], p))
ids = {phoneme: i for i, phoneme in enumerate(phonemes)}


def spelled(words):
    rows = [[ord(c) - ord("a") + 1 for c in word] + [0] * (S - len(word)) for word in words]
    return torch.tensor(rows), torch.tensor([len(word) for word in words])


def spoken(lists):
    return torch.tensor([[1] + [ids[p] for p in p_list] + [2] + [0] * (T - len(p_list)) for p_list in lists])


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
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(phonemes), E)
        self.query = nn.Linear(C, C, bias=False)
        self.key = nn.Linear(C, C, bias=False)
        self.score = nn.Linear(C, 1, bias=False)
        self.cell = nn.GRUCell(E + C, C)
        self.combine = nn.Linear(E + 2 * C, C)
        self.output = nn.Linear(C, len(phonemes))

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
        return self.output(torch.tanh(self.combine(torch.stack(hidden, 1)))), torch.stack(patterns, 1)


class Luong(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(phonemes), E)
        self.gru = nn.GRU(E, C, batch_first=True)
        self.project = nn.Linear(C, C, bias=False)
        self.combine = nn.Linear(2 * C, C)
        self.output = nn.Linear(C, len(phonemes))

    def forward(self, target, state, memory, keep):
        states, _ = self.gru(self.embedding(target), state[None])
        scores = states @ self.project(memory).transpose(1, 2)
        pattern = scores.masked_fill(~keep[:, None], -math.inf).softmax(-1)
        return self.output(torch.tanh(self.combine(torch.cat((pattern @ memory, states), -1)))), pattern


def learning_rate(step):
    return 3e-3 * (1 + math.cos(math.pi * step / STEPS)) / 2


def run(decoder_class):
    torch.manual_seed(1)
    encoder, decoder = Encoder(), decoder_class()
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])

    def forward(source, lengths, target):
        memory, state = encoder(source, lengths)
        return decoder(target, state, memory, torch.arange(S) < lengths[:, None])

    words = TensorDataset(*spelled([entry[0] for entry in known]), spoken([entry[1:] for entry in known]))
    losses = []
    for source, lengths, target in DataLoader(words, batch_size=B, shuffle=True, drop_last=True):
        if len(losses) == STEPS:
            break
        optimizer.param_groups[0]["lr"] = learning_rate(len(losses))
        logits, _ = forward(source, lengths, target[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, len(phonemes)), target[:, 1:].reshape(-1), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        word = next(entry for entry in entries if entry[0] == "physicist")
        _, pattern = forward(*spelled(["physicist"]), spoken([word[1:]]))
    return {"losses": losses, "pattern": pattern[0, : len(word), :9].tolist()}


result = {"Bahdanau": run(Bahdanau), "Luong": run(Luong)}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(result) + "\n")
