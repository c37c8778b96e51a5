"""Writes pad_sequence.json: what torch 2.13's pad_sequence makes of sequences of counting numbers, and its gradient. Run: python pad_sequence.py

A case is the shapes, the dtype, the options, the shape and the numbers of the result, and for floats the gradients of sum(result * (0, 1, 2, ...)).
Sequence i counts from 100 i + 1.
"""
import json
import math
import pathlib

import torch
from torch.nn.utils.rnn import pad_sequence

SHAPES = [
    [[3]],
    [[3], [1], [4]],
    [[2], [0], [3]],
    [[0], [0]],
    [[2, 3], [4, 3], [1, 3]],
    [[1, 2, 2], [3, 2, 2]],
    [[2, 0], [1, 0]],
]
DTYPES = {"i32": torch.int32, "f32": torch.float32, "bool": torch.bool}
OPTIONS = [
    {},
    {"batchFirst": True},
    {"batchFirst": True, "paddingSide": "left"},
    {"paddingValue": -7, "paddingSide": "left"},
    {"batchFirst": True, "paddingValue": 1},
]
PYTHON = {"batchFirst": "batch_first", "paddingValue": "padding_value", "paddingSide": "padding_side"}

cases = []
for shapes in SHAPES:
    for name, dtype in DTYPES.items():
        for options in OPTIONS:
            sequences = [
                (torch.arange(math.prod(shape)).reshape(shape) + 100 * i + 1).to(dtype) for i, shape in enumerate(shapes)
            ]
            if dtype is torch.float32:
                for x in sequences:
                    x.requires_grad_()
            out = pad_sequence(sequences, **{PYTHON[k]: v for k, v in options.items()})
            case = {"shapes": shapes, "dtype": name, "options": options, "shape": list(out.shape), "values": out.int().reshape(-1).tolist()}
            if dtype is torch.float32:
                (out * torch.arange(out.numel()).reshape(out.shape)).sum().backward()
                case["gradients"] = [x.grad.int().reshape(-1).tolist() for x in sequences]
            cases.append(case)

text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n"
pathlib.Path(__file__).with_name("pad_sequence.json").write_text(text)
print(len(cases), "cases", len(text), "bytes")
