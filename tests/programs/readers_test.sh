#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Folders of ours in other programs, as they are: makes small models and tokenizers, which hugging_face/readers.py opens with transformers,
# lm-eval, sentence-transformers, ctranslate2, tensorboard and pandas. Skipped if PYTHON (python3) has no transformers; what else it lacks is
# left out. tests/soak/readers.sh installs all of them.
python=${PYTHON:-python3}
if ! "$python" -c 'import torch, transformers' 2>/dev/null; then
  echo "skipped: $python has no packages torch and transformers (PYTHON=... names another Python)"
  exit 77
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$here/programs/common.sh"
T=$programs/raptr-tokenize
small=(--layers 2 --width 32 --heads 2 --threads 1)
brief=(--text text.txt "${small[@]}" --context 16 --batch 2 --steps 1)

# Models that have learnt something: of bytes, on shards that begin with the end of a text as readers do; of a BPE; of words.
"$python" - <<'EOF' || fail "no shards"
import struct
text = open("text.txt", "rb").read()
body = text[-640:]  # 20 contexts
open("val.txt", "wb").write(body)
for name, part in ("train.bin", text), ("val.bin", body):
    open(name, "wb").write(struct.pack(f"<{len(part) + 1}H", 256, *part))
EOF
expect_done "$P" --shards train.bin --validation-shards val.bin --shard-format nanogpt --tokenizer bytes --layers 2 --width 64 --heads 2 \
  --context 32 --batch 16 --steps 400 --learning-rate 0.003 --validate-every 200 --threads 1 --tensorboard --out gpt
expect_done "$T" --train-bpe 300 --text text.txt --out tok
expect_done "$P" --text text.txt "${small[@]}" --context 32 --batch 8 --steps 200 --learning-rate 0.003 --tokenizer tok --vocab 300 --out bpe
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' line holds and {0..9} '##'{0..9} >words.txt
expect_done "$P" --text text.txt "${small[@]}" --context 16 --batch 16 --steps 600 --learning-rate 0.003 --objective masked_lm --tokenizer words.txt \
  --vocab 40 --out bert
# Without an end of text.
mkdir own && sed 's/<|endoftext|>/<eos>/' tok/vocab.json >own/vocab.json && cp tok/merges.txt own
expect_done "$P" --text text.txt "${small[@]}" --context 32 --batch 8 --steps 100 --learning-rate 0.003 --tokenizer own --vocab 300 --out endless

# The ids of a hard text, by raptr-tokenize and as transformers reads the folder of a checkpoint, or of a tokenizer.
printf '%s\n' "it's we'LL  123,456 line3 holds" $'  tabs\t and\r\n\n' $'Ünïcode é naïve e\xcc\x81 \xe6\xb8\xac\xe8\xa9\xa6' 'ÀÉ ß ﬁ İ' '<S> [X] </s' \
  "$(printf 'a%.0s' {1..120})" '漢字 😀👩‍💻 ½ ٣' >hard.txt
printf 'nul \0 and \x7f, no-break\xc2\xa0space\xe3\x80\x80wide   end' >>hard.txt
compare() {  # NAME TOKENIZER FOLDER: the files of FOLDER against the ids of TOKENIZER
  mkdir -p "ids/$1/tokenizer"
  cp "$3"/*.json "ids/$1/tokenizer"
  for file in vocab.txt merges.txt; do [[ ! -e $3/$file ]] || cp "$3/$file" "ids/$1/tokenizer"; done
  expect_done "$T" --text hard.txt --tokenizer "$2" --out "ids/$1/shards"
}
compare bytes bytes gpt/checkpoints/step-000400
compare bpe-of-raptr-tokenize tok tok
compare bpe tok bpe/checkpoints/step-000200
compare bpe-endless own endless/checkpoints/step-000100
compare words words.txt bert/checkpoints/step-000600
of_words() {  # NAME TOKENIZER
  expect_done "$P" "${brief[@]}" --objective masked_lm --tokenizer "$2" --vocab 300 --out "of_$1"
  compare "$1" "$2" "of_$1/checkpoints/step-000001"
}
mkdir cased marks stripped lengths
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' {A..Z} {a..z} {0..9} '##'{a..z} '##'{A..Z} '##'{0..9} É é '##é' À ß 測 , . "'" line '##line' >cased/vocab.txt
printf '%s\n' '<pad>' '<unk>' '<s>' '</s>' '<mask>' line holds and {a..z} {0..9} '##'{a..z} '##'{0..9} '<' '>' '/' >marks/vocab.txt
echo '{"unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>", "pad_token": "<pad>"}' >marks/special_tokens_map.json
cp cased/vocab.txt stripped && echo '{"do_lower_case": true, "strip_accents": false, "tokenize_chinese_chars": false}' >stripped/tokenizer_config.json
of_words cased cased
of_words marks marks
of_words accents stripped
sed 's/"max_input_chars_per_word": 100/"max_input_chars_per_word": 4/' of_cased/checkpoints/step-000001/tokenizer.json >lengths/tokenizer.json
of_words lengths lengths

# Two runs that PyTorch continues: every step takes all four windows. In the first ten steps of the second one block of the middle is dropped.
head -c 129 text.txt >windows.txt
C=(--text windows.txt --layers 4 --width 32 --heads 2 --context 32 --batch 4 --steps 20 --checkpoint-every 10 --validate-every 0 --threads 1
  --learning-rate 0.003)
expect_done "$P" "${C[@]}" --out resumed
expect_done "$P" "${C[@]}" --schedule 3-4 --out staged

ln -s "$G" raptr-generate
"$python" "$here/hugging_face/readers.py" "$PWD" 2>readers.log || fail "readers.py: $(tail -20 readers.log)"
finish
