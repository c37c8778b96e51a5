"""Makes 06-bert-weights.json: transformers' BERT with the example's initial weights, batches and masks: three losses, and its weights then.

pip install torch==2.13.0 transformers; python test/golden/examples/06-bert-weights.py
"""

import torch
from pack import save
from tang import batches, encode, rate, token_types, tokens
from transformers import BertConfig, BertForMaskedLM

STEPS = 3
torch.manual_seed(1)
config = BertConfig(
    vocab_size=len(tokens), hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=512,
    max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
config._attn_implementation = "eager"
model = BertForMaskedLM(config).train()
optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)


def mask(ids):
    """As DataCollatorForLanguageModeling."""
    chance = torch.full(ids.shape, 0.15).masked_fill(ids < 5, 0.0)
    hidden = torch.bernoulli(chance).bool()
    replaced = torch.bernoulli(torch.full(ids.shape, 0.8)).bool() & hidden
    random = torch.bernoulli(torch.full(ids.shape, 0.5)).bool() & hidden & ~replaced
    words = torch.randint(len(tokens), ids.shape)
    return torch.where(random, words, torch.where(replaced, 4, ids)), torch.where(hidden, ids, -100)


losses = []
for batch in batches(32, drop_last=True):
    if len(losses) == STEPS:
        break
    for group in optimizer.param_groups:
        group["lr"] = rate(len(losses), STEPS, 2e-3, 100)
    inputs, labels = mask(batch)
    loss = model(inputs, labels=labels, token_type_ids=token_types.expand(inputs.shape)).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

model.eval()
ids = torch.tensor([encode("床前明月光，疑是地上霜。", "舉頭望明月，低頭思故鄉。")])
with torch.no_grad():
    attentions = model(ids, token_type_ids=token_types[None], output_attentions=True).attentions
save(__file__, losses=losses, pattern=attentions[-1][0])
