#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A disjunction in a nested requirement is not cut short by clang 13 and 14, though the same one outside of a requires-expression is.
#
# Setting: two concepts, `A || B` and `requires { requires A || B; }`, and a type for which A is true and B has no meaning. clang 13.0.1 and
# 16.0.6 from PyPI (ziglang 0.9.1 and 0.11.0); clang 14.0.6 of Debian 12 does as 13.
# Expected: both hold, since the operand of a nested requirement is a constraint, and a disjunction whose first half holds does not look at
# the second. g++ 12 and clang 16 do so.
# Seen: clang 13 calls the second one not satisfied, because B "would be invalid". So a concept such as "no moments, or as many names as
# moments" refuses types without moments on the compiler of many distributions, and nowhere else.
# Exit code 0 while this is so, 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/concepts.cpp" <<'CPP'
template <class T> concept plain = T::count == 0 || T::names[0] != nullptr;
template <class T> concept nested = requires { requires T::count == 0 || T::names[0] != nullptr; };
struct empty { static constexpr int count = 0; };
static_assert(plain<empty>);
#ifdef NESTED
static_assert(nested<empty>);
#endif
CPP
export HOME=$work
declare -A takes
for version in 0.9.1 0.11.0; do
  python3 -m venv "$work/$version"
  "$work/$version/bin/pip" install --quiet "ziglang==$version"
  compile() { "$work/$version/bin/python" -m ziglang c++ -std=c++20 "$@" -c "$work/concepts.cpp" -o "$work/concepts.o" >"$work/log" 2>&1; }
  compile || { cat "$work/log"; exit 1; }
  takes[$version]=no
  if compile -DNESTED; then takes[$version]=yes; fi
  echo "$("$work/$version/bin/python" -m ziglang c++ --version | grep -o 'clang version [0-9.]*'): the nested disjunction holds: ${takes[$version]}"
done
[[ ${takes[0.9.1]} == no && ${takes[0.11.0]} == yes ]] || { echo "this has changed"; exit 1; }
