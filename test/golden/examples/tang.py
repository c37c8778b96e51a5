"""The couplets of data/tang-poems.txt as examples/lib/tang-couplets.ts reads them, for the goldens of the examples that train on them."""

import math
import pathlib

import torch
from torch.utils.data import DataLoader

TEXT = pathlib.Path(__file__).parents[3] / "data" / "tang-poems.txt"

poems = [poem.split("\n")[2:] for poem in TEXT.read_text(encoding="utf-8").rstrip().split("\n\n")]
poems = [couplets for couplets in poems if all(len(couplet) == 12 for couplet in couplets)]
tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted({c for couplets in poems for couplet in couplets for c in couplet})]
index = {token: i for i, token in enumerate(tokens)}


def encode(first, second):
    return [2, *(index[c] for c in first), 3, *(index[c] for c in second), 3]


def pairs(couplets):
    return [encode(a, b) for a, b in zip(couplets, couplets[1:])]


train = torch.tensor([ids for i, couplets in enumerate(poems) if i % 100 != 99 for ids in pairs(couplets)])
held_out = torch.tensor([ids for i, couplets in enumerate(poems) if i % 100 == 99 for ids in pairs(couplets)])
token_types = torch.tensor([0] * 14 + [1] * 13)


def batches(size, drop_last=False):
    return DataLoader(train, batch_size=size, shuffle=True, drop_last=drop_last)


def rate(step, steps, peak, warmup):
    """Straight up over `warmup` steps, then down along half a cosine."""
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    return peak * (1 + math.cos(math.pi * min(1, (step - warmup) / (steps - warmup)))) / 2
