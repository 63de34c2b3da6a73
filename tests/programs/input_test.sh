#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bad input: a documented exit code, one line with the numbers and the fix, nothing created, nothing lost.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
before=$(find . | sort)
bad() {  # CODE PART OPTION ...
  local code=$1 part=$2
  shift 2
  expect_error "$code" "$part" "$P" "${B[@]}" "$@"
}
bad 2 'the nearest is --steps' --step 3
bad 2 'the nearest is --learning-rate' --learning 1
bad 2 'the nearest is --steps' -steps 3
bad 2 'the nearest is --layers' --LAYERS 3
expect_error 2 'unknown option -steps: the nearest is --steps' "$P" --text text.txt -steps 3
expect_error 2 'unknown option -s: the nearest is --s' "$P" --text text.txt text.txt -s 3
expect_error 2 '--out is without a value' "$P" --text text.txt --out -steps 3
expect_error 2 'HOME is not set' env -u HOME "$P" --text text.txt '--out=~/r'
bad 2 '--steps is "3x": give a whole number from 1' --steps=3x
bad 2 '--steps is "3.5": give a whole number' --steps 3.5
bad 2 '--steps is "1e3": give a whole number' --steps 1e3
bad 2 '--steps is "-3"' --steps -3
bad 2 '--steps is "0"' --steps 0
bad 2 '--steps is ""' --steps ''
bad 2 '--steps is "99999999999999999999"' --steps 99999999999999999999
bad 2 '--steps is without a value' --steps
bad 2 '--batch is given twice' --batch 3
bad 2 '--accumulate is "0"' --accumulate 0
bad 2 '--seed is "-1"' --seed -1
bad 2 '--learning-rate is "0,001"' --learning-rate 0,001
bad 2 '--learning-rate is "nan"' --learning-rate nan
bad 2 '--clip is "inf"' --clip inf
bad 2 '--clip is "-1"' --clip -1
bad 2 'the nearest is causal_lm' --objective causal
bad 2 '(the nearest is cosine)' --rate-rule cosin
bad 2 'without a value' --plan=yes
bad 2 '"stray" belongs to no option' stray
bad 2 'position 5' --schedule 2-3-x
bad 2 'unknown word' --schedule 'blocks 2-4'
bad 2 'give --allow-shrinking' --schedule 4-2
bad 2 'give --allow-shrinking' --schedule 3-1/2
bad 2 'keeps 5 of 4 layers' --schedule 2-5
bad 2 'keep at least 4' --schedule 2-4 --keep-first 3
bad 2 'scales whole blocks' --schedule 2-4 --scale inverse --objective masked_lm
bad 2 'a schedule that lasts 50 steps' --schedule 'full for 50 then 2-4' --steps 40
bad 2 '259' --vocab 100
bad 2 'exists already' --out text.txt
bad 3 'Not a directory' --out text.txt/run
bad 3 'cannot open' --config none.json
expect_error 2 'not a multiple of 5 heads' "$P" --text text.txt --width 16 --heads 5
expect_error 2 'for them and the text: reduce --width' "$P" --text text.txt --width 65536 --heads 1 --layers 4096
expect_error 2 'there is no text' "$P"
expect_error 2 'there is no text' "$P" --steps 3
expect_error 3 'nothing.txt' "$P" --text nothing.txt
expect_error 3 'has no config.json' "$P" --resume nothing
expect_error 2 'the nearest is run' "$P" --help runs
mkdir empty
expect_error 3 'contains no text' "$P" --text empty
: >empty/a.txt
expect_error 3 'the text is empty' "$P" --text empty
printf '\x1f\x8b\x08' >empty/a.txt
expect_error 3 'gunzip' "$P" --text empty
rm -r empty

# Configuration files: the same names and ranges as options.
config() {  # CODE PART JSON
  printf '%s' "$3" >config.json
  expect_error "$1" "$2" "$P" --text text.txt --config config.json
}
config 2 'the nearest is "steps"' '{"stepz": 3}'
config 2 '"steps" is "3": give a whole number' '{"steps": "3"}'
config 2 '"steps" is 3.5' '{"steps": 3.5}'
config 2 '"steps" is -3' '{"steps": -3}'
config 2 '"schedule" is 6' '{"schedule": 6}'
config 2 'not an option that a file can set' '{"resume": "x"}'
config 3 'line 1, column' '{"steps": 3'
config 3 'a second time' '{"steps": 3, "steps": 4}'
config 3 'an object' '[1]'
rm -f config.json out.log err.log
[[ $(find . | sort) == "$before" ]] || fail "something was created: $(diff <(find . | sort) <(echo "$before"))"

# Generate and compare.
expect_done "$P" "${B[@]}" --steps 2 --out run
expect_done "$P" "${B[@]}" --steps 2 --objective masked_lm --out masked
for t in -1 nan inf 1,5 x; do expect_error 2 "--temperature is \"$t\"" "$G" --run run --temperature $t; done
expect_error 2 'trained with --objective causal_lm' "$G" --run masked
expect_error 2 'one of them' "$G" --prompt x
expect_error 3 'has no config.json' "$G" --run nothing
expect_error 3 'manifest.json' "$G" --checkpoint run
expect_error 2 '--out needs two or more runs, and 1 given' "$C" run --out report
expect_error 3 'has no summary.json' "$C" run nothing --out report
[[ ! -e report ]] || fail "a report was made of nothing"

# A checkpoint, or the folder of checkpoints, in place of a run.
for place in run/checkpoints/step-000002 run/checkpoints/step-000002/ run/checkpoints; do
  for command in "$P --resume" "$G --run" "$C --out report run" "$C --csv steps.csv"; do
    # shellcheck disable=SC2086
    expect_error 3 "is a checkpoint or a folder of them, not the folder of a run: give that of its run, $PWD/run" $command $place
  done
done
[[ ! -e report && ! -e steps.csv ]] || fail "a report was made of a checkpoint"

# A ~ that a shell does not replace, in options and in a configuration.
mkdir home
cp text.txt home
expect_done env HOME="$PWD/home" "$P" "${B[@]:2}" --steps 1 '--text=~/text.txt' '--out=~/r'
printf '{"text": "~/text.txt", "out": "~/c", "validation-text": ["~/text.txt"]}' >home.json
expect_done env HOME="$PWD/home" "$P" "${B[@]:2}" --steps 1 '--config' home.json
expect_done env HOME="$PWD/home" "$G" '--run=~/c' --tokens 1
[[ -f home/r/summary.json && -f home/c/summary.json && ! -e '~' ]] || fail "~ is not the home folder: $(ls home)"
grep -q "\"$PWD/home/text.txt\"" home/c/config.json || fail "a ~ is in config.json"

# More activations than memory are told by --plan and refused; running out of memory says how much it was. Neither leaves a folder.
M=("$P" --text text.txt --layers 1 --width 1024 --heads 4 --context 1024 --batch 2048)
expect_done "${M[@]}" --plan
grep -qE '^Note: this run does not fit into the memory: a micro-batch needs [0-9.]+ [GT]iB for activations' out.log || fail "not told: $(cat out.log)"
expect_error 2 'iB for activations, and a model of' "${M[@]}" --out large
[[ ! -e large ]] || fail "a run that cannot be left a folder"
expect_done "$P" "${B[@]}" --plan
grep -q 'does not fit' out.log && fail "a small run does not fit: $(cat out.log)"
limited() { MALLOC_ARENA_MAX=1 bash -c 'ulimit -v "$1"; shift; exec "$@"' limited "$@"; }
if limited 70000 "$P" --help >/dev/null 2>&1; then
  for limit in 30000 60000 90000 120000 150000 180000; do
    limited $limit "$P" --text text.txt --layers 6 --width 256 --steps 1 --threads 1 --validate-every 0 --out limit$limit >out.log 2>err.log && continue
    [[ $(wc -l <err.log) -eq 1 && $(cat err.log) == "raptr: "*[KMGT]iB* ]] || fail "$limit KiB of memory: $(cat err.log)"
    [[ ! -e limit$limit ]] || fail "a run without memory for its first step left a folder with $limit KiB: $(cat err.log)"
  done
else
  echo "(memory was not limited)"
fi

# A warm-up that does not end before the rate falls, or the run is over.
peak() { expect_done "$P" "${B[@]}" --plan --steps 20 "$@"; grep -q '^Note: the learning rate never reaches its peak of 0.001' out.log; }
for w in '--warmup 40' '--warmup 19 --rate-rule wsd' '--rewarm 15 --schedule 2-4' '--warmup 15 --rate-rule last-stage --schedule 2-4'; do
  # shellcheck disable=SC2086
  peak $w || fail "the peak is not missed with $w: $(cat out.log)"
done
grep -q 'shorten --warmup, which is 15' out.log || fail "the fix is not told: $(cat out.log)"
for w in '' '--warmup 20' '--warmup 0' '--rewarm 10 --schedule 2-4 --rate-rule constant' '--warmup 16 --rate-rule wsd'; do
  # shellcheck disable=SC2086
  peak $w && fail "the peak is missed with $w: $(cat out.log)"
done

# Lengths of the rate's warm-up, and of texts around one window of 16 + 1 tokens (the end of the text is one).
for rule in constant linear cosine wsd last-stage; do
  for w in 0 3 5; do expect_done "$P" "${B[@]}" --steps 3 --rate-rule $rule --warmup $w --rewarm 2 --schedule 2-4 --out "rate_${rule}_$w"; done
  expect_done "$P" "${B[@]}" --steps 1 --rate-rule $rule --warmup 0 --out "rate_${rule}_one"
done
grep -E '"learning_rate":(-|null|0\.0,|0,)' rate_*/metrics.jsonl && fail "a rate is not above 0"
for n in 0 1 15 16 17 33; do
  head -c $n text.txt >"short$n"
  case $n in
    0) expect_error 3 'the text is empty' "$P" --text short$n --context 16 --width 16 --layers 2 --steps 2 --out short_run_$n ;;
    1 | 15)
      expect_error 2 "has $((n + 1)) tokens (ends of documents included), but one sequence of a context of 16 needs 17" \
        "$P" --text short$n --context 16 --width 16 --layers 2 --steps 2 --out short_run_$n
      ;;
    *) expect_done "$P" --text short$n --context 16 --width 16 --layers 2 --steps 2 --out short_run_$n ;;
  esac
done
[[ ! -e short_run_15 ]] || fail "a run without enough text left a folder"

# Steps that predict nothing are counted and have no loss; a run that diverges says which tensor.
expect_done "$P" --text text.txt --objective masked_lm --context 4 --batch 1 --masking independent --layers 2 --width 16 --steps 60 --out sparse
grep -q '"loss":null.*"skipped":"no token to predict"' sparse/metrics.jsonl || fail "no step without a token to predict among 60"
grep -q '"skipped_steps": [1-9]' sparse/summary.json || fail "skipped steps are not counted"
expect_error 4 'in a row whose loss, gradient, weights or moments are not finite' \
  "$P" "${B[@]}" --steps 200 --learning-rate 1e20 --clip 0 --warmup 0 --max-nonfinite 3 --out diverges
grep -q '"loss":null.*is not finite"' diverges/metrics.jsonl ||
  fail "a step that is not finite is not in metrics.jsonl: $(tail -1 diverges/metrics.jsonl)"
finish
