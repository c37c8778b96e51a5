"""Writes indexing.json: reading and writing by index in torch. Run: python indexing.py  (needs torch)

x is arange(numel) of `shape`, so results say which elements were taken. Gradients are those of sum(result * (1, 2, 3, ...)).
An index is a number, a slice as text, "...", null, an array of numbers or booleans, {"i32": nested} or {"bool": nested}.
"""
import json
import pathlib
import random

import torch

random.seed(7)
reads, writes = [], []


def python_index(i):
    if isinstance(i, str) and i != "...":
        return slice(*(int(p) if p.strip() else None for p in i.split(":")))
    if isinstance(i, dict):
        [(kind, values)] = i.items()
        return torch.tensor(values, dtype=torch.int64 if kind == "i32" else torch.bool)
    return ... if i == "..." else i


def flat(t):
    return [int(v) if v == int(v) else v for v in t.reshape(-1).tolist()]


def upstream(t):
    return torch.arange(1, t.numel() + 1, dtype=t.dtype).reshape(t.shape)


def start(shape):
    x = torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)
    return x.requires_grad_()


def read(shape, *index):
    x = start(shape)
    y = x[tuple(python_index(i) for i in index)]
    (y * upstream(y)).sum().backward()
    reads.append({"shape": shape, "index": index, "to": list(y.shape), "data": flat(y), "grad": flat(x.grad)})


def write(shape, index, value):
    x = start(shape)
    v = None if isinstance(value, (int, float)) else (torch.arange(torch.Size(value).numel(), dtype=torch.float32).reshape(value) + 100).requires_grad_()
    y = x.clone()
    y[tuple(python_index(i) for i in index)] = value if v is None else v
    (y * upstream(y)).sum().backward()
    case = {"shape": shape, "index": index, "value": value, "data": flat(y), "grad": flat(x.grad)}
    if v is not None:
        case["valueGrad"] = flat(v.grad)
    writes.append(case)


# --- numbers, slices, new axes: views
read([5])
read([5], 2)
read([5], -1)
read([3, 4], 1)
read([3, 4], 1, -2)
read([3, 4], ":", 0)
read([3, 4], "1:")
read([3, 4], ":-1", "::2")
read([3, 4], "-2:", "1:100")
read([3, 4], "2:1", ":")
read([3, 4], "-100:2", "1::3")
read([3, 4], None)
read([3, 4], ":", None, 1)
read([3, 4], "...", None)
read([2, 3, 4], "...", 0)
read([2, 3, 4], 0, "...", 1)
read([2, 3, 4], "...")
read([2, 3, 4], 1, ":", "...", "::3")
read([2, 3, 4], None, "...", None, "1:2", None)
read([0, 4], ":", 1)
read([])
read([], None)
read([], "...", None, None)

# --- one index tensor or array
read([5], [3, 0, 0, -1])
read([5], {"i32": [[3, 0], [0, -1]]})
read([5], [])
read([5], {"i32": 3})
read([3, 4], {"i32": -1})
read([3, 4], ":", {"i32": 2})
read([3, 4], [2, 0])
read([3, 4], ":", [2, 0, 2])
read([3, 4], "1:", [-1, 1])
read([3, 4, 2], 1, [2, 0, 0])
read([3, 4, 2], ":", [[1, 0], [3, 3]])
read([3, 4, 2], ":", None, [1, 0])
read([3, 4, 2], "::2", [1, 0], 1)
read([3, 4, 2], "...", {"i32": [1, 0, 1]})
read([3, 4, 2], {"i32": 1}, ":", {"i32": [0, 1]})

# --- several: neighbours, and separated
read([3, 4], [0, 1], [1, 2])
read([3, 4], {"i32": [[0], [2]]}, {"i32": [3, 1]})
read([3, 4], {"i32": [0, -1]}, {"i32": [-2, -4]})
read([3, 4, 2], ":", [0, 3], [1, 0])
read([3, 4, 2], [0, 2], [3, 0])
read([3, 4, 2], [0, 2], ":", [1, 0])
read([3, 4, 2], [0, 1, 2, 0, 1, 2], ":", [1, 0, 1, 1, 0, 0])
read([3, 4, 2], [0, 2], None, [1, 0])
read([3, 4, 2], [0, 2], 1, [1, 0])
read([3, 4, 2], [0, 2], "1:3", 1)
read([3, 4, 2], [[0], [2]], ":", [1, 0])
read([2, 3, 4, 2], 1, [0, 2], ":", [1, 0])
read([2, 3, 4, 2], [0, 1], "::2", [[3], [0]], "1:")
read([2, 3, 4, 2], ":", [0, 1], [2, 1], ":")
read([2, 3, 4, 2], [0, 1], ":", ":", [1, 1])
read([2, 3, 4, 2], [1], [0, 2], [3, 3], [0, 1])
read([2, 3, 4, 2], "...", [1, 3, 2], [0, 1, 1])
read([2, 3, 4, 2], None, [1, 0], "...", [0, 1], None)

# --- masks
read([5], {"bool": [True, False, True, True, False]})
read([3, 4], {"bool": [False, True, True]})
read([3, 4], [False, True, True])
read([3, 4], {"bool": [[True, False, False, True]] * 2 + [[False] * 4]})
read([3, 4], ":", {"bool": [True, False, False, True]})
read([3, 4], {"bool": [False, False, False]})
read([3, 4], {"bool": [True, False, True]}, [0, 3])
read([3, 4, 2], {"bool": [[True, False, False, True]] * 3}, 1)
read([3, 4, 2], 1, {"bool": [[True, False]] * 4})
read([3, 4, 2], {"bool": [True, False, True]}, ":", [1, 0])
read([3, 4, 2], {"bool": [True, False, True]}, "1:", None, {"bool": [True, False]})


def random_index(shape):
    index, size = [], random.choice([1, 2, 3])
    for n in shape:
        if random.random() < 0.15:
            index.append(None)
        kind = random.choice(["int", "slice", "slice", "pick", "pick", "whole"])
        if kind == "int":
            index.append(random.randrange(-n, n))
        elif kind == "slice":
            bound = lambda: random.choice(["", str(random.randrange(-n - 1, n + 2))])
            index.append(f"{bound()}:{bound()}" + random.choice(["", "", ":2", ":3"]))
        elif kind == "whole":
            index.append(":")
        else:
            values = [random.randrange(-n, n) for _ in range(size)]
            index.append(random.choice([values, {"i32": values}, {"i32": [values, values[::-1]]}, {"i32": [[v] for v in values]}, {"i32": values[:1]}]))
    while index and random.random() < 0.3:
        index.pop()
    if random.random() < 0.2:
        at = random.randrange(len(index) + 1)
        index = index[:at] + ["..."] + [i for i in index[at + 1:]]
    return index


while len(reads) < 150:
    shape = [random.randrange(1, 5) for _ in range(random.randrange(1, 5))]
    index = random_index(shape)
    try:
        if start(shape)[tuple(python_index(i) for i in index)].numel() > 64:
            continue
    except IndexError:
        continue  # sizes that do not broadcast
    read(shape, *index)

# --- writing
for value in (7, -1.5, [], [1], [4], [1, 4]):
    write([3, 4], [1], value)
write([5], [-1], 9)
write([5], ["1:4"], [3])
write([5], ["::2"], [3])
write([5], ["::2"], 0)
write([5], ["3:1"], 0)
write([3, 4], [], [3, 4])
write([3, 4], ["..."], [4])
write([3, 4], ["...", 1], [3])
write([3, 4], [":", "1:3"], [3, 2])
write([3, 4], [":", "1:3"], [3, 1])
write([3, 4], ["1:", "::3"], [2, 2])
write([3, 4], ["1:", -1], [2])
write([3, 4], [0, 0], [])
write([2, 3, 4], [1, ":", "1:3"], [3, 1])
write([2, 3, 4], [":", 2], [2, 1])
write([2, 3, 4], ["...", "1::2"], [3, 2])
write([2, 3, 4], ["1:", "...", 1], [1, 1, 3])
write([5], [{"bool": [True, False, True, True, False]}], 8)
write([3, 4], [{"bool": [[True, False, False, True]] * 3}], -3)
write([3, 4], [[True, False, True]], [4])
write([3, 4], [":", {"bool": [True, False, True, True]}], [3, 1])
write([3, 4], [{"bool": [True, False, True]}, "1:3"], [2])
write([5], [{"i32": 3}], [])
write([3, 4], [":", {"i32": -1}], [3])
write([5], [[4, 0, 2]], [3])
write([5], [[4, 0, -3]], 6)
write([5], [{"i32": [[4, 0], [2, 1]]}], [2, 2])
write([5], [{"i32": [[4, 0], [2, 1]]}], [2])
write([5], [[]], 6)
write([5], [[1]], [1])
write([3, 4], [[2, 0]], [2, 4])
write([3, 4], [[2, 0]], [2, 1])
write([3, 4], [[2, 0]], [4])
write([3, 4], [":", {"i32": [3, 1]}], [3, 2])
write([3, 4], ["1:", [3, 1]], [2, 2])
write([3, 4], [[0, 2], [3, 1]], [2])
write([3, 4], [{"i32": [[0], [-1]]}, {"i32": [3, 1]}], [2, 2])
write([2, 3, 4], [":", [0, 2], [3, 1]], [2, 2])
write([2, 3, 4], [[0, 1], [2, 1], "1:3"], [2, 2])
write([2, 3, 4], [[0, 1], [2, 1], -1], 5)

x = torch.tensor([[0.0, 2.0, 0.0], [float("nan"), 0.0, -1.0]])
nonzero = x.nonzero().tolist()
lines = [json.dumps(c, separators=(",", ":")) for c in reads], [json.dumps(c, separators=(",", ":")) for c in writes]
text = '{"reads":[\n%s\n],"writes":[\n%s\n],"nonzero":%s}\n' % (",\n".join(lines[0]), ",\n".join(lines[1]), json.dumps(nonzero))
pathlib.Path(__file__).with_suffix(".json").write_text(text)
