// SPDX-License-Identifier: Apache-2.0
// The order of samples: for every epoch a permutation of the windows of a text, a pure function of (seed, epoch). So each
// window is visited exactly once an epoch, and a resumed run continues where it stopped.
#pragma once

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include <raptr/base/random.hpp>

namespace raptr {

class sample_order {
 public:
  sample_order(std::int64_t windows, std::uint64_t seed) : seed_(seed), order_(static_cast<std::size_t>(windows)) {}

  std::int64_t windows() const { return static_cast<std::int64_t>(order_.size()); }
  std::int64_t epoch(std::int64_t sample) const { return sample / windows(); }
  /// The window of a sample; samples are numbered from 0 through the whole run.
  std::int64_t operator[](std::int64_t sample) {
    if (const std::int64_t now = epoch(sample); now != epoch_) shuffle(now);
    return order_[static_cast<std::size_t>(sample % windows())];
  }

 private:
  void shuffle(std::int64_t epoch) {
    const random_stream draw = random_key{seed_}.stream("order", static_cast<std::uint64_t>(epoch));
    std::iota(order_.begin(), order_.end(), std::int64_t{0});
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[draw.below(i, i)]);
    epoch_ = epoch;
  }
  std::uint64_t seed_;
  std::vector<std::int64_t> order_;
  std::int64_t epoch_ = -1;
};

}  // namespace raptr
