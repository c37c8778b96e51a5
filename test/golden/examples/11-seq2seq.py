"""Writes 11-seq2seq.json: the first losses of both models in PyTorch 2.13, from the same seed and batches, and the pattern of one word.
Run: python 11-seq2seq.py  (needs torch)
"""
import json
import math
import pathlib
from collections import Counter

import torch
from originals.seq2seq import Bahdanau, Encoder, Luong, B, S, T
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

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


def learning_rate(step):
    return 3e-3 * (1 + math.cos(math.pi * step / STEPS)) / 2


def run(decoder_class):
    torch.manual_seed(1)
    encoder, decoder = Encoder(), decoder_class(len(phonemes))
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
        if decoder_class is Bahdanau:
            pattern = torch.stack(pattern, 1)
    return {"losses": losses, "pattern": pattern[0, : len(word), :9].tolist()}


result = {"Bahdanau": run(Bahdanau), "Luong": run(Luong)}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(result) + "\n")
