#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the programs print and write: plans, logs, names of files, texts.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# --plan prints the table and makes nothing.
expect_done "$P" --text text.txt --plan --layers 12 --width 16 --heads 2 --schedule 6-8-10-12 --steps 100
grep -q '^1 *1 to 25 *6 of 12 *50.0 %' out.log || fail "the first stage is missing: $(cat out.log)"
grep -q '^all *100 *9 of 12 *75.0 %' out.log || fail "the sum is missing: $(cat out.log)"
grep -q 'Expected saving.*25.0 % of the block FLOPs' out.log || fail "the saving is missing"
[[ ! -e runs ]] || fail "--plan made a folder"
expect_done "$P" "${B[@]}" --plan --schedule constant:2
grep -q 'ends below the full network' out.log || fail "a schedule that ends below the full network is not told"

# Help fits a screen for each topic.
for topic in '' data model numbers schedule training run ranks; do
  expect_done "$P" --help $topic
  [[ $(wc -l <out.log) -le 24 && $(wc -L <out.log) -le 82 ]] || fail "--help $topic is larger than a screen: $(wc -lL <out.log)"
done
expect_done "$P" --help all
for option in text steps learning-rate full-disk; do grep -q -- "--$option" out.log || fail "--$option has no help"; done
expect_done "$G" --help
expect_done "$C" --help

# Only a text is needed; the folder's name is counted up.
mkdir -p defaults && cd defaults || exit 1
expect_done "$P" --text ../text.txt --steps 1 --validate-every 0
expect_done "$P" --text ../text.txt --steps 1 --validate-every 0
[[ -f runs/1/summary.json && -f runs/2/summary.json ]] || fail "no runs/1 and runs/2"
cd ..

# Plain lines where there is no terminal; the log in a closed stream ends nowhere.
expect_done env TERM=xterm "$P" "${B[@]}" --steps 9 --out plain
grep -q $'\r\|\x1b' out.log && fail "control characters in a log"
grep -q 'step 9 of 9' out.log || fail "the last step is not told"
"$P" "${B[@]}" --steps 9 --out closed <&- >&- 2>&- || fail "exit code $? with closed streams"
grep -rlq 'step 1 of 9' closed && fail "the log went into a file of the run"
expect_same_run plain closed
"$P" "${B[@]}" --steps 3 --out full >/dev/full 2>err.log
[[ $? -eq 3 ]] || fail "a full device for the log gives no exit code"
"$G" --run plain >/dev/full 2>err.log
[[ $? -eq 3 ]] || fail "a full device for the text gives no exit code"

# Another locale changes no byte.
expect_done env LC_ALL=de_DE.UTF-8 "$P" "${B[@]}" --steps 9 --learning-rate 0.001 --out german
expect_same_run plain german
diff <(tr -cd ',' <plain/curves.svg) <(tr -cd ',' <german/curves.svg) >/dev/null || fail "the curves have other commas"

# Names of files: any bytes, found again from anywhere.
mkdir 'a b'
for name in 'a b/ü 漢.txt' $'line\nend.txt' $'not \xff utf8.txt' '--dashes.txt' "quote'\$x.txt"; do
  cp text.txt "./$name"
  run="run of $name"
  run=${run//\//_}
  expect_done "$P" "${B[@]:2}" --steps 4 --checkpoint-every 2 "--text=$name" "--out=$run"
  rm -r "$run/summary.json" "$run/checkpoints/step-000004"
  (failures=0 && cd defaults && expect_done "$P" "--resume=$scratch/$run" && exit $failures) || fail "cannot resume from another folder: $name"
  grep -q '"text"' "$run/config.json" || fail "no text in config.json"
done
expect_done "$P" --config plain/config.json --out again
expect_same_run plain again
printf '{"steps": 9, "width": 8}' >small.json
expect_done "$P" --config small.json "${B[@]}" --out over
expect_same_run plain over

# A validation text of its own; folders of texts, of which some are empty; a comparison.
mkdir texts
head -c 3000 text.txt >texts/b.txt
: >texts/a.txt
cp text.txt texts/ignored.md
expect_done "$P" "${B[@]:2}" --steps 9 --schedule 2-3-4 --text texts --documents blank-line --validation-text text.txt --out folder
grep -q '1 file without a document, 1 folder entry skipped (ignored.md)' out.log || fail "what was passed over is not told: $(cat out.log)"
[[ $(grep -c validation_loss folder/metrics.jsonl) -eq 9 ]] || fail "not validated after every step"
printf 'short' >short.txt
expect_error 2 'but one sequence' "$P" "${B[@]}" --steps 9 --validation-text short.txt --out nothing
[[ ! -e nothing ]] || fail "a run with a short validation text left a folder"
expect_done "$C" plain folder --out report
grep -q 'another text' out.log || fail "it is not told that the texts differ"
grep -qE '^\| folder +\| +2-3-4 \|' report/report.md || fail "the table is not in the report: $(cat report/report.md)"
grep -q '</svg>' report/curves.svg || fail "no curves"

# Rates that differ are told, from what the logs recorded; those of runs of other lengths are compared at the same share.
O=("${B[@]}" --validate-every 0 --checkpoint-every 0)
expect_done "$P" "${O[@]}" --steps 40 --out base
expect_done "$P" "${O[@]}" --steps 40 --schedule 2-4 --out staged
expect_done "$P" "${O[@]}" --steps 30 --out shorter
expect_done "$P" "${O[@]}" --steps 40 --schedule 2-4 --rate-rule last-stage --out late
expect_done "$P" "${O[@]}" --steps 30 --schedule 2-4 --rate-rule last-stage --out late_shorter
expect_done "$P" "${O[@]}" --steps 40 --schedule 2-4 --rewarm 5 --out rewarmed
expect_done "$P" "${O[@]}" --steps 40 --schedule 2-4 --completep-rate 0.5 --out by_depth
expect_done "$P" "${O[@]}" --steps 40 --learning-rate 2e-3 --out higher
expect_done "$C" base staged shorter --out report
grep -q 'other learning rates' out.log && fail "equal rates are said to differ: $(cat out.log)"
for other in late rewarmed higher late_shorter; do
  expect_done "$C" base staged $other --out report
  grep -qE "^$other was trained with other learning rates than base \(at step [0-9]+ of base, " out.log || fail "not told of $other: $(cat out.log)"
  grep -q "$other was trained with other learning rates" report/report.md || fail "not in the report: $(cat report/report.md)"
done
expect_done "$C" base by_depth --out report
grep -q '^by_depth was trained with other learning rates of blocks than base' out.log || fail "not told of the rate of blocks: $(cat out.log)"
expect_done "$C" late late --out report
grep -q 'other learning rates' out.log && fail "a run differs from itself: $(cat out.log)"
for option in --top-k --top-p --seed; do
  expect_error 2 "$option is given, but at --temperature 0" "$G" --run plain --temperature 0 $option 1
done
# Three arms: one sentence says which of them have equal steps and which an equal cost.
expect_done "$P" "${B[@]}" --steps 12 --schedule 1/2-full --out half
expect_done "$P" "${B[@]}" --steps 12 --out twelve
expect_done "$P" "${B[@]}" --steps 9 --out nine
expect_done "$C" twelve half nine --out arms
sentence=$(grep '^At ' out.log)
[[ $sentence =~ ^'At equal steps (12): twelve '[0-9.]+', half '[0-9.]+'; at equal block FLOPs ('[^\)]+'): half '[0-9.]+', nine '[0-9.]+'.'$ ]] ||
  fail "which comparison is which is not told: $sentence"
grep -qF "$sentence" arms/report.md || fail "the report does not say which comparison is which"
[[ $(grep -o '>[a-z]*</text>' arms/curves.svg | grep -cE 'twelve|half|nine') -eq 6 ]] || fail "the legend has not one entry for each run and panel"
expect_done "$P" --text text.txt --layers 4 --width 16 --heads 2 --context 32 --batch 2 --threads 1 --steps 12 --validation-windows 8 --out wider
expect_done "$C" twelve wider --out other
for line in 'context, 32 instead of 16: their losses are not comparable.' 'validation windows, 8 instead of 256: their losses are not comparable.' \
  'tokens per step, 64 instead of 32: equal steps are not equal tokens.'; do
  grep -qxF "wider differs from twelve in $line" out.log || fail "\"$line\" is missing: $(cat out.log)"
done
expect_done "$C" twelve half --out other
! grep -q 'differs from' out.log || fail "a schedule is a difference: $(cat out.log)"
expect_done "$C" twelve twelve --out same
grep -qE '^At equal steps \(12\) and equal block FLOPs \([^)]+\): twelve [0-9.]+, twelve [0-9.]+\.$' out.log || fail "equal runs: $(cat out.log)"
expect_done "$C" twelve nine --out other
if grep -q '^At equal' out.log; then fail "runs of other steps and costs count as equal: $(cat out.log)"; fi

# Generation: greedy and drawn texts come again, long and empty prompts work.
text() { "$G" --run plain "$@" 2>err.log; }
[[ "$(text --temperature 0 --prompt line --tokens 30 | sha256sum)" == "$(text --temperature 0 --prompt line --tokens 30 --threads 2 | sha256sum)" ]] ||
  fail "greedy texts differ"
[[ "$(text --seed 5 --tokens 30 | sha256sum)" == "$(text --seed 5 --tokens 30 --threads 2 | sha256sum)" ]] || fail "texts of one seed differ"
[[ "$(text --seed 5 --tokens 30 | sha256sum)" != "$(text --seed 6 --tokens 30 | sha256sum)" ]] || fail "texts of two seeds are equal"
[[ "$(text --seed 5 --tokens 30 --top-k 1 --prompt li | sha256sum)" == "$(text --temperature 0 --tokens 30 --prompt li | sha256sum)" ]] ||
  fail "top-k 1 is not greedy"
[[ "$(text --seed 5 --tokens 30 --top-p 0 --prompt li | sha256sum)" == "$(text --temperature 0 --tokens 30 --prompt li | sha256sum)" ]] ||
  fail "top-p 0 is not greedy"
text --prompt 'a prompt that is longer than the context' --tokens 3 >out.log
[[ $(cat out.log) == 'a prompt that is longer than the context'* ]] || fail "a long prompt was cut in the output"
grep -q '40 tokens and the context of the model 16: only the last 16' err.log || fail "it is not told what is cut: $(cat err.log)"
printf 'ab\0cd' >nul.txt
[[ $(text --prompt-file nul.txt --tokens 0 | od -An -c | tr -d ' \n') == 'ab\0cd\n' ]] || fail "a NUL byte in a prompt is lost"

# Generated text is UTF-8 wherever it ends, and a longer one goes on where a shorter one ended.
for ((i = 0; i < 300; ++i)); do printf 'ü€🦖ß漢 %s\n' $i; done >wide.txt
expect_done "$P" --text wide.txt --layers 2 --width 16 --context 16 --steps 60 --threads 1 --validate-every 0 --out wide
for ((n = 1; n <= 24; ++n)); do
  for t in 0 1 3; do
    "$G" --run wide --tokens $n --temperature $t --prompt 'ü€' --threads 1 >now.txt 2>err.log || fail "no text: $(cat err.log)"
    iconv -f UTF-8 -t UTF-8 now.txt >/dev/null 2>&1 || fail "$n tokens at temperature $t are not UTF-8: $(od -An -c now.txt)"
    [[ ! -f before$t || $(cat now.txt) == "$(cat before$t)"* ]] || fail "$n tokens do not go on from $((n - 1)): $(cat now.txt)"
    mv now.txt before$t
  done
done
printf 'a\xe2\x82' >half.txt
"$G" --run wide --tokens 0 --prompt-file half.txt >out.log 2>err.log
[[ $(cat out.log) == a && $(cat err.log) == *'ends within a character, whose 2 first bytes are left out'* ]] || fail "half of a character: $(od -c out.log)"
expect_done "$P" --text nul.txt --layers 2 --width 16 --context 4 --steps 1 --out nul_run
finish
