// SPDX-License-Identifier: Apache-2.0
// Relative positions of T5 [t5]: a trained number for each query head and bucket of distances is added to the scores of attention. The
// table belongs to the model and all blocks read it; the rows of heads that a block drops are not read there and get no gradient there.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <vector>

#include <raptr/nn/part.hpp>
#include <raptr/nn/policies/positions.hpp>
#include <raptr/tensor/buffer.hpp>

namespace raptr {

/// A policy of a block. Distances, key minus query, up to Distance share Buckets: those near by have one each, the others one for a range
/// that grows like a logarithm, and the last one has all that are farther. Bidirectional: half of the buckets are for keys behind the
/// query, as in the encoder of T5; otherwise those keys, which only the rows of a prefix see, are in bucket 0, as in its decoder.
template <bool Bidirectional, int Buckets = 32, int Distance = 128> struct relative_buckets {
  static_assert(Buckets >= 4 && Buckets % 4 == 0, "raptr: relative_buckets needs a number of buckets that 4 divides, such as 32");
  static_assert(Distance > Buckets / 2, "raptr: relative_buckets needs a distance above half of its buckets, such as 128 for 32");
  using role = positions_role;
  static constexpr bool has_table = false, bidirectional = Bidirectional;
  static constexpr int buckets = Buckets;

  /// In float, as the files were trained: at a border of two buckets the last bit decides.
  static int bucket(int distance) {
    constexpr int all = Bidirectional ? Buckets / 2 : Buckets, exact = all / 2;
    const int behind = Bidirectional && distance > 0 ? all : 0, steps = Bidirectional ? std::abs(distance) : std::max(-distance, 0);
    if (steps < exact) return behind + steps;
    const float ratio = std::log(float(steps) / float(exact)) / float(std::log(double(Distance) / exact));
    return behind + std::min(exact + int(ratio * float(all - exact)), all - 1);
  }
};
using t5_encoder_positions = relative_buckets<true>;
using t5_decoder_positions = relative_buckets<false>;

template <class P>
concept relative_policy = positions_policy<P> && requires {
  typename std::bool_constant<P::bidirectional>;
  typename std::integral_constant<int, P::buckets>;
  { P::bucket(0) } -> std::same_as<int>;
};

/// The table as a weight of the model: (heads, buckets).
template <class Positions> std::vector<weight> relative_weights(const model_shape& shape) {
  if constexpr (relative_policy<Positions>)
    return {{"relative_positions", false, {{"relative_positions.weight", shape.heads}}, Positions::buckets, initializer::normal, false}};
  else
    return {};
}

/// Of distances 1 - context .. context - 1: the bucket of each; then of each bucket its first distance and the one behind its last, both
/// counted from the first. In device memory; nothing for other positions.
template <class Positions, class Ops> class bucket_index {
 public:
  explicit bucket_index(Ops& ops) : ops_(&ops), data_(ops) {}

  /// The first call fills the index; further ones do nothing.
  void fill(const model_shape& shape) {
    if constexpr (relative_policy<Positions>) {
      if (data_.size() > 0) return;
      const std::vector<int> host = values(shape.context);
      data_.resize(host.size());
      ops_->upload(data_.data(), host.data(), host.size());
    }
  }
  const int* data() const { return data_.data(); }

  static std::vector<int> values(int context) {
    std::vector<int> index;
    for (int distance = 1 - context; distance < context; ++distance) index.push_back(Positions::bucket(distance));
    const auto distances = index.begin() + (2 * std::ptrdiff_t(context) - 1);
    std::vector<int> bounds;
    for (int b = 0; b < Positions::buckets; ++b) {  // the distances of a bucket lie side by side
      const auto first = std::find(index.begin(), distances, b);
      bounds.push_back(static_cast<int>(first - index.begin()));
      bounds.push_back(static_cast<int>(std::find_if(first, distances, [b](int other) { return other != b; }) - index.begin()));
    }
    index.insert(index.end(), bounds.begin(), bounds.end());
    return index;
  }

 private:
  Ops* ops_;
  buffer<int, Ops> data_;
};

/// offsets (queries of the kept groups, distances) from the table; a row for each query head.
template <class T> struct spread_buckets {
  static constexpr int sums = 0;
  T* offsets;
  const T* table;
  const int *index, *groups;
  int queries, buckets, distances;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const T* const from = table + (std::int64_t{groups[r / queries]} * queries + r % queries) * buckets;
    const auto spread = [from](int, T& out, const int& bucket) { out = from[bucket]; };
    team.each(distances, spread, offsets + r * distances, index);
  }
};
/// The table's gradient += doffsets (segments, heads, distances); a row for each query head and bucket.
template <class S> struct gather_buckets {
  static constexpr int sums = 0;
  S* gradient;
  const S* doffsets;
  const int *index, *groups;
  int heads, queries, buckets, distances, segments;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const int head = int(r / buckets), bucket = int(r % buckets);
    const int *const bounds = index + distances + 2 * bucket, first = bounds[0], n = bounds[1] - first;
    if (n == 0) return;
    const auto value = [](int, const S& d) { return d; };
    S sum = S(0);
    for (int s = 0; s < segments; ++s) sum += team.sum(n, value, doffsets + (std::int64_t{s} * heads + head) * distances + first);
    S* const to = gradient + (std::int64_t{groups[head / queries]} * queries + head % queries) * buckets + bucket;
    team.each(1, [=](int) { *to += sum; });
  }
};

/// The offsets to the scores in one call of attention, in scratch memory of the caller's scope; none for other positions.
template <class Positions, class Ops> struct relative_offsets {
  static score_offsets<const typename Ops::real> spread(const part_call<Ops>&, int) { return {}; }
  static typename Ops::master* gradient(const part_call<Ops>&, int) { return nullptr; }
  static void gather(const part_call<Ops>&, int, const typename Ops::master*) {}
};
template <relative_policy Positions, class Ops> struct relative_offsets<Positions, Ops> {
  using real = typename Ops::real;
  using master = typename Ops::master;

  /// heads: query heads of the kept groups.
  static score_offsets<const real> spread(const part_call<Ops>& call, int heads) {
    const score_offsets<real> all{call.memory.template scratch<real>(heads * width(call)), call.shape.context};
    call.ops.for_each_row(spread_buckets<real>{all.data, call.relative.values, call.relative.index, call.kept_units, call.shape.queries_per_group(),
                                               Positions::buckets, static_cast<int>(all.width())},
                          heads);
    return {all.data, all.reach};
  }
  /// Room for theirs of every segment.
  static master* gradient(const part_call<Ops>& call, int heads) {
    return call.memory.template scratch<master>(call.segments.count * heads * width(call));
  }
  static void gather(const part_call<Ops>& call, int heads, const master* doffsets) {
    call.ops.for_each_row(
        gather_buckets<master>{call.relative.gradient, doffsets, call.relative.index, call.kept_units, heads, call.shape.queries_per_group(),
                               Positions::buckets, static_cast<int>(width(call)), call.segments.count},
        std::int64_t{heads} * Positions::buckets);
  }

 private:
  static std::int64_t width(const part_call<Ops>& call) { return score_offsets<real>{nullptr, call.shape.context}.width(); }
};

}  // namespace raptr
