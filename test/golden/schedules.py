# The learning rates of torch's schedulers, warm-up first, and of the 2017 Transformer by LambdaLR; writes schedules.json beside it. Needs torch.
import json, os, torch
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, SequentialLR

STEPS = 25


def rates(kind, rate, warmup, lowest=0.0):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    left = STEPS - warmup
    after = {
        "constant": lambda: ConstantLR(optimizer, factor=1.0),
        "linear": lambda: LinearLR(optimizer, start_factor=1.0, end_factor=lowest / rate, total_iters=left),
        "cosine": lambda: CosineAnnealingLR(optimizer, T_max=left, eta_min=lowest),
    }
    if warmup:
        rise = LinearLR(optimizer, start_factor=1 / (warmup + 1), total_iters=warmup)
        scheduler = SequentialLR(optimizer, [rise, after[kind]()], milestones=[warmup])
    else:
        scheduler = after[kind]()
    result = []
    for _ in range(STEPS):
        result.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return result


def noam(width, warmup, factor):
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=factor, betas=(0.9, 0.98), eps=1e-9)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: width**-0.5 * min((step + 1) ** -0.5, (step + 1) * warmup**-1.5)
    )
    result = []
    for _ in range(STEPS):
        result.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return {"modelWidth": width, "warmup": warmup, "factor": factor, "rates": result}


cases = [
    {"kind": kind, "learningRate": rate, "warmup": warmup, "lowest": lowest, "rates": rates(kind, rate, warmup, lowest)}
    for kind, rate, warmup, lowest in [
        ("constant", 0.1, 0, 0.0),
        ("constant", 0.1, 4, 0.0),
        ("linear", 1e-3, 0, 0.0),
        ("linear", 1e-3, 5, 1e-4),
        ("cosine", 6e-4, 0, 0.0),
        ("cosine", 6e-4, 10, 6e-5),
    ]
]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "schedules.json"), "w") as f:
    json.dump({"torch": torch.__version__, "steps": STEPS, "cases": cases, "noam": [noam(512, 4000, 1.0), noam(128, 8, 2.0)]}, f, indent=0)
    f.write("\n")
