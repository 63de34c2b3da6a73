// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstdint>
#include <type_traits>
#include <vector>

#include "../support/devices.hpp"
#include "../support/on_device.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

static_assert(!std::is_copy_constructible_v<host_ops<float, float>> && !std::is_copy_assignable_v<host_ops<float, float>>);

TEST_CASE_TEMPLATE("memory is aligned, keeps what was uploaded, and may be released", Device, RAPTR_TEST_DEVICES) {
  using ops_type = typename backend_of<Device>::template ops<float, float>;
  ops_type ops{typename backend_of<Device>::options{}};
  std::vector<double*> all;
  for (std::size_t n : {0u, 1u, 7u, 1000u, 3'000'000u}) {
    double* const p = ops.template allocate<double>(n);
    CHECK(p != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(p) % 64 == 0);
    const std::vector<double> host(n, double(n));
    ops.upload(p, host.data(), n);
    all.push_back(p);
  }
  std::vector<double> back(1000);
  ops.wait(ops.fetch(back.data(), static_cast<const double*>(all[3]), 1000));
  CHECK(back == std::vector<double>(1000, 1000.0));
  for (double* p : all) ops.release(p);
  ops.release(static_cast<double*>(nullptr));
  CHECK_THROWS(ops.release(all[1]));
}

TEST_CASE("asking for more memory than there is says how much") {
  host_ops<float, float> ops;
  CHECK_THROWS_WITH_AS(ops.allocate<double>(std::size_t(1) << 61), doctest::Contains("2305843009213693952 objects of 8 bytes"), input_error);
}

TEST_CASE("the reference fills the target of a fetch with NaN until it is waited for") {
  reference_ops<float, float> ops;
  float* const p = ops.allocate<float>(2);
  const float values[2] = {1, 2}, later[2] = {3, 4};
  float first[2] = {0, 0}, second[2] = {0, 0};
  ops.upload(p, values, 2);
  const ticket a = ops.fetch(first, static_cast<const float*>(p), 2);
  ops.upload(p, later, 2);
  const ticket b = ops.fetch(second, static_cast<const float*>(p), 2);
  CHECK(std::isnan(first[0]));
  ops.wait(a);
  CHECK(first[1] == 2);
  CHECK(std::isnan(second[1]));
  ops.wait(b);
  CHECK(second[0] == 3);
  ops.release(p);
  CHECK(ops.live_blocks() == 0);
}

TEST_CASE("a number of threads that cannot be is refused with the number") {
  using ops_type = host_ops<float, float>;
  CHECK_THROWS_WITH_AS(ops_type({.threads = -3}), doctest::Contains("threads is -3"), input_error);
  CHECK_THROWS_AS(ops_type({.threads = 5000}), input_error);
}

TEST_CASE("a backend describes itself") {
  CHECK(host_ops<float, float>({.threads = 1}).description().find(", 1 thread") != std::string::npos);
  CHECK(host_ops<float, float>({.threads = 3}).description().find(", 3 threads") != std::string::npos);
  CHECK(host_ops<float, float>().description().starts_with(host_device::name));
}

}  // namespace
