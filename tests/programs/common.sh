# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For the scripts here: bash NAME_test.sh FOLDER_OF_PROGRAMS. Sets P, G, C (the programs) and B (options of a tiny model),
# and goes to a scratch folder with a text in it.
set -uo pipefail
programs=$(realpath "$1")
export P=$programs/raptr-pretrain G=$programs/raptr-generate C=$programs/raptr-compare
scratch=$(mktemp -d)
# A signal may meet a copy of this shell that has not become the program yet: the folder goes with this process only.
trap '[[ $BASHPID -ne $$ ]] || rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0

# A text with some structure: numbered lines.
for ((i = 0; i < 700; ++i)); do echo "line $i holds $((i * i % 97)) and $((i * 7 % 31))"; done >text.txt
# shellcheck disable=SC2034
B=(--text text.txt --layers 4 --width 16 --heads 2 --context 16 --batch 2 --threads 1)

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
finish() {
  [[ $failures -eq 0 ]] || { echo "$failures checks failed"; exit 1; }
  exit 0
}
# expect_error CODE PART PROGRAM ...: the exit code, one line on stderr that begins with "raptr:" and has PART in it.
expect_error() {
  local code=$1 part=$2 got
  shift 2
  "$@" >out.log 2>err.log </dev/null
  got=$?
  [[ $got -eq $code ]] || fail "exit code $got instead of $code: $* ($(cat err.log))"
  [[ $(wc -l <err.log) -eq 1 && $(cat err.log) == "raptr: "* ]] || fail "not one line beginning with raptr: after $*: $(cat err.log)"
  [[ $(cat err.log) == *"$part"* ]] || fail "\"$part\" is missing in: $(cat err.log)"
}
# expect_done PROGRAM ...
expect_done() {
  "$@" >out.log 2>err.log </dev/null || fail "exit code $? of $*: $(cat err.log)"
}
# All files of a run with their contents, without the fields of time and what depends on the number of threads.
contents() {
  (cd "$1" && find . -type f | sort | while read -r file; do
    echo "== $file"
    case $file in
      ./curves.svg) ;;
      *)
        sed -E 's/"(step_seconds|tokens_per_second|training_seconds)": ?[-0-9.e+]+//g; s/"threads": [0-9]+//; s/"device": "[^"]*"//' "$file" |
          sha256sum
        ;;
    esac
  done)
}
expect_same_run() {
  diff <(contents "$1") <(contents "$2") >diff.log || fail "the runs $1 and $2 differ: $(head -8 diff.log)"
}
