#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What surrounds a program: the language of the user, the terminal, streams that are closed, limits: docs/field_cases.md,
# cli-1 to cli-5.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
R=("${B[@]}" --steps 6 --schedule 2-4 --checkpoint-every 2)

# cli-1: a decimal comma, in a language that is really there. A machine without one makes it.
german=(env LC_ALL=de_DE.UTF-8)
has_comma() { [[ $("${german[@]}" bash -c 'printf %.1f 1' 2>/dev/null) == 1,0 ]]; }
if ! has_comma && mkdir languages && localedef -i de_DE -f UTF-8 languages/de_DE.UTF-8 2>/dev/null; then export LOCPATH=$PWD/languages; fi
if has_comma; then
  expect_done "$P" "${R[@]}" --learning-rate 0.001 --out plain
  expect_done "${german[@]}" "$P" "${R[@]}" --learning-rate 0.001 --out german
  expect_same_run plain german
  grep -q 'rate 1.00e-03' out.log || fail "no point in the log: $(cat out.log)"
  cp -r german again && rm -r again/summary.json again/checkpoints/step-000006
  expect_done "${german[@]}" "$P" --resume again
  expect_same_run plain again
  expect_done "${german[@]}" "$P" --config german/config.json --out third
  expect_same_run plain third
  expect_error 2 '--learning-rate is "0,001": give a number' "${german[@]}" "$P" "${R[@]}" --learning-rate 0,001 --out fourth
  expect_done "${german[@]}" "$C" plain german --out german_report
  expect_done "$C" plain german --out plain_report
  diff -r plain_report german_report >/dev/null || fail "a report depends on the language"
else
  echo "(no language with a decimal comma, and no localedef: cli-1 was not tried)"
fi
unset LOCPATH

# cli-2: no bar and no colours where there is no terminal, and none on one that cannot do them.
expect_done env TERM=xterm "$P" "${R[@]}" --out piped
grep -q $'\r\|\x1b' out.log && fail "control characters in a file"
if command -v script >/dev/null; then
  TERM=dumb script -qec "$(printf '%q ' "$P" "${R[@]}" --out dumb)" typescript >/dev/null </dev/null || fail "no run on a dumb terminal"
  grep -q $'\x1b' typescript && fail "escapes on a dumb terminal"
  sed 's/\r$//' typescript | grep -q $'\r' && fail "lines are written over on a dumb terminal"
  grep -q 'step 6 of 6' typescript || fail "the last step is not told: $(cat typescript)"
fi
"$P" "${R[@]}" --out closed >&- || fail "exit code $? with a closed stream"
grep -rlqE 'step [0-9]+ of 6|Reading the text' closed && fail "the log went into a file of the run"
expect_same_run piped closed

# cli-3: names of any bytes, of a text, of a tokenizer and of a run; found again from another folder; a table of them.
mkdir elsewhere 'a b'
bar='a<b>&"c|d'
"$programs/raptr-tokenize" --train-bpe 300 --text text.txt --out $'tok\n\xfe' >out.log 2>err.log || fail "no tokenizer: $(cat err.log)"
for name in 'a b/ü 漢.txt' $'line\nend.txt' $'not \xff utf8.txt'; do
  cp text.txt "$name"
  run=$bar$'\n'${name//\//_}
  expect_done "$P" "${R[@]:2}" --text "$name" --tokenizer $'tok\n\xfe' --vocab 300 --out "$run"
  rm -r "$run/summary.json" "$run/checkpoints/step-000006"
  (failures=0 && cd elsewhere && expect_done "$P" --resume "$scratch/$run" && expect_done "$G" --run "$scratch/$run" --tokens 3 && exit $failures) ||
    fail "not found again from another folder: $name"
done
expect_done "$C" "$run" "$run" --out names
[[ $(grep -c '^| a\\<b>\\&"c\\|d' names/report.md) -eq 2 ]] || fail "a name with a bar breaks the table: $(cat names/report.md)"

# cli-4: 64 KiB for every file, the first checkpoint has more: told, nothing torn left; a folder below a file.
(trap '' XFSZ && ulimit -f 64 && exec "$P" --text text.txt --layers 4 --width 64 --heads 2 --context 16 --steps 6 --threads 1 --out limited) >out.log 2>err.log
[[ $? -eq 3 && $(cat err.log) == *'cannot write'*'File too large'* ]] || fail "a limit of the file size is not told: $(cat err.log)"
[[ -z $(ls -A limited/checkpoints) ]] || fail "a torn checkpoint is left"
expect_error 3 'Not a directory' "$P" "${R[@]}" --out text.txt/run

# cli-5: no abbreviations, and numbers are read whole.
for word in --step --learning --ste -s --Steps; do
  expect_error 2 "unknown option $word: the nearest is --" "$P" "${B[@]}" $word 3
done
for number in 3x 3.5 1e3 0x10 +3 ' 3' '3 ' '3,' 1_000 '' -1; do
  expect_error 2 "--steps is \"$number\": give a whole number from 1" "$P" "${B[@]}" "--steps=$number"
done
for number in 0x1p-3 1e-3x .5. 1,5 nan infinity '' ' 1' -1; do
  expect_error 2 "--learning-rate is \"$number\": give a number from 0" "$P" "${B[@]}" "--learning-rate=$number"
done
finish
