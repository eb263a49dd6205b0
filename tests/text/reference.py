"""The normal form of docs/aggregates.md, step by step, in another language: JSON strings in, one a line, their normal forms out.

Exits 77 when python3-icu is missing."""
import json
import sys

try:
    import icu
except ImportError:
    sys.exit(77)

NFKC = icu.Normalizer2.getNFKCInstance()
SIMPLIFY = icu.Transliterator.createInstance("Hant-Hans", icu.UTransDirection.FORWARD)


def white(c):
    return icu.Char.hasBinaryProperty(ord(c), icu.UProperty.WHITE_SPACE)


def normalise(text):
    text = NFKC.normalize(text)
    text = str(icu.UnicodeString(text).foldCase())
    text = SIMPLIFY.transliterate(text)
    text = NFKC.normalize(text)
    words, word = [], ""
    for c in text:
        if not white(c):
            word += c
        elif word:
            words.append(word)
            word = ""
    if word:
        words.append(word)
    return " ".join(words)


sys.stdin.reconfigure(encoding="utf-8")
for line in sys.stdin:
    print(json.dumps(normalise(json.loads(line))))
