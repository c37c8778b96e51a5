# Ten steps of torch's optimizers on a small problem; writes optimizers.json beside it. Needs torch.
#   loss = sum(w * cos(a) * b) + 0.1 * sum(a^2), gradients of different sizes, one parameter without a gradient in some steps
import json, os, torch

SEED_A = [[0.5, -1.25, 2.0, 0.1], [-0.7, 0.3, 1e-3, -2.5], [3.0, -0.01, 0.9, 1.1]]
SEED_B = [0.2, -0.4, 1.5, -3.0]
W = [[1.0, -0.7, 0.5, 2.0], [0.001, 1.4, -1.0, 0.25], [0.6, 1.0, -0.125, 0.8]]

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "dampening": 0.3}),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1, "nesterov": True, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.99)}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "eps": 0.1}),
    ("Adam", {"lr": 0.01, "amsgrad": True}),
    ("Adam", {"lr": 0.01, "maximize": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1, "betas": (0.9, 0.99)}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.2, "amsgrad": True, "eps": 1e-4}),
    ("AdamW", {"lr": 0.01, "groups": True}),
    ("AdamW", {"lr": 0.01, "skip": True}),
    ("AdamW", {"lr": 0.01, "clip": 0.5}),
    ("SGD", {"lr": 0.05, "clip_value": 0.25}),
    ("AdamW", {"lr": 0.02, "schedule": True}),
    ("SGD", {"lr": 0.05, "clip": 0.5, "norm_type": 1}),
    ("SGD", {"lr": 0.05, "clip": 0.5, "norm_type": 3.5}),
    ("AdamW", {"lr": 0.01, "clip": 0.5, "norm_type": "Infinity"}),  # as text: JSON has no infinity
    ("AdamW", {"lr": 0.01, "add": True}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "add": True}),
]


def run(name, options):
    options = dict(options)
    groups, skip, clip = options.pop("groups", False), options.pop("skip", False), options.pop("clip", None)
    clip_value, schedule = options.pop("clip_value", None), options.pop("schedule", False)
    norm_type, add = float(options.pop("norm_type", 2.0)), options.pop("add", False)
    a = torch.tensor(SEED_A, requires_grad=True)
    b = torch.tensor(SEED_B, requires_grad=True)
    w = torch.tensor(W)
    params = [{"params": [a], "weight_decay": 0.3}, {"params": [b], "lr": 0.001, "weight_decay": 0.0}] if groups else [a] if add else [a, b]
    optimizer = getattr(torch.optim, name)(params, **options)
    norms, losses = [], []
    for step in range(10):
        if schedule:
            for group in optimizer.param_groups:
                group["lr"] = options["lr"] / (step + 1)
        if add and step == 4:
            optimizer.add_param_group({"params": [b], "lr": 0.004, "weight_decay": 0.3})
        used = b.detach() if skip and step in (0, 4, 5) or add and step < 4 else b
        loss = (w * torch.cos(a) * used).sum() + 0.1 * (a * a).sum()
        optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            norms.append(torch.nn.utils.clip_grad_norm_([a, b], clip, norm_type).item())
        if clip_value is not None:
            torch.nn.utils.clip_grad_value_([a, b], clip_value)
        optimizer.step()
        losses.append(loss.item())
    state = {
        str(i): {k: v.tolist() for k, v in optimizer.state[p].items() if isinstance(v, torch.Tensor)} for i, p in enumerate([a, b])
    }
    return {"name": name, "a": a.tolist(), "b": b.tolist(), "losses": losses, "norms": norms, "state": state}


def main():
    cases = [{"options": options, **run(name, options)} for name, options in CASES]
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "optimizers.json"), "w") as f:
        json.dump({"torch": torch.__version__, "a": SEED_A, "b": SEED_B, "w": W, "cases": cases}, f, indent=0)
        f.write("\n")


main()
