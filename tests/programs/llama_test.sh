#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A Llama in every program: trained with growing subnetworks, planned, resumed, started from a folder, continued, compared; with a tokenizer
# that has the splitting of Llama 3.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
T=(--text text.txt --layers 4 --width 16 --context 16 --batch 2 --threads 1)
L=("${T[@]}" --model llama --heads 4 --kv-heads 2 --steps 12 --validate-every 0 --checkpoint-every 6 --keep-checkpoints 3)
expect_done "$programs/raptr-tokenize" --train-bpe 300 --splitting llama3 --text text.txt --out words
[[ -f words/tokenizer.json && ! -e words/merges.txt ]] || fail "files that would be read with another splitting: $(ls words)"
expect_done "$P" "${L[@]}" --plan --schedule 2-3-4
grep -q '2 of 4' out.log || fail "no plan: $(cat out.log)"
expect_done "$P" "${L[@]}" --schedule 2-3-4 --tokenizer words --vocab 300 --rotary-base 50000 --out llama
checkpoint=llama/checkpoints/step-000012
for member in '"LlamaForCausalLM"' '"num_key_value_heads": 2' '"intermediate_size": 256' '"rope_theta": 50000.0' '"tie_word_embeddings": false'; do
  grep -q "$member" $checkpoint/config.json || fail "$member is not in config.json: $(cat $checkpoint/config.json)"
done
grep -q '"objective": "causal_lm"' llama/config.json || fail "the objective of a Llama is not causal_lm"

# A resume goes on to the same bytes.
cp -r llama whole
rm -r llama/summary.json llama/checkpoints/step-000012
expect_done "$P" --resume llama
expect_same_run whole llama

# The checkpoint continues a text, also without its manifest, and starts a run.
greedy() { "$G" --checkpoint "$1" --temperature 0 --tokens 12 --prompt line 2>err.log; }
cp -r $checkpoint foreign && rm foreign/{manifest,state}.json
[[ -n $(greedy $checkpoint) && $(greedy foreign) == "$(greedy $checkpoint)" ]] || fail "another text without a manifest: $(cat err.log)"
F=(--text text.txt --batch 2 --threads 1 --steps 4 --validate-every 0)
expect_done "$P" --from foreign "${F[@]}" --schedule 2-4 --out next
grep -q '"rotary-base": 50000.0' next/config.json && grep -q '"kv-heads": 2' next/config.json || fail "another model: $(cat next/config.json)"
expect_error 2 'has 2 as "num_key_value_heads": leave --kv-heads out' "$P" --from foreign "${F[@]}" --kv-heads 0
expect_error 2 '--rotary-base is 10000.0, but ' "$P" --from foreign "${F[@]}" --rotary-base 10000
expect_done "$P" --from foreign "${F[@]}" --context 8 --plan
! grep -q 'positions' out.log || fail "rotary positions are no rows: $(cat out.log)"

# Stretched rotary positions come from the folder and stay with the run; a type that is not supported is named.
sed -i 's/"rope_type": "default"/"rope_type": "linear", "factor": 2.0/' foreign/config.json
expect_done "$P" --from foreign "${F[@]}" --out stretched
grep -q '"rope_type": "linear"' stretched/checkpoints/step-000004/config.json || fail "the stretch is lost"
[[ $(greedy foreign) != "$(greedy $checkpoint)" || $(cat stretched/metrics.jsonl) != "$(cat next/metrics.jsonl)" ]] || fail "the stretch changes nothing"
sed -i 's/"rope_type": "linear"/"rope_type": "yarn"/' foreign/config.json
expect_error 3 'is "yarn"; supported: "default", "linear" or "llama3"' "$P" --from foreign "${F[@]}"
sed -i 's/"rope_type": "yarn"/"rope_type": "linear"/; s/"tie_word_embeddings": false/"tie_word_embeddings": true/' foreign/config.json
tied='"tie_word_embeddings" is true; the block of this model has false: this program was compiled without the family llama_tied, which takes it'
expect_error 3 "$tied" "$G" --checkpoint foreign
expect_error 3 "$tied" "$P" --from foreign "${F[@]}"
# Numbers that do not fit are named as the options or the members that have them.
number() { cp $checkpoint/config.json foreign/config.json && sed -i "s/\"$1\": [^,]*/\"$1\": $2/" foreign/config.json; }
number num_key_value_heads 3
expect_error 3 '"num_key_value_heads" is 3, which does not divide 4 heads: take 2 or 4' "$P" --from foreign "${F[@]}"
number rope_theta 0.5
expect_error 3 '"rope_theta" is 0.5: give 0, or a number above 1' "$P" --from foreign "${F[@]}"
expect_error 2 '--kv-heads is 3, which does not divide 4 heads: take 2 or 4' "$P" "${T[@]}" --model llama --heads 4 --kv-heads 3 --plan
expect_error 2 '--rotary-fast is 8, but nothing reads it without the context of pretraining' "$P" "${T[@]}" --model llama --heads 4 --rotary-factor 2 \
  --rotary-fast 8 --plan
expect_error 2 'a stage must keep 1 to 2 of the 2 groups of 2 heads, which are kept or dropped together' "$P" "${T[@]}" --model llama --heads 4 --kv-heads 2 --schedule 'heads 3-full' --plan

# Options that do not fit.
expect_error 2 '--rotary-base is 50000, but the positions of this block are not rotary: leave it out' "$P" "${B[@]}" --model gpt2 --rotary-base 50000 --plan
expect_error 2 'heads' "$P" "${T[@]}" --model llama --heads 16 --plan
expect_error 2 'no network of --model llama for --objective masked_lm is compiled for --device cpu' "$P" "${B[@]}" --model llama --objective masked_lm --plan
expect_done "$P" "${B[@]}" --steps 4 --objective masked_lm --validate-every 0 --out bert
expect_error 2 'fills gaps and cannot continue a text' "$G" --checkpoint bert/checkpoints/step-000004
rm bert/checkpoints/step-000004/{manifest,state}.json
expect_error 2 'fills gaps and cannot continue a text' "$G" --checkpoint bert/checkpoints/step-000004
sed -i 's/"objective": "masked_lm"/"objective": "causal_lm"/' bert/checkpoints/step-000004/config.json
expect_error 2 'holds a model of the family bert, and this program continues texts with gpt2 or llama on cpu' "$G" --checkpoint bert/checkpoints/step-000004
expect_done "$P" "${B[@]}" --steps 12 --validate-every 0 --out gpt2
expect_done "$C" gpt2 llama --out comparison
finish
