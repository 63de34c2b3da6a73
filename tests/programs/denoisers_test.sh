#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Mixtures of denoisers: their text, the tokens that a tokenizer gets, the loss of each in log and metrics, resumes, and what is refused.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
M=(--layers 4 --width 16 --heads 2 --context 32 --batch 2 --threads 1 --sentinels 16 --steps 12 --checkpoint-every 4 --validate-every 6 --validation-windows 8)
U=("${M[@]}" --text text.txt --vocab 278)

expect_done "$P" "${U[@]}" --objective 'ul2:0.4/0.3/0.3, modes' --schedule 2-4 --tensorboard --out run
grep -q '"objective": "ul2:0.4/0.3/0.3, modes"' run/config.json || fail "the mixture is not in config.json: $(grep objective run/config.json)"
grep -q '"tokenizer": "bpe-278-' run/config.json || fail "the tokenizer has not got its tokens: $(grep tokenizer run/config.json)"
grep -q '"<extra_id_0>"' run/checkpoints/step-000012/tokenizer.json || fail "the checkpoint has no sentinels"
grep -q '"\[S2S\]"' run/checkpoints/step-000012/tokenizer.json || fail "the checkpoint has no mode tokens"
[[ $(tail -1 run/metrics.jsonl) =~ \"losses\":\{\"causal\":[^,]+,\"prefix\":[^,]+,\"spans_3_0.15\":[^,]+,\"spans_32_0.5\":[^,]+\} ]] ||
  fail "no loss of each denoiser: $(tail -1 run/metrics.jsonl)"
[[ $(tail -1 run/metrics.jsonl) =~ \"validation_losses\":\{\"causal\":[0-9.]+, ]] || fail "no validation loss of each denoiser: $(tail -1 run/metrics.jsonl)"
grep -q '^step 12 of 12, .*, loss [0-9.]* (causal .*, validation loss [0-9.]* (causal [0-9.]*, prefix ' out.log || fail "no losses in the log: $(cat out.log)"
grep -q 'losses/causal' run/events.out.tfevents* || fail "no curve for each denoiser"

# Stopped and resumed: the same bits, whether a tokenizer is the bytes or a file.
cp -r run again && rm -r again/summary.json again/checkpoints/step-000012
expect_done "$P" --resume again
rm {run,again}/events.out.tfevents*  # they have times
expect_same_run run again
expect_error 2 '--objective is "ul2", but the run was started with "ul2:0.4/0.3/0.3, modes"' "$P" --resume again --objective ul2
expect_error 2 '--sentinels is 100, but the run was started with 16' "$P" --resume again --sentinels 100

# The tokens of a learnt tokenizer, also in shards of it without them.
T=$programs/raptr-tokenize
expect_done "$T" --train-bpe 300 --text text.txt --out tok
expect_done "$T" --tokenizer tok --text text.txt --out shards
expect_done "$P" --shards shards "${M[@]}" --vocab 316 --tokenizer tok --objective ul2:original --out from_shards
rm -r from_shards/summary.json from_shards/checkpoints/step-000012
cp from_shards/metrics.jsonl before.jsonl
expect_done "$P" --resume from_shards
diff <(sed 's/"step_seconds".*"losses"//' before.jsonl) <(sed 's/"step_seconds".*"losses"//' from_shards/metrics.jsonl) >/dev/null || fail "another resume on shards"

# The weights of such a checkpoint go on with the same kind of objective, and their tokenizer has the marks.
expect_done "$P" --from run/checkpoints/step-000012 --text text.txt --batch 2 --threads 1 --steps 2 --out continued
grep -q '"objective": "ul2"' continued/config.json || fail "another objective: $(grep '"objective"' continued/config.json)"
expect_done "$P" --from run/checkpoints/step-000012 --objective causal_lm --text text.txt --batch 2 --threads 1 --steps 2 --out as_causal
grep -q '"model": "gpt2"' as_causal/config.json || fail "causal_lm is not that of a gpt2"

# A comparison has the loss of each denoiser, and names the objectives that differ.
expect_done "$C" run continued as_causal --out compared
grep -qE '^\| validation loss of *\| *causal \| *prefix \| *spans.3.0\.15 \| *spans.32.0\.5 \|$' compared/report.md || fail "no losses of denoisers: $(cat compared/report.md)"
grep -qE '^continued( +[0-9.]+){3} +[-0-9.]+$' out.log || fail "no losses of denoisers: $(cat out.log)"
grep -qE '^as_causal( +-){4}$' out.log || fail "a causal_lm has losses of denoisers: $(cat out.log)"
grep -qx 'as_causal differs from run in objective, causal_lm instead of ul2: their losses are not comparable.' out.log || fail "nothing of the objective: $(cat out.log)"
grep -qE '^continued differs from run in initial weights, those of --from \([0-9a-f]{8}\) instead of random ones' out.log || fail "no weights: $(cat out.log)"
! grep -q 'another text' out.log || fail "the same text is said to differ: $(cat out.log)"
grep -q '^continued differs from run in options of the objective, causal 0.6, ' out.log || fail "nothing of the mixture: $(cat out.log)"
expect_done "$C" run run --out compared
! grep -q 'differs from' out.log || fail "a run differs from itself: $(cat out.log)"

# The weights of a GPT-2: the marks of its tokenizer need rows that its embedding lacks.
expect_done "$P" "${B[@]}" --steps 2 --validate-every 0 --out plain
F=(--from plain/checkpoints/step-000002 --model ul2 --sentinels 16 --text text.txt --batch 2 --threads 1 --steps 4 --checkpoint-every 2)
expect_error 2 'has 275 ids, but the embedding has 259 rows: give --vocab 275 or more, of which those that --from lacks are drawn from --seed' "$P" "${F[@]}"
expect_error 2 'has 259 as "vocab_size"' "$P" "${F[@]}" --vocab 258
expect_done "$P" "${F[@]}" --vocab 275 --out grown
grep -qx 'Note: the weights of --from have 259 rows of embedding, and --vocab is 275: the other 16 start as --seed draws them' out.log ||
  fail "nothing is said of the rows: $(cat out.log)"
cp -r grown grown_whole && rm -r grown/summary.json grown/checkpoints/*
expect_done "$P" --resume grown
expect_same_run grown_whole grown

# The card names the mixture. A prompt is a prefix, behind the mode token; a model of spans alone continues nothing.
grep -q '^| objective | `causal 0.4, prefix(mode) 0.3, spans(3, 0.15, mode)' run/checkpoints/step-000012/README.md ||
  fail "no mixture in the card: $(cat run/checkpoints/step-000012/README.md)"
for mode in automatic none nlu nlg s2s; do expect_done "$G" --run run --prompt 'line 1' --tokens 3 --mode $mode; done
expect_error 2 'which has no mode tokens' "$G" --run as_causal --mode s2s
expect_done "$P" "${U[@]}" --objective 'ul2:spans(3, 0.15)' --out spans
expect_error 2 'ul2:spans(3, 0.15) 1, which fills gaps and cannot continue a text' "$G" --run spans

# One denoiser alone: prefixes, and spans.
expect_done "$P" "${U[@]}" --objective 'ul2:prefix' --out prefixes
expect_done "$G" --run prefixes --prompt 'line 1' --tokens 3
expect_error 2 'the tokenizer has no such mode token' "$G" --run prefixes --mode s2s
grep -q '"losses"' prefixes/metrics.jsonl && fail "one denoiser has losses beside its own"

bad() {  # PART OPTION ...
  local part=$1
  shift
  expect_error 2 "$part" "$P" "${B[@]}" --steps 4 --out bad "$@"
  [[ ! -e bad ]] || fail "a refused run left a folder: $*"
}
bad 'expected a / between three rates at position 8, found the end' --vocab 400 --objective ul2:0.6/0.4
bad 'the rate of the denoiser prefix is 0' --vocab 400 --objective ul2:0.8/0/0.2
bad '--objective causal_lm is followed by :0.6' --objective causal_lm:0.6
bad '(the nearest is ul2)' --objective ul3
bad 'the tokenizer has 359 ids, but the embedding has 259 rows' --objective ul2
bad 'but the tokenizer has 0 sentinels' --objective ul2 --sentinels 0
bad 'hides 2 spans in a window of 11 tokens, but the tokenizer has 1 sentinels' --vocab 400 --objective 'ul2:spans(2, 0.4)' --sentinels 1
bad 'the span density is 1.5' --vocab 400 --objective 'ul2:spans(3, 1.5)'
expect_error 2 '--sentinels is given, but the tokenizer has 16 of its own, so nothing reads it: leave --sentinels out' "$P" \
  --from run/checkpoints/step-000012 --text text.txt --batch 2 --threads 1 --steps 2 --sentinels 7 --plan
# Shards whose documents end by another id.
cp -r shards other && sed -i 's/"end_of_text": [0-9]*/"end_of_text": 5/' other/shards.json
expect_error 2 'the shards end documents by the id 5, and the tokenizer ' "$P" --shards other "${M[@]}" --vocab 316 --tokenizer tok --plan
bad '--sentinels is given, but --objective is causal_lm and hides no span' --sentinels 7
finish
