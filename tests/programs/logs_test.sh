#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Logs that other programs read: event files of TensorBoard and CSV, of whole, stopped and damaged runs.
reader=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../oracle/read_events.py")
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# read_events RUN ...: with the package tensorboard, where it is installed.
python=${RAPTR_PYTHON:-python3}
if "$python" -c 'import tensorboard' 2>/dev/null; then
  read_events() { "$python" "$reader" "$@" >events.log 2>&1 || fail "$(grep FAILED events.log || tail -3 events.log)"; }
else
  echo "(no package tensorboard: event files are checked by their sizes only; RAPTR_PYTHON names another Python)"
  read_events() { :; }
fi
E=events.out.tfevents.raptr
event_bytes() { stat -c %s "$1/$E"; }

R=("${B[@]}" --steps 40 --schedule '2-full with heads 1/2-full' --checkpoint-every 10 --validate-every 8 --validation-windows 8)
expect_done "$P" "${R[@]}" --out plain
[[ ! -e plain/$E ]] || fail "an event file that nobody asked for"
expect_done "$P" "${R[@]}" --tensorboard --out whole
read_events whole
head -c 40 whole/$E | grep -qaF brain.Event:2 || fail "the event file has no version"
for tag in loss validation_loss learning_rate gradient_norm tokens_per_second active/heads; do
  grep -qaF "$tag" whole/$E || fail "no curve $tag"
done
untimed() { sed -E 's/"(step_seconds|tokens_per_second)":[-0-9.e+]+//g' "$1/metrics.jsonl"; }
diff <(untimed plain) <(untimed whole) >diff.log || fail "--tensorboard changes metrics.jsonl: $(head -2 diff.log)"

# After a resume every step is there once, and the steps that stayed keep their bytes.
cp -rp whole again && rm -r again/summary.json again/checkpoints/step-000040
expect_done "$P" --resume again
read_events again
[[ $(event_bytes again) -eq $(event_bytes whole) ]] || fail "the event file of a run that went on has another size"
lines=$(head -30 whole/metrics.jsonl | wc -c)
cmp -s -n "$((lines / 2))" whole/$E again/$E || fail "a resume changed the steps before it"
cp -rp whole torn && rm torn/summary.json && truncate -s -7 torn/$E && printf 'torn' >>torn/metrics.jsonl
expect_done "$P" --resume torn
cmp -s whole/$E torn/$E || fail "a torn event file was not written anew"
read_events torn
cp -rp whole young && rm -r young/summary.json young/checkpoints/*
expect_done "$P" --resume young
read_events young
[[ $(event_bytes young) -eq $(event_bytes whole) ]] || fail "the event file of a run that began anew has another size"

# The option may come with a resume, of a finished run too; then the file goes on without it.
cp -rp plain late && rm -r late/summary.json late/checkpoints/step-000040
expect_done "$P" --resume late --tensorboard
read_events late
[[ $(event_bytes late) -eq $(event_bytes whole) ]] || fail "the event file of a late wish lacks steps"
rm -r late/summary.json late/checkpoints/step-000040
expect_done "$P" --resume late
read_events late
expect_done "$P" --resume plain --tensorboard
[[ $(event_bytes plain) -eq $(event_bytes whole) ]] || fail "a finished run got no event file"
read_events plain

# A skipped step has no point of its loss and no NaN.
expect_error 4 'not finite' "$P" "${B[@]}" --steps 30 --learning-rate 1e30 --clip 0 --max-nonfinite 3 --tensorboard --out wild
grep -q '"skipped"' wild/metrics.jsonl || fail "no step was skipped"
read_events wild

# A full disk: nothing is lost as long as the process lives, and a resume mends what died with it.
cp -rp whole full && rm -r full/summary.json full/checkpoints/step-000040
(trap '' XFSZ && ulimit -f 6 && "$P" --resume full) >out.log 2>err.log
[[ $? -eq 3 && $(cat err.log) == "raptr: "* ]] || fail "a full disk is not told: $(cat err.log)"
expect_done "$P" --resume full
[[ $(event_bytes full) -eq $(event_bytes whole) ]] || fail "the event file lacks steps after a full disk"
read_events full

# CSV: a row a step, of any runs, finished or not, one or several, with the fields of all of them.
expect_done "$C" whole --csv whole.csv
[[ $(wc -l <whole.csv) -eq 41 ]] || fail "not a row a step: $(wc -l <whole.csv)"
[[ $(head -1 whole.csv) == run,step,stage,active_blocks,loss,learning_rate,gradient_norm,* ]] || fail "other columns: $(head -1 whole.csv)"
[[ $(head -1 whole.csv) == *,active.heads,*validation_loss* ]] || fail "columns are missing: $(head -1 whole.csv)"
sort -c -t, -k2,2n <(tail -n +2 whole.csv) || fail "the rows are not in the order of the steps"
# The texts of the numbers are those of metrics.jsonl.
sed -E 's/.*"loss":([^,]+),.*/\1/' whole/metrics.jsonl >losses.txt
diff losses.txt <(tail -n +2 whole.csv | cut -d, -f5) >diff.log || fail "other losses: $(head -3 diff.log)"
expect_done env LC_ALL=de_DE.UTF-8 "$C" whole --csv german.csv
cmp -s whole.csv german.csv || fail "another locale changes the CSV"
mkdir 'a,"b"' && cp wild/* 'a,"b"' 2>/dev/null
printf '{"step":' >>'a,"b"/metrics.jsonl'
expect_done "$C" whole 'a,"b"' --csv both.csv
[[ $(wc -l <both.csv) -eq $((41 + $(wc -l <wild/metrics.jsonl))) ]] || fail "the rows of two runs are not all there"
[[ $(tail -1 both.csv) == '"a,""b""",'*' is not finite' ]] || fail "quoting or an empty cell is wrong: $(tail -1 both.csv)"
[[ $(tail -1 both.csv) == *,,* ]] || fail "a loss that is missing is no empty cell: $(tail -1 both.csv)"
if command -v python3 >/dev/null; then
  python3 - <<'END' || fail "the module csv of Python reads something else"
import csv, json
rows = list(csv.DictReader(open("both.csv", newline="")))
lines = [(run, json.loads(line)) for run in ("whole", 'a,"b"') for line in open(run + "/metrics.jsonl") if line.endswith("\n")]
assert len(rows) == len(lines)
for row, (run, fields) in zip(rows, lines):
    assert row.pop("run") == run
    fields.update({"active." + axis: share for axis, share in fields.pop("active").items()})
    for name, text in row.items():
        value = fields.get(name)
        assert text == "" if value is None else text == value if isinstance(value, str) else float(text) == value, (name, text)
    assert set(fields) <= set(row)
END
fi
expect_done "$C" whole again --csv report.csv --out report
[[ -f report/report.md && $(wc -l <report.csv) -eq 81 ]] || fail "--csv and --out together leave something out"
expect_error 2 '--csv needs one or more runs, and 0 given' "$C" --csv some.csv
expect_error 2 '--out is missing' "$C" whole again
expect_error 3 'nothing/metrics.jsonl' "$C" nothing --csv some.csv
expect_error 3 'cannot create' "$C" whole --csv no_folder/some.csv
mkdir wrong && printf '{"step":1}\n[1]\n' >wrong/metrics.jsonl
expect_error 3 'wrong/metrics.jsonl, byte 11: expected an object, got [1]' "$C" wrong --csv some.csv
[[ ! -e some.csv ]] || fail "a refused comparison left a file"
finish
