"""Writes random_numbers.json: what torch 2.13 (x86, AVX2) draws. Run: python random_numbers.py  (needs torch, numpy).
Not called random.py, which would stand in the way of Python's own module of that name.

A case is a seed and a list of steps, done one after another on the default generator. A step is [op, arguments..., result];
a result is the count, the first four values and the first 16 hex digits of the SHA-256 of all values, float32 or int32,
little endian; for "state" the digest alone.
"""
import hashlib
import json
import pathlib

import numpy as np
import torch

SIZES = [1, 5, 15, 16, 17, 31, 1000]
SEEDS = [0, 123, -1, 2**40 + 5]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def result(tensor):
    array = tensor.numpy().astype(np.float32 if tensor.is_floating_point() else np.int32).reshape(-1)
    return [array.size, array[:4].tolist(), sha(array.tobytes())]


def weights(rows, columns):
    """Positive float32 weights that JavaScript can make too, exactly: (i * 37 % 101 + 1) / 64."""
    return (((torch.arange(rows * columns) * 37) % 101 + 1) / 64).reshape(rows, columns)


saved = {}


def do(op, *a):
    if op == "rand":
        return result(torch.rand(a[0]))
    if op == "randn":
        return result(torch.randn(a[0]))
    if op == "normal":
        return result(torch.empty(a[0]).normal_(a[1], a[2]))
    if op == "normalHalf":  # both 16-bit types: float16 values here, the test rounds
        return result(torch.empty(a[0], dtype=torch.float16).normal_(a[1], a[2]).float())
    if op == "uniform":
        return result(torch.empty(a[0]).uniform_(a[1], a[2]))
    if op == "randint":
        return result(torch.randint(a[1], a[2], (a[0],)))
    if op == "randperm":
        return result(torch.randperm(a[0]))
    if op == "bernoulli":
        return result(torch.empty(a[0]).bernoulli_(a[1]))
    if op == "bernoulliTensor":
        return result(torch.bernoulli(torch.rand(a[0])))
    if op == "exponential":
        return result(torch.empty(a[0]).exponential_(a[1]))
    if op == "multinomial":
        return result(torch.multinomial(weights(a[0], a[1]), a[2], replacement=a[3]))
    if op == "randnOften":
        return result(torch.cat([torch.randn(a[0]) for _ in range(a[1])]))
    if op == "random63":
        return str(torch.empty((), dtype=torch.int64).random_().item())
    if op == "state":
        return sha(torch.get_rng_state().numpy().tobytes())
    if op == "save":
        saved[0] = torch.get_rng_state()
        return None
    if op == "restore":
        torch.set_rng_state(saved[0])
        return None
    raise ValueError(op)


def case(seed, *steps):
    torch.manual_seed(seed)
    return {"seed": str(seed), "initial": str(torch.initial_seed()), "steps": [[*step, do(*step)] for step in steps]}


def every_op(size):
    return [
        ("rand", size),
        ("randn", size),
        ("normal", size, 0.1, 0.02),
        ("normal", size, -3.5, 1.7),
        ("uniform", size, -0.1, 0.3),
        ("uniform", size, 2.0, 7.5),
        ("randint", size, 0, 10),
        ("randint", size, -5, 2**28 - 6),
        ("randint", size, -5, 2**28 - 5),
        ("randint", size, -(2**31), 2**31),
        ("randperm", size),
        ("bernoulli", size, 0.1),
        ("bernoulliTensor", size),
        ("exponential", size, 1.0),
        ("exponential", size, 2.5),
        ("multinomial", 1, size, 1, False),
        ("multinomial", 3, size, min(size, 4), False),
        ("multinomial", 2, size, 50, True),
        ("normalHalf", size, 0.0, 1.0),
        ("random63",),
        ("state",),
    ]


cases = [case(123, step) for size in SIZES for step in every_op(size)]  # each alone, and below all in a row
for seed in SEEDS:
    for size in SIZES:
        cases.append(case(seed, *every_op(size)))

chains = [
    [("randn", 5), ("randn", 3), ("state",), ("randn", 15), ("state",)],
    [("randn", 3), ("randn", 16), ("randn", 1), ("randn", 33), ("rand", 2), ("randn", 2), ("state",)],
    [("randn", 3), ("save",), ("randn", 2), ("rand", 700), ("restore",), ("state",), ("randn", 2), ("rand", 700)],
    [("rand", 624), ("save",), ("state",), ("rand", 1), ("state",), ("restore",), ("rand", 1), ("state",)],
    [("save",), ("state",), ("randperm", 10), ("restore",), ("randperm", 10)],
    [("randnOften", 7, 1000), ("exponential", 20000, 1.0)],
]
for seed in SEEDS:
    for chain in chains:
        cases.append(case(seed, *chain))
cases.append(case(2024, ("randn", 2**20), ("rand", 2**20), ("normal", 2**18 + 9, 0.3, 1.1), ("uniform", 2**18, -0.02, 0.07)))
cases.append(case(1, ("uniform", 20000, 30000.0, 30001.0), ("uniform", 3000, -1e5, -1e5 + 1), ("state",)))  # `to` by rounding: `from` instead

text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n"
pathlib.Path(__file__).with_name("random_numbers.json").write_text(text)
print(len(cases), "cases", len(text), "bytes")
