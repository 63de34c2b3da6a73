#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two ranks on two "hosts": network namespaces with a cable between them, host names of their own, and Open MPI over TCP. The same losses as on one
# host; and a rank that is killed or stopped, and a cut cable, each with the seconds until the end and what is said. Behind a cut cable mpirun waits
# for its daemon, as Open MPI has it: what counts there is that both ranks end by themselves, and mpirun is then ended. Needs root, iproute2
# and Debian's Open MPI; exits with 77 where there are none.
#   two_hosts.sh BUILD_FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pretrain=$(realpath "$1/examples/raptr-pretrain")
limit=${LIMIT:-2}
for needed in ip mpirun.openmpi mpicxx.openmpi unshare; do
  if ! command -v "$needed" >/dev/null; then
    echo "There is no $needed here: not tried."
    exit 77
  fi
done
a=raptr-$$-a b=raptr-$$-b network=10.231.7
cleanup() {
  local host
  for host in "$a" "$b"; do
    ip netns pids "$host" 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
    ip netns del "$host" 2>/dev/null || true
  done
  rm -rf "$work"
}
work=$(mktemp -d)
trap cleanup EXIT
if ! { ip netns add "$a" && ip netns add "$b" && ip -n "$a" link add cable type veth peer name cable netns "$b" &&
  ip -n "$a" address add "$network.1/24" dev cable && ip -n "$b" address add "$network.2/24" dev cable; } 2>"$work/why"; then
  echo "Network namespaces are not permitted here: not tried. ($(tail -1 "$work/why"))"
  exit 77
fi
for host in "$a" "$b"; do
  ip -n "$host" link set lo up
  ip -n "$host" link set cable up
done
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# How mpirun starts its daemon on the other host.
cat >"$work/agent" <<END
#!/usr/bin/env bash
shift # the name of the host
exec ip netns exec $b unshare --uts bash -c "hostname raptr-b; \$*"
END
chmod +x "$work/agent"
on_two_hosts() { # PROGRAM ...
  ip netns exec "$a" unshare --uts bash -c 'hostname raptr-a; exec "$@"' bash timeout 120 mpirun.openmpi --host "$network.1:1,$network.2:1" -n 2 --bind-to none \
    --mca plm_rsh_agent "$work/agent" --mca pml ob1 --mca btl tcp,self --mca btl_tcp_if_include "$network.0/24" --mca oob_tcp_if_include "$network.0/24" "$@"
}
bytes() { ip netns exec "$a" cat /sys/class/net/cable/statistics/tx_bytes; }
losses() { sed -nE 's/.*"loss":([0-9.]+).*/\1/p' "$1/metrics.jsonl"; }

cd "$work"
for ((i = 0; i < 3000; ++i)); do echo "line $i holds $((i * i % 97)) and $((i * 7 % 31))"; done >text.txt
run=("$pretrain" --text text.txt --layers 4 --width 64 --heads 2 --context 32 --batch 6 --steps 40 --threads 1 --schedule 2-4 --validate-every 0)
before=$(bytes)
on_two_hosts "${run[@]}" --out two >out.log 2>&1 </dev/null || { cat out.log; exit 1; }
sent=$(($(bytes) - before))
mpirun.openmpi --oversubscribe -n 2 "${run[@]}" --out one >out.log 2>&1 </dev/null || { cat out.log; exit 1; }
diff <(losses one) <(losses two) || { echo "two_hosts.sh: the losses differ"; exit 1; }
for file in model optimizer; do cmp "one/checkpoints/step-000040/$file.safetensors" "two/checkpoints/step-000040/$file.safetensors"; done
[[ $(losses two | wc -l) -eq 40 ]]
# A step sends the active weights once in each direction.
parameters=$(sed -nE 's/.* ([0-9,]+) parameters.*/\1/p' out.log | tr -d ,)
((sent > 40 * 4 * parameters / 4)) || { echo "two_hosts.sh: $sent bytes went over the cable"; exit 1; }
echo "two hosts: 40 steps with the losses and final bits of one host; $sent bytes over the cable"

program=$work/training_ranks
launcher=$(command -v ccache || true)
OMPI_CXX="${launcher:+$launcher }${CXX:-g++}" mpicxx.openmpi -std=c++20 -O1 -w -pthread -DOMPI_SKIP_MPICXX -I"$root/include" "$root/tests/comm/training_ranks.cpp" -o "$program"
timed() { while IFS= read -r line; do echo "$EPOCHREALTIME $line"; done; }
failed=0
for kind in kill stop cut; do
  code=0
  rm -f log
  if [[ $kind == cut ]]; then
    (
      while ! grep -q 'rank fails' log 2>/dev/null; do sleep 0.02; done
      ip -n "$a" link set cable down
      while pgrep -f "^$program" >/dev/null; do sleep 0.1; done
      echo "$EPOCHREALTIME" >ranks_gone
      sleep 10 # for mpirun; then it and its daemon are ended
      for host in "$a" "$b"; do ip netns pids "$host" | xargs -r kill -KILL; done
    ) &
  fi
  { on_two_hosts "$program" mpi "$kind" "$limit" 10 1 3000 2>&1 </dev/null; } | timed >log || code=$?
  from=$(awk '/rank fails/ { print $1; exit }' log)
  seconds=$(awk "BEGIN { print $EPOCHREALTIME - $from }")
  if [[ $kind == cut && -s ranks_gone ]]; then seconds="$seconds s, the ranks after $(awk "BEGIN { print $(cat ranks_gone) - $from }")"; fi
  for ((k = 0; k < 100; ++k)); do # on the other side of a cut cable the rank ends by itself
    pgrep -f "^$program" >/dev/null || break
    sleep 0.1
  done
  left=$(pgrep -fc "^$program" || true)
  echo "two hosts, $kind: exit code $code after $seconds s, $left ranks are left; said:"
  grep -E 'raptr: |exited on signal|lost|not able|unreachable|communication' log | cut -d' ' -f2- | sed 's/^/  /' | head -8
  if ((code == 0 || left > 0)) || ! grep -qE 'raptr: rank 0: step 1[0-9], .*: rank 0 has waited .* for rank 1, which|rank 1 with PID .* exited on signal 9' log; then
    echo "two_hosts.sh: $kind: not as promised"
    cat log
    failed=1
  fi
  [[ $kind != cut ]] || ip -n "$a" link set cable up
done
exit "$failed"
