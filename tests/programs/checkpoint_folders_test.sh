#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The folder of a checkpoint among other folders: tokenizers that moved, changed or were damaged, folders that other programs left, and
# what a run says of a folder that others cannot open as it is.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
T=$programs/raptr-tokenize
small=(--text text.txt --layers 2 --width 16 --heads 2 --context 16 --batch 2 --threads 1 --validate-every 0)
greedy() { "$G" "$@" --temperature 0 --tokens 12 --prompt 'line 3' 2>err.log; }
same_text() { [[ -n $(greedy "${@:2}") && $(greedy "${@:2}") == "$1" ]] || fail "another text with ${*:2}: $(cat err.log)"; }

expect_done "$T" --train-bpe 300 --text text.txt --out tok
tr a-y b-z <text.txt >other.txt
expect_done "$T" --train-bpe 300 --text other.txt --out other
expect_done "$P" "${small[@]}" --tokenizer tok --vocab 320 --steps 8 --checkpoint-every 2 --keep-checkpoints 9 --out run
newest=run/checkpoints/step-000008
text=$(greedy --run run)

# 1. The tokenizer's folder is replaced by another one: the checkpoint's own is used.
mv tok kept && cp -r other tok
same_text "$text" --run run
cp -r run replaced && rm -r replaced/summary.json replaced/checkpoints/step-000008
expect_done "$P" --resume replaced
cmp -s {run,replaced}/checkpoints/step-000008/model.safetensors || fail "a replaced folder changes the run"
# 2. The tokenizer of the newest checkpoint is damaged: the one before it is used, and the folder is not needed.
rm -r tok
cp -r run hurt && rm -r hurt/summary.json hurt/checkpoints/step-000008 && echo x >>hurt/checkpoints/step-000006/tokenizer.json
expect_done "$P" --resume hurt
grep -q 'step-000006 is not what it should be and skipped\|step-000006.*tokenizer.json' out.log || fail "the damage is not named: $(cat out.log)"
cmp -s {run,hurt}/checkpoints/step-000008/model.safetensors || fail "a damaged tokenizer changes the run"
# 3. The whole run moves, and so does one that began from its checkpoint.
mkdir far && cp -r run far/run
same_text "$text" --run far/run
expect_done "$P" "${small[@]}" --from far/$newest --steps 4 --checkpoint-every 2 --out far/next
mv far/next last && rm -r far last/summary.json last/checkpoints/step-000004
expect_done "$P" --resume last
expect_done "$G" --run last --tokens 2

# Folders of other programs, which have no manifest.
foreign() { rm -rf "$2" && cp -r "$1" "$2" && rm "$2"/{manifest,state}.json "$2/optimizer.safetensors"; } # FROM TO
# 4. Weights in two files with an index; more rows than the tokenizer has ids.
foreign $newest sharded
(
  cd sharded && mv model.safetensors model-00001-of-00001.safetensors && echo '{"weight_map": {'
  length=$(od -An -t u8 -N 8 model-00001-of-00001.safetensors)
  head -c $((length + 8)) model-00001-of-00001.safetensors | tail -c +9 | grep -aoE '"transformer[^"]*"' |
    sed 's/$/: "model-00001-of-00001.safetensors"/; $!s/$/,/'
  echo '}}'
) >index.json && mv index.json sharded/model.safetensors.index.json
same_text "$text" --checkpoint sharded
for seed in 1 2 3; do
  "$G" --checkpoint sharded --temperature 1000000 --tokens 200 --seed $seed >out.log 2>err.log || fail "an id without a token: $(cat err.log)"
done
# 5. vocab.txt alone, of a GPT-2 with words.
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' line holds and {a..z} {0..9} '##'{a..z} '##'{0..9} >words.txt
expect_done "$P" "${small[@]}" --tokenizer words.txt --vocab 300 --steps 2 --out words
foreign words/checkpoints/step-000002 lines && rm lines/tokenizer.json
same_text "$(greedy --run words)" --checkpoint lines
# 6. No tokenizer and no end of text: it is asked for, and the bytes are not assumed.
foreign $newest bare && rm bare/tokenizer* && sed -i 's/"eos_token_id": 299/"eos_token_id": null/' bare/config.json
expect_error 2 'bare holds no tokenizer' "$G" --checkpoint bare
same_text "$text" --checkpoint bare --tokenizer kept
# 7. A padding that was set to the end of text by a fine-tuning, and an end of text that contradicts config.json.
foreign $newest tuned && sed -i 's/"pad_token": .*/"pad_token": "<|endoftext|>"/' tuned/tokenizer_config.json
same_text "$text" --checkpoint tuned
sed -i 's/"eos_token": .*/"eos_token": "<|other|>",/' tuned/tokenizer_config.json
expect_error 3 'tokenizer_config.json' "$G" --checkpoint tuned

# What is said. --tokenizer none: in the plan, at the start, and in the model card.
none='Note: --tokenizer none: checkpoints will have no tokenizer'
expect_done "$T" --tokenizer bytes --text text.txt --out shards
S=(--shards shards "${small[@]:2}" --steps 2)
expect_done "$P" "${S[@]}" --tokenizer none --plan
[[ $(grep -c "^$none" out.log) -eq 1 ]] || fail "--plan does not say it: $(cat out.log)"
expect_done "$P" "${S[@]}" --tokenizer none --out unnamed
[[ $(grep -c "^$none" out.log) -eq 1 ]] || fail "not said once: $(cat out.log)"
[[ -z $(compgen -G 'unnamed/checkpoints/*/tokenizer*') ]] || fail "there is a tokenizer"
grep -q 'this folder has no tokenizer' unnamed/checkpoints/step-000002/README.md || fail "the card does not say it"
expect_done "$P" "${S[@]}" --out named
! grep -q 'no tokenizer\|no published format' out.log || fail "said of a GPT-2 with bytes: $(cat out.log)"
grep -q 'AutoTokenizer' named/checkpoints/step-000002/README.md || fail "the card does not load the tokenizer"
# generation_config.json and tokenizer_config.json follow a shorter context.
expect_done "$P" --from named/checkpoints/step-000002 --text text.txt --context 8 --batch 2 --steps 2 --threads 1 --validate-every 0 --out shorter
grep -q '"max_length": 8' shorter/checkpoints/step-000002/generation_config.json || fail "another max_length"
grep -q '"model_max_length": 8' shorter/checkpoints/step-000002/tokenizer_config.json || fail "another model_max_length"
finish
