"""Writes data_loader.json: the orders of torch 2.13's DataLoader and random_split, and where the generators stand afterwards. Run: python data_loader.py

A case walks several times through a loader over 0, 1, ..., n-1. Before each epoch stands rand(3) from the default generator; `stop` is the number of
batches after which an epoch is broken off. Of long orders the first eight samples and a digest are kept: SHA-256 of the int32 numbers, 16 hex digits.
`word` is what randint(2**28 - 1) draws from the default generator at the end, and `own` from the generator given.
"""
import hashlib
import json
import pathlib

import numpy as np
import torch
from torch.utils.data import DataLoader, random_split


def order(samples):
    digest = hashlib.sha256(np.array(samples, dtype=np.int32).tobytes()).hexdigest()[:16]
    return [len(samples), samples[:8], digest]


def word(generator=None):
    return torch.randint(2**28 - 1, (1,), generator=generator).item()


def loading(size, options, stop=None, epochs=3):
    torch.manual_seed(123)
    python = {"batch_size": options["batchSize"], "shuffle": options["shuffle"], "drop_last": options["dropLast"]}
    generator = torch.Generator().manual_seed(options["seed"]) if "seed" in options else None
    loader = DataLoader(range(size), **python, generator=generator)
    seen = []
    for _ in range(epochs):
        drawn = torch.rand(3).tolist()
        batches = []
        for batch in loader:
            batches.append(batch.tolist())
            if len(batches) == stop:
                break
        flat = [i for batch in batches for i in batch]
        seen.append({"drawn": drawn, "sizes": sorted({len(batch) for batch in batches}), "order": order(flat)})
    case = {"size": size, "options": options, "stop": stop, "length": len(loader), "epochs": seen, "word": word()}
    return case if generator is None else {**case, "own": word(generator)}


def splitting(size, lengths, seed):
    torch.manual_seed(9)
    generator = {} if seed is None else {"generator": torch.Generator().manual_seed(seed)}
    parts = random_split(range(size), lengths, **generator)
    return {"size": size, "lengths": lengths, "seed": seed, "parts": [order(list(p.indices)) for p in parts], "word": word()}


loaders = []
for size in [1, 5, 17, 1000]:
    for batch in [1, 4, 5] if size < 1000 else [32]:
        for shuffle in [True, False]:
            for drop in [True, False]:
                options = {"batchSize": batch, "shuffle": shuffle, "dropLast": drop}
                loaders.append(loading(size, options))
                loaders.append(loading(size, {**options, "seed": 2024}))
for stop in [1, 2, 4]:
    loaders.append(loading(17, {"batchSize": 5, "shuffle": True, "dropLast": False}, stop))
    loaders.append(loading(17, {"batchSize": 5, "shuffle": True, "dropLast": False, "seed": 7}, stop))

splits = [
    splitting(size, lengths, seed)
    for size, lengths in [(10, [3, 7]), (10, [10, 0]), (30, [0.3, 0.3, 0.4]), (17, [0.5, 0.5]), (1000, [0.9, 0.1]), (23, [0.1] * 10), (11, [1])]
    for seed in [None, 42]
]

rows = lambda cases: ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
text = '{"loaders":[\n' + rows(loaders) + '\n],"splits":[\n' + rows(splits) + "\n]}\n"
pathlib.Path(__file__).with_name("data_loader.json").write_text(text)
print(len(loaders), "loaders", len(splits), "splits", len(text), "bytes")
