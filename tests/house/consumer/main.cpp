// SPDX-License-Identifier: Apache-2.0
#include <raptr/base/version.hpp>
#if __has_include(<raptr/raptr.hpp>)
#include <raptr/raptr.hpp>
#endif

#include <Eigen/Core>
#ifdef WITH_IO
#include <nlohmann/json.hpp>
#endif
#include <cstdio>

int main() { std::puts(raptr::library_version.data()); }
