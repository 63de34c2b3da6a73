#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# benchmarks/gpu.sh in a dry run, with programs in place of nvcc, g++, compute-sanitizer and a GPU: after a test that fails, a tool that
# finds something and a program that does not compile everything else runs, results are kept, and the status says so.
#   gpu_script.sh SCRATCH_FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rm -rf "$1"
mkdir -p "$1/bin"
work=$(realpath "$1")

cat > "$work/bin/nvcc" << 'END'
#!/usr/bin/env bash
while (($#)); do
  [[ $1 == -o ]] && to=$2
  shift
done
name=$(basename "$to")
[[ $name == *.o && " $DOES_NOT_COMPILE " == *" ${name%.o} "* ]] && { echo "error: no" >&2; exit 2; }
cat > "$to" << PROGRAM
#!/usr/bin/env bash
[[ " \$* " == *" --count "* ]] && { echo "the current filters: 3"; exit; }
[[ \$1 == *.jsonl ]] && echo '{"of":"$name"}' >> "\$1"
echo "$name has run"
[[ " \$FAILS " != *" $name "* ]]
PROGRAM
chmod +x "$to"
END
cat > "$work/bin/compute-sanitizer" << 'END'
#!/usr/bin/env bash
echo "========= $2 $(basename "$5")"
[[ "$2 $(basename "$5")" != "$SANITIZER_FINDS" ]]
END
printf '#!/usr/bin/env bash\n' > "$work/bin/g++"
printf '#!/usr/bin/env bash\nexit 1\n' > "$work/bin/python3"
printf '#!/usr/bin/env bash\necho "a card, 1.0, 1000 MHz"\n' > "$work/bin/nvidia-smi"
chmod +x "$work/bin/"*

fail() { echo "gpu_script.sh: $1" >&2; tail -40 "$work/said" >&2; exit 1; }
dry_run() {
  status=0
  PATH=$work/bin:$PATH bash "$root/benchmarks/gpu.sh" --out "$work/out" "$@" > "$work/said" 2>&1 || status=$?
}
export FAILS= SANITIZER_FINDS= DOES_NOT_COMPILE=
dry_run
((status == 0)) || fail "without a failure the status is $status"
[[ ! -e $work/out/problems.txt ]] || fail "problems without a failure"

FAILS='test_layers kernels' SANITIZER_FINDS='memcheck test_attention' DOES_NOT_COMPILE=test_units
dry_run
((status == 1)) || fail "after failures the status is $status"
for word in 'test_units was not built' 'the tests of units failed' 'the tests of layers failed' 'memcheck found errors in attention' 'the benchmark kernels failed'; do
  grep -q "$word" "$work/out/problems.txt" || fail "no word of: $word"
done
(($(wc -l < "$work/out/problems.txt") == 5)) || fail "other problems too: $(cat "$work/out/problems.txt")"
for name in operations agreement layers sequences optimizer nonfinite attention; do
  grep -q 'has run' "$work/out/test_$name.log" || fail "the tests of $name did not run"
done
[[ -s $work/out/initcheck.attention.log ]] || fail "the last tool did not run"
grep -q '{"of":"steps"}' "$work/out/figures.jsonl" || fail "the last benchmark did not run"

# A stage that breaks off does not end those behind it.
FAILS= SANITIZER_FINDS= DOES_NOT_COMPILE=
mv "$work/bin/g++" "$work/bin/no_g++" && printf '#!/usr/bin/env bash\nexit 1\n' > "$work/bin/g++" && chmod +x "$work/bin/g++"
dry_run build test
((status == 1)) || fail "after a stage that breaks off the status is $status"
grep -q 'the stage build broke off' "$work/out/problems.txt" || fail "no word of the stage that broke off"
grep -q '=== test: ' "$work/said" || fail "the stage behind it did not run"
