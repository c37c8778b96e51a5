"""Writes words.json: words of Python's tokenizers 0.23 (WordLevel, Whitespace), to be learned and read alike. Run: python words.py"""
import json
import pathlib

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

root = pathlib.Path(__file__).parents[2]
TRICKY = [
    "",
    " \t\n\u3000",
    "Don't you'LL I'VE  it's\tthat's\n\n  done. \r\n",
    "naïve café e\u0301 A\u030a\ufb01 \u0130 \u01c5\u00aa\u02b0 ΟΔΥΣΣΕΥΣ ΣΑΣ straße",
    "床前明月光，疑是地上霜。1234567890 ２３ ² Ⅷ ٣ ½",
    "😀👩\u200d👩\u200d👧 🇨🇳\U00020000 𝒜 a\u200db snake_case under‿tie",
    "\u0000\u0001\u001f\u007f\u0085\u00a0\u00ad\u2028\u2029\ufeff\ufffd\U0010ffff a\u0085b x\ufeff",
    "नमस्ते 한국어 ไทย עברית العربية",
    "[PAD] a[UNK]b [pad] [CLS] [UNK][PAD]",
    "=+-*/{}[]()<>!?;:'\"\\`~@#$%^&_| 3.14 (1851) e-mail",
]


def make(texts, size, least, lowercase):
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    if lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(vocab_size=size, min_frequency=least, special_tokens=["[PAD]", "[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    file = json.loads(tokenizer.to_str())
    return {
        "size": size,
        "minCount": least,
        "lowercase": lowercase,
        "file": file,
        "ids": [tokenizer.encode(text).ids for text in TRICKY],
        "decoded": [tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) for text in TRICKY],
        "plain": [tokenizer.decode(tokenizer.encode(text).ids) for text in TRICKY],
    }


moby = (root / "data" / "moby-dick.txt").read_text()[:20000].split("\n")
golden = {
    "tricky": TRICKY,
    "moby": [make(moby, 300, 2, True), make(moby, 100, 0, False)],
    "known": [make(TRICKY, 30000, 0, True), make(TRICKY, 40, 1, False)],
}
text = json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n"
pathlib.Path(__file__).with_name("words.json").write_text(text)
print(len(text), "bytes")
