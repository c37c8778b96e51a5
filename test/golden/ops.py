"""Values and gradients of every case of test/ops, computed by torch on the same numbers: writes ops.json beside this file.

The table of cases is the one the tests use, printed by test/ops/print-cases.ts (build first: npm run build).
Usage, from the repository's root: python test/golden/ops.py [what print-cases.ts printed]
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MOST_VALUES = 48
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "i32": torch.int64, "bool": torch.bool}
NAMES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16", torch.int64: "i32", torch.int32: "i32", torch.bool: "bool"}


class Lcg:
    """As in test/support/inputs.ts."""

    def __init__(self, seed):
        self.state = seed & 0xFFFFFFFF
        self.uniform()

    def uniform(self):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) / 2**24


def kinds(special):
    n = len(special)
    return {
        "plain": lambda g, i, count: 4 * g.uniform() - 2,
        "positive": lambda g, i, count: 0.1 + 3 * g.uniform(),
        "unit": lambda g, i, count: 1.9 * g.uniform() - 0.95,
        "wide": lambda g, i, count: 200 * g.uniform() - 100,
        "special": lambda g, i, count: special[i % n],
        "pairs": lambda g, i, count: special[i // n % n],
        "whole": lambda g, i, count: math.floor(11 * g.uniform()) - 5,
        "digits": lambda g, i, count: math.floor(9 * g.uniform()) + 1,
        "index": lambda g, i, count: math.floor(5 * g.uniform()),
        "distinct": lambda g, i, count: (i * 7919 + 3) % count - count / 2,
        "masked": lambda g, i, count: -math.inf if i // 5 % 3 == 1 else 4 * g.uniform() - 2,
        "zero": lambda g, i, count: 0,
    }


def numbers(spec, special):
    g = Lcg(spec["seed"])
    draw = kinds(special)[spec["kind"]]
    count = math.prod(spec["shape"])
    values = [draw(g, i, count) for i in range(count)]
    if spec["dtype"] == "bool":
        values = [v > 0 for v in values]
    elif spec["dtype"] == "i32":
        values = [math.floor(v) for v in values]
    else:
        values = np.array(values, dtype=np.float64).astype(np.float32)
    return torch.tensor(values, dtype=torch.float32 if DTYPES[spec["dtype"]].is_floating_point else DTYPES[spec["dtype"]]).to(
        DTYPES[spec["dtype"]]
    ).reshape(spec["shape"])


def functional(shape, seed):
    g = Lcg(seed)
    return torch.tensor([2 * g.uniform() - 1 for _ in range(math.prod(shape))], dtype=torch.float32).reshape(shape)


def causal(t, s):
    return torch.full((t, s), -math.inf).triu(s - t + 1)


def rounded(x):
    flat = x.detach().reshape(-1)
    n = flat.numel()
    at = range(n) if n <= MOST_VALUES else [i * n // MOST_VALUES for i in range(MOST_VALUES)]
    values = [float(flat[i]) for i in at]
    return [float(f"{v:.9g}") if math.isfinite(v) else str(v) for v in values]


def described(x):
    return f"{NAMES[x.dtype]}[{','.join(map(str, x.shape))}]"


def run(case, special):
    inputs = [numbers(spec, special) for spec in case["inputs"]]
    floats = [x for x in inputs if x.is_floating_point()] if case["gradient"] else []
    for x in floats:
        x.requires_grad_()
    names = dict(zip("abcd", inputs), torch=torch, F=F, M=causal)
    result = eval(case["torch"], names)  # the table's own expressions
    results = [result] if isinstance(result, torch.Tensor) else list(result)
    golden = {"results": [{"type": described(r), "values": rounded(r)} for r in results]}
    terms = [(r * functional(r.shape, i + 1).to(r.dtype)).sum() for i, r in enumerate(results) if r.requires_grad]
    if terms:
        gradients = torch.autograd.grad(sum(terms), floats, allow_unused=True)
        golden["gradients"] = [rounded(torch.zeros_like(x) if g is None else g) for x, g in zip(floats, gradients)]
    return golden


def compact(x):
    """Whole numbers without a point."""
    if isinstance(x, list):
        return [compact(v) for v in x]
    if isinstance(x, dict):
        return {k: compact(v) for k, v in x.items()}
    return int(x) if isinstance(x, float) and x == math.floor(x) and abs(x) < 1e9 else x


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    command = ["node", "--no-warnings", "--import", "./scripts/run-typescript.mjs", "test/ops/print-cases.ts"]
    printed = Path(sys.argv[1]).read_text() if len(sys.argv) > 1 else subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    table = json.loads(printed)
    special = [float(x) for x in table["special"]]
    goldens, wrong = {}, []
    for case in table["cases"]:
        try:
            goldens[case["id"]] = run(case, special)
        except Exception as error:
            wrong.append(f"{case['id']}: {error}")
    if wrong:
        raise SystemExit("\n".join(wrong))
    lines = [f"{json.dumps(k)}: {json.dumps(compact(v), separators=(',', ':'))}" for k, v in goldens.items()]
    text = f'{{\n"torch": "{torch.__version__}",\n"cases": {{\n' + ",\n".join(lines) + "\n}\n}\n"
    (HERE / "ops.json").write_text(text)
    print(f"{len(goldens)} cases, {len(text) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
