"""Makes bert.json: tiny BERTs of transformers, their initial weights, hidden states, attentions, logits and losses in training with dropout,
and tokens masked for training.

pip install torch==2.13.0 transformers numpy; python test/golden/bert.py
Weights, ids and masks come from seeds; results are stored as float32 in base64 or as hashes.
"""

import hashlib
import json
import pathlib

import torch
from packed import pack
from transformers import BertConfig, BertForMaskedLM, BertForPreTraining, BertModel, DataCollatorForLanguageModeling

SIZES = dict(vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=12)


def config(**more):
    result = BertConfig(**SIZES, **more)
    result._attn_implementation = "eager"
    return result


def initial():
    result = {}
    for kind in (BertModel, BertForMaskedLM, BertForPreTraining):
        torch.manual_seed(3)
        model = kind(config())
        state = {name: hashlib.sha256(t.detach().numpy().tobytes()).hexdigest()[:16] for name, t in model.named_parameters()}
        result[kind.__name__] = {"state": state, "next": torch.rand(1).item()}
    return result


def outputs(**more):
    model = BertForPreTraining(config(**more)).eval()
    names = {}
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, t in model.named_parameters():
            t.copy_(torch.randn(t.shape, generator=generator) * 0.3)
            names[name] = list(t.shape)
    ids = torch.tensor([[1, 5, 17, 39, 0, 3, 3, 2], [1, 2, 30, 4, 2, 0, 0, 0]])
    types = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 0, 0, 0]])
    mask = torch.tensor([[1] * 8, [1] * 5 + [0] * 3])
    with torch.no_grad():
        plain = model.bert(ids)
        full = model(ids, token_type_ids=types, attention_mask=mask, output_hidden_states=True, output_attentions=True)
        causal = torch.tril(torch.ones(8, 8)) * mask[:, None]
        causal = torch.zeros(2, 8, 8).masked_fill(causal == 0, torch.finfo(torch.float32).min)[:, None]  # transformers 5 wants numbers to add
        each = model.bert(ids, attention_mask=causal).last_hidden_state
        pooled = model.bert(ids, token_type_ids=types, attention_mask=mask).pooler_output
    return {
        "config": json.loads(model.config.to_json_string(use_diff=False)),
        "names": names,
        "ids": ids.tolist(),
        "types": types.tolist(),
        "mask": mask.tolist(),
        "each": pack(each),
        "plain": pack(plain.last_hidden_state),
        "hiddenStates": [pack(t) for t in full.hidden_states],
        "patterns": [pack(t) for t in full.attentions],
        "pooled": pack(pooled),
        "logits": pack(full.prediction_logits),
        "nextSentence": pack(full.seq_relationship_logits),
    }


class Ids:
    """What the collator asks of a tokenizer."""

    mask_token, mask_token_id, pad_token_id, pad_token, padding_side = "[MASK]", 3, 0, "[PAD]", "right"

    def __len__(self):
        return SIZES["vocab_size"]

    def convert_tokens_to_ids(self, token):
        return 3


def masked(ids, special=None):
    collator = DataCollatorForLanguageModeling.__new__(DataCollatorForLanguageModeling)
    collator.__dict__.update(
        tokenizer=Ids(), mlm=True, whole_word_mask=False, mlm_probability=0.15, mask_replace_prob=0.8, random_replace_prob=0.1, seed=None, generator=None
    )
    special = torch.zeros_like(ids, dtype=torch.bool) if special is None else special
    inputs, labels, *_ = collator.torch_mask_tokens(ids.clone(), special_tokens_mask=special)
    return inputs, labels


def masks():
    torch.manual_seed(8)
    ids = torch.randint(4, 40, (6, 12))
    special = ids % 5 == 0
    inputs, labels = masked(ids, special)
    return {"ids": inputs.tolist(), "targets": labels.tolist(), "next": torch.rand(1).item()}


def training():
    torch.manual_seed(11)
    model = BertForMaskedLM(config()).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    losses = []
    for _ in range(10):
        start = torch.randint(4, 40, (4, 1))
        ids = 4 + (start + torch.arange(12)) % 36
        inputs, labels = masked(ids)
        loss = model(inputs, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


result = {"initial": initial(), "outputs": outputs(), "tanh": outputs(hidden_act="gelu_new", layer_norm_eps=1e-5)["logits"], "masks": masks(), "training": training()}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(result, indent=1) + "\n")
print(path, path.stat().st_size, result["training"])
