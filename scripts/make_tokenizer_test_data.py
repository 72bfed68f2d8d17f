#!/usr/bin/env python3
"""Writes tests/data/text: two small tokenizers, their vocabularies as a GGUF holds them, and Hugging Face's ids.

usage: make_tokenizer_test_data.py [OUT_DIR]      (needs: pip install tokenizers sentencepiece)

byte_bpe    a byte-level BPE with single digits, as SmolLM2
pieces      a SentencePiece BPE with byte fallback, as Llama 2; its ids are checked against sentencepiece too
lines.json  the lines they are trained and tested on; every text is our own or drawn from Unicode ranges
"""
import collections
import io
import json
import pathlib
import random
import sys

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SENTENCES = """\
The mosaic is made of small square tiles, and each tile has four faces.
She said: "I don't think we're late; they'll wait, won't they?"
It's 3.14159 times 2 = 6.28318, give or take 0.00001 (or 1e-5).
Er läuft über die Brücke, während große Wellen an die Mauer schlagen.
Les élèves ont mangé des gâteaux à Noël, où l'été n'était qu'un souvenir.
El niño comió una piña en la montaña; ¿dónde está el pingüino?
O coração não vê limites: amanhã haverá pão e maçãs.
Il caffè è più buono perché l'acqua è fredda.
Żółw i źrebię jedzą gęś nad rzeką, a ćma śpi.
Příliš žluťoučký kůň úpěl, než přišla řeka.
Az árvíztűrő tükörfúrógép hangja messziről hallatszott.
Çocuklar ağacın altında güneşi bekliyor, ışık yavaşça geliyor.
Những chiếc thuyền nhỏ trôi trên sông vào buổi sáng.
Маленькая лодка плывёт по реке, и ветер несёт её к морю.
Їжак і ґава живуть у лісі біля річки.
Η μικρή βάρκα ταξιδεύει στο ποτάμι κάθε πρωί.
الولد يقرأ كتابًا جديدًا في الحديقة كلَّ صباح.
הילד קורא ספר חדש בגן בכל בוקר.
بچه هر روز صبح در باغ کتاب می‌خواند.
लड़का हर सुबह बगीचे में नई किताब पढ़ता है।
ছেলেটি প্রতিদিন সকালে বাগানে বই পড়ে।
சிறுவன் தினமும் காலையில் தோட்டத்தில் படிக்கிறான்.
เด็กชายอ่านหนังสือเล่มใหม่ในสวนทุกเช้า
小船每天早晨在河上漂流，风把它带向大海。
小さな船が毎朝川を流れ、風がそれを海へ運ぶ。カタカナも少し。
작은 배가 매일 아침 강을 따라 흘러 바다로 간다.
პატარა ნავი ყოველ დილით მდინარეზე მიცურავს.
Փոքրիկ նավակը ամեն առավոտ լողում է գետով։
def tile_count(rows: int, cols: int) -> int:\\n    return ((rows + 31) // 32) * ((cols + 31) // 32)\\n
for (std::size_t i = 0; i < n; ++i) { sum += a[i] * b[i]; }  // fp32
SELECT name, count(*) FROM tiles WHERE face >= 2 GROUP BY 1 ORDER BY 2 DESC;
{"key": [1, 2, {"nested": null}], "text": "a\\tb"}
<div class="tile">&nbsp;Hello&amp;</div><!-- comment -->
https://example.org/a/b?c=d&e=%20f#g and mail to someone@example.org
[INST] not a special token [/INST] <s> </s> <|im_start|>user<|im_end|> <unk>
👩‍👩‍👧‍👦 👍🏽 🇩🇪🇯🇵 ☺️ ☕ 🏳️‍🌈 🧑🏿‍🚀
é é ô̂ Å Å ﬁ ﬀ ½ Ⅷ ａｂｃ １２３ ٣٤٥ ४५६
Z͑ͫ̓ͪa̴̵l̷g̸o text with m̈any c̊ombining m̃arks
007 12 345 6789 01234567890 1,000,000 3rd 2x4 ½ ² ³ 1۱2२
Straße STRASSE ǅ ĳ ſ İ ı K Ω µ μ
"""
RANGES = [(0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x531, 0x587),
          (0x5D0, 0x5EA), (0x600, 0x6FF), (0x900, 0x97F), (0xE01, 0xE5B), (0x10A0, 0x10FF), (0x1200, 0x135A),
          (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x2070, 0x20BF), (0x2190, 0x22FF), (0x2500, 0x259F), (0x3040, 0x30FF),
          (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xE000, 0xE0FF), (0xFB00, 0xFDFF), (0xFE00, 0xFE6F), (0xFF00, 0xFFEF),
          (0x10000, 0x100FF), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF), (0xE0100, 0xE01EF)]


def make_lines():
    rng = random.Random(20)
    sentences = [line.replace("\\n", "\n").replace("\\t", "\t") for line in SENTENCES.splitlines()]
    lines = list(sentences) + ["", " ", "  ", "\t", "\n", "\n\n", " \n ", "\r\n", "a", " a", "a ", "  a  b   c    d",
                               "\x00", "a\x01b\x02", "\x1b[31mred\x1b[0m", "\x7f\x80\x9f", "\ufeffBOM", "\u2028\u2029",
                               "\ufffd", "a\ufffd", "\ufffd\ufffdb", "▁", "▁▁a", " ▁ ", "Ġ Ċ", "<0x41>", "<0x0A>"]
    for low, high in RANGES:
        for _ in range(6):
            count = rng.randint(3, 18)
            line = "".join(rng.choice([chr(rng.randint(low, high))] * 5 + [" "]) for _ in range(count))
            lines.append(line)
    words = [word for sentence in sentences for word in sentence.split()]
    for _ in range(120):
        picked = [rng.choice(words) for _ in range(rng.randint(2, 9))]
        lines.append("".join(word + rng.choice([" "] * 8 + ["  ", "\n", "\t", "   ", "", "\r\n"]) for word in picked))
    return sentences, lines


def save(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def save_case(out, name, tokenizer, vocab, lines):
    save(out / f"{name}.tokenizer.json", json.loads(tokenizer.to_str()))
    save(out / f"{name}.vocab.json", vocab)
    save(out / f"{name}.ids.json", [tokenizer.encode(line).ids for line in lines])


def special(content, is_special=True):
    return AddedToken(content, special=is_special, normalized=False)


def make_byte_bpe(out, sentences, lines):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(vocab_size=1500, special_tokens=[special(token) for token in control],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(sentences * 3, trainer)
    tokenizer.add_tokens([special("<tool>", False)])
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    vocab = {"model": "gpt2", "pre": "smollm", "tokens": tokens + ["<tool>"],
             "token_types": [3 if token in control else 1 for token in tokens] + [4], "scores": [],
             "merges": [" ".join(merge) for merge in model["merges"]], "bos_token_id": 1, "eos_token_id": 2,
             "unknown_token_id": -1, "add_bos_token": False, "add_space_prefix": False}
    save_case(out, "byte_bpe", tokenizer, vocab, lines)


Piece = collections.namedtuple("Piece", "piece score type")


def piece_type(engine, i):
    """As tokenizer.ggml.token_type numbers them."""
    return 2 if engine.is_unknown(i) else 3 if engine.is_control(i) else 6 if engine.is_byte(i) else 1


def piece_merges(pieces):
    """The ranking of transformers' Llama converter: score, then the lengths of both halves, best first."""
    ids = {piece.piece: i for i, piece in enumerate(pieces)}
    usable = {piece.piece for piece in pieces if piece.type in (1, 4)}
    found = []
    for piece in pieces:
        splits = [(piece.piece[:i], piece.piece[i:]) for i in range(1, len(piece.piece))]
        splits = [(a, b) for a, b in splits if piece.piece in usable and a in usable and b in usable]
        found += [(piece.score, a, b) for a, b in sorted(splits, key=lambda split: (ids[split[0]], ids[split[1]]))]
    found.sort(key=lambda entry: (entry[0], len(entry[1]), len(entry[2])), reverse=True)
    return [(a, b) for _, a, b in found]


def make_pieces(out, sentences, lines):
    proto = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(" ".join(sentence.split()) for sentence in sentences * 3), model_writer=proto,
        model_type="bpe", vocab_size=1400, byte_fallback=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, character_coverage=0.98, split_digits=True, num_threads=1,
        allow_whitespace_only_pieces=True, minloglevel=2)
    engine = sentencepiece.SentencePieceProcessor(model_proto=proto.getvalue())
    pieces = [Piece(engine.id_to_piece(i), engine.get_score(i), piece_type(engine, i)) for i in range(len(engine))]
    tokenizer = Tokenizer(models.BPE({piece.piece: i for i, piece in enumerate(pieces)}, piece_merges(pieces),
                                     unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.add_special_tokens([special(token) for token in ("<unk>", "<s>", "</s>")])
    controls = ("<s>", "</s>", "<unk>")
    for line in lines:
        # sentencepiece takes no control token from the text, and a NUL or its own blank means something else to it.
        if any(token in line for token in controls) or "\0" in line:
            continue
        ours, theirs = tokenizer.encode(line, add_special_tokens=False).ids, engine.encode(line)
        if ours != theirs:
            print(f"differs from sentencepiece: {line!r}\n  {ours}\n  {theirs}", file=sys.stderr)
    vocab = {"model": "llama", "pre": "default", "tokens": [piece.piece for piece in pieces],
             "token_types": [piece.type for piece in pieces], "scores": [piece.score for piece in pieces], "merges": [],
             "bos_token_id": 1, "eos_token_id": 2, "unknown_token_id": 0, "add_bos_token": True,
             "add_space_prefix": True}
    save_case(out, "pieces", tokenizer, vocab, lines)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "tests/data/text"
    out.mkdir(parents=True, exist_ok=True)
    sentences, lines = make_lines()
    save(out / "lines.json", lines)
    make_byte_bpe(out, sentences, lines)
    make_pieces(out, sentences, lines)
    print(f"{out}: {len(lines)} lines")


if __name__ == "__main__":
    main()
