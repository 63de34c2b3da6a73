# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# To be sourced. ensure_packages installs the missing packages on Debian and its derivatives, and nothing else.
# Elsewhere it prints what is needed and continues if the programs exist.

# shellcheck disable=SC2034
build_packages="g++ cmake ninja-build nlohmann-json3-dev"
# shellcheck disable=SC2034
test_packages="doctest-dev libbenchmark-dev libeigen3-dev libopenmpi-dev openmpi-bin clang clang-format clang-tidy lld binutils pkg-config"

# ensure_packages "NAME NAME ..."
ensure_packages() {
  local wanted missing=() name
  read -r -a wanted <<<"$1"
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This system has no apt-get. Needed, by their Debian names: ${wanted[*]}"
    for name in c++ cmake ninja; do
      command -v "$name" >/dev/null || { echo "The program $name is missing: install it and run this again."; exit 1; }
    done
    return 0
  fi
  for name in "${wanted[@]}"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  echo "Missing packages: ${missing[*]}"
  if [[ $(id -u) -ne 0 ]]; then
    echo "Install them, then run this again:"
    echo "  sudo apt-get install ${missing[*]}"
    exit 1
  fi
  echo "Installing them with apt-get (about a minute) ..."
  local log
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } </dev/null >"$log" 2>&1; then
    cat "$log"
    rm -f "$log"
    echo "apt-get could not install: ${missing[*]}"
    exit 1
  fi
  rm -f "$log"
}
