// SPDX-License-Identifier: Apache-2.0
// Samples a token from logits. A draw is a function of (seed, number of the token), so a text can be reproduced.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include <raptr/base/random.hpp>

namespace program {

class sampler {
 public:
  /// temperature 0: the most probable token, the first among equals. top_k 0: no limit. top_p 0: one token is left.
  sampler(double temperature, std::int64_t top_k, double top_p, std::uint64_t seed)
      : temperature_(temperature), top_p_(top_p), top_k_(top_k), draw_(raptr::random_key{seed}.stream("generate")) {}

  int operator()(std::span<const float> logits, std::int64_t number) const {
    std::vector<int> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](int a, int b) { return logits[std::size_t(a)] > logits[std::size_t(b)]; });
    if (temperature_ == 0) return order[0];
    if (top_k_ > 0 && top_k_ < std::ssize(order)) order.resize(std::size_t(top_k_));
    std::vector<double> weight;
    double sum = 0;
    for (const int id : order)
      sum += weight.emplace_back(std::exp((double(logits[std::size_t(id)]) - double(logits[std::size_t(order[0])])) / temperature_));
    std::size_t kept = 0;
    double part = 0;
    do part += weight[kept++];
    while (kept < weight.size() && part < top_p_ * sum);
    double left = draw_.uniform(std::uint64_t(number)) * part;
    for (std::size_t k = 0; k + 1 < kept; ++k)
      if ((left -= weight[k]) < 0) return order[k];
    return order[kept - 1];
  }

 private:
  double temperature_, top_p_;
  std::int64_t top_k_;
  raptr::random_stream draw_;
};

}  // namespace program
