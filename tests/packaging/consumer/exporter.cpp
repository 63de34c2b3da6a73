// SPDX-License-Identifier: Apache-2.0
#include <exporter.hpp>

#include <cstdio>

int main() { std::puts(exporter_version()); }
