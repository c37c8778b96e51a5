"""Makes wordpiece.json: what transformers' BertTokenizer makes of strings that trip tokenizers, from a vocab.txt.

pip install transformers; python test/golden/wordpiece.py
"""

import json
import pathlib
import tempfile

from transformers import BertTokenizer

STRINGS = [
    "",
    " ",
    "我喜欢自然语言处理。",
    "床前明月光，疑是地上霜。",
    "The whale's unaffable! It isn't; they don't. do not worry , he 's",
    "UnAffable unaffableunaffable affa ble",
    "naïve café e\u0301 A\u030a\ufb01 \u0130stanbul \u01c5\u00aa\u02b0 ΣΊΣΥΦΟΣ Ὀδυσσεύς",
    "BERT在2018年发布：中文按字切分，English按WordPiece。",
    "[CLS] 天 [MASK] 地[SEP] [mask] [UNK][PAD]x",
    "\u0000\u0001a\u0085b\ufffdc\u00add\u200be \u00a0\u2028\u3000f\tg\r\nh\ufeff",
    "한국어 ไทย नमस्ते עברית العَرَبِيَّة",
    "1234567890 ２３ ² Ⅷ ٣ 3.14 a_b-c/d $5+6=11 <b> ^~`|",
    "x" * 100 + " " + "x" * 101,
    "𠀀𪜀𫝀\U0002B820\U0002B920丽 〇々ぁヿ。",
    "😀👩\u200d👩\u200d👧 🇨🇳 e😀a",
    "“Curly” ‘quotes’ — dash… ¿qué? «oui»",
    "the##whale ## ##s #",
    "half \ud83d pair \ude00",
]


def vocabulary():
    tokens = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = "the whale ##s un ##aff ##able it is ##n t don do not worry he bert ##ert na ##ive cafe e english word ##piece ##a".split()
    pieces += list("abcdefghijklmnopqrstuvwxyzBEWTUAN0123456789") + ["##" + c for c in "abcdefghijklmnopqrstuvwxyzAWPB0123456789"]
    pieces += list("我喜欢自然语言处理床前明月光疑是地上霜天在年发布中文按字切分丽〇𠀀ぁ。，：“”‘’—…'.!;,?_-/+=<>^~`|$#[]«»¿") + ["##" + c for c in "ίσυφος"]
    pieces += ["σ", "ο", "##δ", "##ευ", "i", "##̇", "é", "##é", "naï", "##ve", "ᄒ", "##ᅡ", "##ᆫ", "한", "x" * 50, "##" + "x" * 50, "😀", "23", "²"]
    return tokens + list(dict.fromkeys(p for p in pieces if p not in tokens))


def table(lowercase, strings):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "vocab.txt").write_text("\n".join(vocabulary()) + "\n", encoding="utf-8")
        (path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": lowercase}))
        tokenizer = BertTokenizer.from_pretrained(folder)
    well = [s.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for s in strings]
    ids = [tokenizer(s)["input_ids"] for s in well]
    pairs = [tokenizer(a, b) for a, b in zip(well, well[1:])]
    return {
        "lowercase": lowercase,
        "ids": ids,
        "plain": [tokenizer(s, add_special_tokens=False)["input_ids"] for s in well],
        "pairs": [[p["input_ids"], p["token_type_ids"]] for p in pairs],
        "decoded": [tokenizer.backend_tokenizer.decode(i, skip_special_tokens=False) for i in ids],
        "bare": [tokenizer.backend_tokenizer.decode(i, skip_special_tokens=True) for i in ids],
        "file": json.loads(tokenizer.backend_tokenizer.to_str()) if lowercase else None,
    }


result = {"vocabulary": vocabulary(), "strings": STRINGS, "tables": [table(True, STRINGS), table(False, STRINGS)]}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(result) + "\n")
print(path, path.stat().st_size)
