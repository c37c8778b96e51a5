"""Makes recurrent.json: torch.nn.RNN, LSTM, GRU and their cells, with all options and all gradients.

pip install torch==2.13.0 numpy; python test/golden/recurrent.py
Arrays are float32 bytes in base64. Modules come from seed 5, inputs and states from seed 6, dropout from seed 7.
"""

import json
import pathlib

import torch
from packed import pack
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def states_of(kind, state):
    return list(state) if kind == "LSTM" or kind == "LSTMCell" else [state]


def gradients(module, loss, leaves):
    loss.backward()
    found = {name: pack(p.grad) for name, p in module.named_parameters()}
    return found | {f"input {i}": pack(x.grad) for i, x in enumerate(leaves)}


def run(kind, sizes, options=None, *, state=False, lengths=None, batched=True, only=None):
    """`only`: what the loss is made of, "output" or "state"; both unless given."""
    T, B, I, H = sizes
    options = dict(options or {})
    torch.manual_seed(5)
    module = getattr(nn, kind)(I, H, **options)
    directions = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    torch.manual_seed(6)
    shape = [T, I] if not batched else [B, T, I] if options.get("batch_first") else [T, B, I]
    x = torch.randn(*shape).requires_grad_()
    count = 2 if kind == "LSTM" else 1
    states = [torch.randn(directions, *([B] if batched else []), H).requires_grad_() for _ in range(count)] if state else []
    given = (tuple(states) if kind == "LSTM" else states[0]) if state else None
    torch.manual_seed(7)
    if lengths:
        first = options.get("batch_first", False)
        packed, last = module(pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False), given)
        output, _ = pad_packed_sequence(packed, batch_first=first, total_length=T)
    else:
        output, last = module(x, given)
    last = states_of(kind, last)
    loss = sum(s.square().sum() * 3 for s in last) if only != "output" else 0
    if only != "state":
        loss = loss + output.square().sum()
    result = {"output": pack(output), "state": [pack(s) for s in last], "gradients": gradients(module, loss, [x, *states])}
    call = {"given": state, "lengths": lengths, "batched": batched, "only": only}
    return {"kind": kind, "sizes": sizes, "options": options, **call, **result}


def cell(kind, sizes, options=None, *, state=True, batched=True):
    T, B, I, H = sizes
    torch.manual_seed(5)
    module = getattr(nn, kind)(I, H, **(options or {}))
    torch.manual_seed(6)
    batch = [B] if batched else []
    x = torch.randn(T, *batch, I).requires_grad_()
    states = [torch.randn(*batch, H).requires_grad_() for _ in range(2 if kind == "LSTMCell" else 1)] if state else []
    last = (tuple(states) if kind == "LSTMCell" else states[0]) if state else None
    outputs = []
    for t in range(T):
        last = module(x[t], last)
        outputs.append(states_of(kind, last)[0])
    output = torch.stack(outputs)
    last = states_of(kind, last)
    loss = output.square().sum() + sum(s.square().sum() * 3 for s in last)
    result = {"output": pack(output), "state": [pack(s) for s in last], "gradients": gradients(module, loss, [x, *states])}
    return {"kind": kind, "sizes": sizes, "options": options or {}, "given": state, "batched": batched, **result}


layers, cells = {}, {}
for kind, options in [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {}), ("GRU", {})]:
    name = kind + "".join(options.values())
    both = {"bidirectional": True}
    layers[f"{name} plain"] = run(kind, [3, 2, 3, 4], options)
    layers[f"{name} odd"] = run(kind, [5, 3, 7, 17], options, state=True)
    layers[f"{name} one row"] = run(kind, [6, 1, 5, 9], options, state=True, only="output")
    layers[f"{name} one step"] = run(kind, [1, 3, 5, 9], options, state=True)
    layers[f"{name} no bias"] = run(kind, [4, 2, 3, 5], {**options, "bias": False}, state=True, only="state")
    layers[f"{name} batch first"] = run(kind, [4, 3, 5, 6], {**options, "batch_first": True}, state=True)
    layers[f"{name} deep"] = run(kind, [4, 2, 3, 5], {**options, "num_layers": 3}, state=True)
    layers[f"{name} both ways"] = run(kind, [4, 3, 5, 6], {**options, **both}, state=True)
    layers[f"{name} deep both ways"] = run(kind, [4, 3, 5, 6], {**options, **both, "num_layers": 2, "batch_first": True})
    layers[f"{name} unbatched"] = run(kind, [4, 1, 3, 5], {**options, **both}, state=True, batched=False)
    layers[f"{name} unbatched first"] = run(kind, [4, 1, 3, 5], {**options, "batch_first": True}, batched=False)
    layers[f"{name} dropout"] = run(kind, [4, 2, 3, 8], {**options, "num_layers": 2, "dropout": 0.5})
    layers[f"{name} dropout first"] = run(kind, [4, 2, 3, 8], {**options, "num_layers": 2, "dropout": 0.3, "batch_first": True})
    layers[f"{name} lengths"] = run(kind, [5, 4, 3, 6], options, lengths=[3, 5, 1, 4], state=True)
    layers[f"{name} lengths both ways"] = run(
        kind, [5, 4, 3, 6], {**options, **both, "num_layers": 2, "batch_first": True}, lengths=[2, 5, 5, 1], state=True
    )
    layers[f"{name} lengths state"] = run(kind, [5, 3, 3, 6], {**options, **both}, lengths=[2, 3, 4], only="state")
for kind, options in [("RNNCell", {}), ("RNNCell", {"nonlinearity": "relu"}), ("LSTMCell", {}), ("GRUCell", {})]:
    name = kind + "".join(options.values())
    cells[f"{name}"] = cell(kind, [3, 2, 5, 7], options)
    cells[f"{name} from zeros"] = cell(kind, [2, 3, 4, 5], options, state=False)
    cells[f"{name} unbatched"] = cell(kind, [2, 1, 4, 5], {**options, "bias": False}, batched=False)

initial = {}
for kind in ["RNN", "LSTM", "GRU"]:
    torch.manual_seed(123)
    module = getattr(nn, kind)(3, 5, num_layers=2, bidirectional=True)
    initial[kind] = {name: pack(p) for name, p in module.state_dict().items()}
for kind in ["RNNCell", "LSTMCell", "GRUCell"]:
    torch.manual_seed(123)
    initial[kind] = {name: pack(p) for name, p in getattr(nn, kind)(3, 5).state_dict().items()}

# A training: four steps of SGD on a sequence that has to be repeated.
torch.manual_seed(9)
lstm, head = nn.LSTM(4, 12, num_layers=2, batch_first=True), nn.Linear(12, 4)
x = torch.randn(3, 7, 4)
optimizer = torch.optim.SGD([*lstm.parameters(), *head.parameters()], lr=0.5, momentum=0.9)
losses = []
for _ in range(6):
    optimizer.zero_grad()
    loss = (head(lstm(x)[0]) - x).square().mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

printed = [
    str(nn.LSTM(3, 4, 2, bidirectional=True, dropout=0.5, batch_first=True)),
    str(nn.RNN(3, 4, bias=False, nonlinearity="relu")),
    str(nn.GRU(3, 4)),
    str(nn.RNNCell(3, 4, nonlinearity="relu")),
    str(nn.LSTMCell(3, 4, bias=False)),
    str(nn.GRUCell(3, 4)),
]

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"layers": layers, "cells": cells, "initial": initial, "losses": losses, "printed": printed}) + "\n")
