// SPDX-License-Identifier: Apache-2.0
// Every header in two static libraries and a shared one links, and has one copy of what it defines.
#include <cstdio>

const void* version_in_one();
const void* version_in_two();
const void* version_in_three();

int main() {
  if (version_in_one() == version_in_two() && version_in_one() == version_in_three()) return 0;
  std::puts("raptr::library_version exists more than once");
  return 1;
}
