"""Makes 12-transformer.json: the first losses of examples/12-transformer.ts, and what it then writes, by PyTorch.

pip install torch==2.13.0; python test/golden/examples/12-transformer.py
The same words, batches and initial weights, from the same seed; no dropout.
"""

import json
import math
import pathlib
import re
from collections import Counter

import torch
from originals.transformer import C, Transformer
from torch.nn import functional as F
from torch.utils.data import DataLoader

ROOT = pathlib.Path(__file__).parents[3]
STEPS, SENTENCES, LONGEST = 5, 4, 40


def read(name):
    return [line.split("\t") for line in (ROOT / "data" / f"{name}.tsv").read_text().splitlines()]


def vocabulary(sentences, least):
    counts = Counter(word for words in sentences for word in words)
    frequent = sorted((word for word in counts if counts[word] >= least), key=lambda word: (-counts[word], word))
    return {word: i for i, word in enumerate(["[PAD]", "[UNK]", *frequent])}


def english_words(text):
    return re.findall(r"\w+|[^\w\s]+", text.lower())


def chinese_words(text):
    return [character for character in text if not character.isspace()]


pairs = [(english_words(en), chinese_words(zh)) for en, zh in read("english-chinese")]
held_out = [english_words(en) for en, _ in sorted(read("english-chinese-held-out"), key=lambda pair: len(pair[0]))]
english = vocabulary([en for en, _ in pairs], 2)
chinese = vocabulary([zh for _, zh in pairs], 1)
BEGIN, END = len(chinese), len(chinese) + 1


def padded(rows):
    length = 8 * math.ceil(max(map(len, rows)) / 8)
    return torch.tensor([row + [0] * (length - len(row)) for row in rows])


torch.manual_seed(1)
model = Transformer(len(english), len(chinese) + 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1, betas=(0.9, 0.98), eps=1e-9)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: C**-0.5 * min((n + 1) ** -0.5, (n + 1) * 400**-1.5))

rows = [([english.get(w, 1) for w in en], [BEGIN, *(chinese[c] for c in zh), END]) for en, zh in pairs]
rows.sort(key=lambda row: (len(row[1]), len(row[0])))
batches = [tuple(padded(list(side)) for side in zip(*rows[i : i + 64])) for i in range(0, len(rows), 64)]
losses = []
for source, target in DataLoader(batches, shuffle=True, collate_fn=lambda samples: samples[0]):
    if len(losses) == STEPS:
        break
    logits = model(source, target[:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=0, label_smoothing=0.1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    losses.append(loss.item())


@torch.no_grad()
def greedy(words):
    source = torch.tensor([[english.get(w, 1) for w in words]])
    padding = source == 0
    memory = model.encode(source, padding)
    text = [BEGIN]
    while text[-1] != END and len(text) <= LONGEST:
        text.append(model.decode(memory, padding, torch.tensor([text]))[0, -1].argmax().item())
    return [token for token in text[1:] if token != END]


@torch.no_grad()
def beam(words, width=4):
    """Wu et al. 2016, length penalty 1: the best finished text once no open one can overtake it."""
    source = torch.tensor([[english.get(w, 1) for w in words]])
    padding, open_texts, finished = source == 0, [(0.0, [])], []
    memory = model.encode(source, padding)
    for length in range(1, LONGEST + 2):
        ranked = []
        for total, text in open_texts:
            scores = model.decode(memory, padding, torch.tensor([[BEGIN, *text]]))[0, -1].double().log_softmax(-1)
            tokens = [END] if length > LONGEST else range(len(scores))
            ranked += [(total + scores[token].item(), [*text, token]) for token in tokens]
        ranked = sorted(ranked, key=lambda one: -one[0])[: 2 * width]
        finished += [(total * 6 / (5 + length), text[:-1]) for total, text in ranked[:width] if text[-1] == END]
        finished = sorted(finished, key=lambda one: -one[0])[:width]
        open_texts = [(total, text) for total, text in ranked if text[-1] != END][:width]
        longest = (5 + LONGEST + 1) / 6
        if not open_texts or (len(finished) == width and open_texts[0][0] / longest <= finished[-1][0]):
            break
    return finished[0][1]


@torch.no_grad()
def looked(words, text):
    """The weights of the last layer's attention to the source, [T][S]."""
    source, seen, attend = torch.tensor([[english.get(w, 1) for w in words]]), [], model.decoder[-1].cross_attention

    def watched(query, key, value, key_padding_mask, need_weights):
        mixed, pattern = type(attend).forward(attend, query, key, value, key_padding_mask)
        seen.append(pattern[0].tolist())
        return mixed, None

    attend.forward = watched
    model(source, torch.tensor([[BEGIN, *text]]))
    return seen[0]


model.eval()
torch.backends.mha.set_fastpath_enabled(False)
result = {"parameters": sum(p.numel() for p in model.parameters()), "losses": losses}
result["greedy"] = [greedy(words) for words in held_out[:SENTENCES]]
result["beam"] = [beam(words) for words in held_out[:SENTENCES]]
shown = english_words("The file could not be opened in the editor.")
result["translation"] = beam(shown)
result["pattern"] = looked(shown, result["translation"])
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(result) + "\n")
print(result)
