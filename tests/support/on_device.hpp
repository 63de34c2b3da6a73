// SPDX-License-Identifier: Apache-2.0
// Arrays for tests: made on the host, used on a device, read back through fetch() and wait() only.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include <raptr/backend/ops.hpp>

namespace raptr::testing {

/// Numbers in -1 .. 1 that depend on the seed alone.
template <class T> std::vector<T> numbers(std::size_t n, std::uint64_t seed) {
  std::vector<T> list(n);
  std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (T& x : list) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    x = T(double(state >> 11) / double(std::uint64_t(1) << 52) - 1.0);
  }
  return list;
}

template <class Ops, class T> class on_device {
 public:
  on_device(Ops& ops, const std::vector<T>& from) : ops_(ops), size_(from.size()), data_(ops.template allocate<T>(from.size())) {
    ops.upload(data_, from.data(), size_);
  }
  on_device(const on_device&) = delete;
  on_device& operator=(const on_device&) = delete;
  ~on_device() { ops_.release(data_); }

  T* get() const { return data_; }
  const T* read() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> to(size_);
    ops_.wait(ops_.fetch(to.data(), read(), size_));
    return to;
  }

 private:
  Ops& ops_;
  std::size_t size_;
  T* data_;
};

/// The largest |a - b| / (1 + |b|); infinite if there is a NaN or another length.
template <class A, class B> double distance(const std::vector<A>& a, const std::vector<B>& b) {
  if (a.size() != b.size()) return HUGE_VAL;
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(double(a[i]) - double(b[i])) / (1 + std::abs(double(b[i])));
    if (!(d <= most)) most = std::isnan(d) ? HUGE_VAL : d;
  }
  return most;
}

}  // namespace raptr::testing
