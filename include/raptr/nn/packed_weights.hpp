// SPDX-License-Identifier: Apache-2.0
// Weights and gradients of a plan as the products read them: of every tensor a dense matrix with the rows of its kept units. In
// fp32 a weight whose kept units are contiguous is used in place, so depth-only plans pack nothing.
#pragma once

#include <concepts>

#include <raptr/nn/block_copies.hpp>

namespace raptr {

/// The rows of the kept units of tensor k of the layout.
template <class T> matrix<T> kept_rows(const weight_layout& layout, const active_layout& active, std::size_t k, T* data) {
  const weight& what = layout.all()[k].what;
  return {data, active.weights[k].units * what.rows(), what.width};
}

template <class Ops> class packed_weights {
  using real = typename Ops::real;
  using master = typename Ops::master;

 public:
  explicit packed_weights(Ops& ops) : ops_(&ops), compute_(ops), gradients_(ops), pack_buffer_(ops) {}

  /// weights: all master weights, in device memory. Only enqueues.
  void pack(const weight_layout& layout, const active_layout& active, const master* weights) {
    constexpr bool in_place = std::same_as<real, master>;
    pack_.clear(), w_.clear();
    for (std::size_t k = 0; k < active.kept.size(); ++k)
      if (!in_place || active.weights[active.weight_of_range[k]].runs > 1) pack_.push_back(active.kept[k]);
    if (!pack_.empty()) compute_.resize(static_cast<std::size_t>(layout.size()));
    for (std::size_t k = 0; k < layout.all().size(); ++k) {
      const active_weight& a = active.weights[k];
      const real* data = compute_.data() + a.packed;
      if constexpr (in_place)
        if (a.runs == 1) data = weights + a.first;
      w_.push_back(kept_rows(layout, active, k, data));
    }
    if (!pack_.empty()) ops_->elementwise(convert{}, uploaded_ranges(pack_, pack_buffer_), weights, packed_array<real>{compute_.data()});
  }
  /// Makes room for the gradients; their values are not set. Between tensors there may be gaps, which hold numbers all the same: ranks
  /// add up whole pieces.
  void place_gradients(const weight_layout& layout, const active_layout& active) {
    if (static_cast<std::size_t>(active.size) > gradients_.size()) {
      gradients_.resize(static_cast<std::size_t>(active.size));
      copied_ranges all;
      all.add(0, 0, active.size), all.clear(*ops_, gradients_.data());
    }
    g_.clear();
    for (std::size_t k = 0; k < layout.all().size(); ++k) g_.push_back(kept_rows(layout, active, k, gradients_.data() + active.weights[k].packed));
  }

  params<const real> weights() const { return w_.data(); }
  params<master> gradients() const { return g_.data(); }
  /// All of them, packed.
  master* gradient_data() const { return gradients_.data(); }

 private:
  Ops* ops_;
  buffer<real, Ops> compute_;
  buffer<master, Ops> gradients_;
  std::vector<matrix<const real>> w_;
  std::vector<matrix<master>> g_;
  param_range_list pack_;
  buffer<param_range, Ops> pack_buffer_;
};

}  // namespace raptr
