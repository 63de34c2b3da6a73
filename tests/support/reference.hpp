// SPDX-License-Identifier: Apache-2.0
// A second backend that says what every operation means: plain loops in the order of the formulas, sums in double. Its
// memory is closed outside its own operations, so code that touches device memory directly dies as it would with a
// GPU, and what fetch() promised is NaN until wait(), so that a reader who does not wait is found.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <raptr/backend/ops.hpp>
#include <raptr/base/device.hpp>

#include "guarded_memory.hpp"

namespace raptr {

struct reference {
  static constexpr std::string_view name = "reference";
};
struct reference_options {
  bool guarded = true;
};

template <class Real, class Master> class reference_ops {
 public:
  using real = Real;
  using master = Master;
  static constexpr std::int64_t working_set = std::int64_t(16) << 20;

  explicit reference_ops(const reference_options& options = {}) : memory_(options.guarded) {}
  reference_ops(const reference_ops&) = delete;
  reference_ops& operator=(const reference_ops&) = delete;

  template <class K> void for_each_row(const K& kernel, std::int64_t n) {
    const open o(memory_);
    row_sums<K> sums(kernel);
    for (std::int64_t r = 0; r < n; ++r) kernel.row(sums.one, r);
    sums.add_up(kernel);
  }
  template <class Epilogue>
  void matmul_nt(Real* y, const Real* x, matrix<const Real> w, const Real* bias, std::int64_t n, double alpha, const Epilogue& epilogue) {
    const open o(memory_);
    for (std::int64_t r = 0; r < n; ++r)
      for (std::int64_t k = 0; k < w.rows; ++k) {
        double s = 0;
        for (std::int64_t i = 0; i < w.width; ++i) s += double(x[r * w.width + i]) * double(w.data[k * w.width + i]);
        y[r * w.rows + k] = Real(alpha * s + (bias ? double(bias[k]) : 0));
      }
    for_each_row(epilogue, n);
  }
  void matmul_nn(Real* y, const Real* a, matrix<const Real> w, std::int64_t n, double alpha, double beta, const Real* bias, double bias_factor) {
    const open o(memory_);
    for (std::int64_t r = 0; r < n; ++r)
      for (std::int64_t i = 0; i < w.width; ++i) {
        double s = 0;
        for (std::int64_t k = 0; k < w.rows; ++k) s += double(a[r * w.rows + k]) * double(w.data[k * w.width + i]);
        Real& to = y[r * w.width + i];
        to = Real(alpha * s + (bias ? bias_factor * double(bias[i]) : 0) + (beta == 0 ? 0 : beta * double(to)));
      }
  }
  void matmul_tn(matrix<Master> g, const Real* a, const Real* x, std::int64_t n, double alpha, Master* a_sum, Master* x_sum, double x_factor) {
    const open o(memory_);
    for (std::int64_t k = 0; k < g.rows; ++k)
      for (std::int64_t i = 0; i < g.width; ++i) {
        double s = 0;
        for (std::int64_t r = 0; r < n; ++r) s += double(a[r * g.rows + k]) * double(x[r * g.width + i]);
        g.data[k * g.width + i] += Master(alpha * s);
      }
    for (std::int64_t k = 0; a_sum && k < g.rows; ++k) {
      double s = 0;
      for (std::int64_t r = 0; r < n; ++r) s += double(a[r * g.rows + k]);
      a_sum[k] += Master(s);
    }
    for (std::int64_t i = 0; x_sum && i < g.width; ++i) {
      double s = 0;
      for (std::int64_t r = 0; r < n; ++r) s += double(x[r * g.width + i]);
      x_sum[i] += Master(x_factor * s);
    }
  }

  void attention(Real* mixed, Master* lse, const Real* qkv, head_shape h, segment_list list, score_offsets<const Real> offsets = {},
                 const probability_dropout& dropout = {}) {
    const open o(memory_);
    heads(qkv, h, list, offsets, [&](std::int64_t q, std::int64_t first, std::int64_t end, std::int64_t head, const scores& at) {
      std::vector<double> p;
      for (std::int64_t k = first; k < end; ++k) p.push_back(at.score(q, k));
      const double top = *std::max_element(p.begin(), p.end());
      double total = 0;
      for (double score : p) total += std::exp(score - top);
      const double log_sum = top + std::log(total);
      lse[head] = Master(log_sum);
      for (std::int64_t k = first; k < end; ++k)
        p[std::size_t(k - first)] = factor(dropout, h, at, q, k - first) * std::exp(p[std::size_t(k - first)] - log_sum);
      for (int d = 0; d < h.width; ++d) {
        double s = 0;
        for (std::int64_t k = first; k < end; ++k) s += p[std::size_t(k - first)] * double(qkv[at.value(k) + d]);
        mixed[head * h.width + d] = Real(s);
      }
    });
  }
  void attention_backward(Real* dqkv, const Real* dmixed, const Real* mixed, const Master* lse, const Real* qkv, head_shape h, segment_list list,
                          score_offsets<const Real> offsets = {}, Master* doffsets = nullptr, const probability_dropout& dropout = {}) {
    const open o(memory_);
    const std::int64_t width = std::int64_t(h.groups) * (h.queries + 2) * h.width;
    std::int64_t rows_end = 0;
    for (int s = 0; s < list.count; ++s) rows_end = std::max(rows_end, std::int64_t(list.device[s].first) + list.device[s].length);
    std::vector<double> sum(std::size_t(rows_end * width), 0.0);
    const std::int64_t distances = offsets.width(), all_heads = std::int64_t(h.groups) * h.queries;
    std::vector<double> of_distances(doffsets ? std::size_t(list.count * all_heads * distances) : 0);
    heads(qkv, h, list, offsets, [&](std::int64_t q, std::int64_t first, std::int64_t end, std::int64_t head, const scores& at) {
      const Real *const dout = dmixed + head * h.width, *const out = mixed + head * h.width;
      double own = 0;
      for (int d = 0; d < h.width; ++d) own += double(dout[d]) * double(out[d]);
      for (std::int64_t k = first; k < end; ++k) {
        const double p = std::exp(at.score(q, k) - double(lse[head])), kept = factor(dropout, h, at, q, k - first);
        double dp = 0;
        for (int d = 0; d < h.width; ++d) dp += double(dout[d]) * double(qkv[at.value(k) + d]);
        const double of_score = p * (kept * dp - own), ds = of_score * scale(h);
        if (doffsets) of_distances[std::size_t((at.segment * all_heads + at.number) * distances + k - q + offsets.reach - 1)] += of_score;
        for (int d = 0; d < h.width; ++d) {
          sum[std::size_t(at.query(q) + d)] += ds * double(qkv[at.key(k) + d]);
          sum[std::size_t(at.key(k) + d)] += ds * double(qkv[at.query(q) + d]);
          sum[std::size_t(at.value(k) + d)] += kept * p * double(dout[d]);
        }
      }
    });
    for (int s = 0; s < list.count; ++s) {
      const std::int64_t from = list.device[s].first * width, to = from + list.device[s].length * width;
      for (std::int64_t i = from; i < to; ++i) dqkv[i] = Real(sum[std::size_t(i)]);
    }
    for (std::size_t i = 0; i < of_distances.size(); ++i) doffsets[i] = Master(of_distances[i]);
  }

  template <class F, class... Arrays> void elementwise(const F& f, param_ranges list, Arrays... a) {
    const open o(memory_);
    each(f, list, [&](const param_range& r, const auto& unit, std::int64_t i) { f(unit, at(a, r, i)...); });
  }
  template <class F, class... Arrays> void elementwise_sum(const F& f, param_ranges list, double* into, Arrays... a) {
    const open o(memory_);
    each(f, list, [&](const param_range& r, const auto& unit, std::int64_t i) { into[r.tensor] += double(f(unit, at(a, r, i)...)); });
  }

  template <class T> T* allocate(std::size_t n) { return reinterpret_cast<T*>(memory_.allocate(n * sizeof(T))); }
  template <class T> void release(T* p) {
    if (p) memory_.release(const_cast<void*>(static_cast<const void*>(p)));
  }
  template <class T> void upload(T* device, const T* host, std::size_t n) {
    const open o(memory_);
    if (n) std::memcpy(device, host, n * sizeof(T));
  }
  template <class T> ticket fetch(T* host, const T* device, std::size_t n) {
    const open o(memory_);
    const char* const from = reinterpret_cast<const char*>(device);
    pending_.push_back({++last_, host, {from, from + n * sizeof(T)}});
    if (n) std::memset(static_cast<void*>(host), 0xff, n * sizeof(T));
    return last_;
  }
  void wait(ticket t) {
    std::erase_if(pending_, [t](const promise& p) {
      if (p.number > t) return false;
      if (!p.bytes.empty()) std::memcpy(p.host, p.bytes.data(), p.bytes.size());
      return true;
    });
  }
  std::string description() const { return "reference, plain loops"; }
  /// What was allocated and not released.
  std::size_t live_blocks() const { return memory_.live_blocks(); }

 private:
  using open = guarded_memory::open;

  template <class P> struct team {
    double* partial;
    int width;
    template <class F, class... T> void each(int n, F f, T*... arrays) const {
      for (int i = 0; i < n; ++i) f(i, arrays[i]...);
    }
    template <class F> void each(int runs, int length, F f) const {
      for (int run = 0; run < runs; ++run)
        for (int i = 0; i < length; ++i) f(run, i);
    }
    template <class F, class... T> auto sum(int n, F f, T*... arrays) const {
      double s = 0;
      for (int i = 0; i < n; ++i) s += double(f(i, arrays[i]...));
      return decltype(f(0, arrays[0]...))(s);
    }
    template <class F, class... T> auto max(int n, F f, T*... arrays) const {
      auto m = f(0, arrays[0]...);
      for (int i = 1; i < n; ++i) {
        const auto next = f(i, arrays[i]...);
        m = next > m ? next : m;
      }
      return m;
    }
    template <class V> RAPTR_BOTH void add(int k, int i, V v) const { partial[k * width + i] += double(v); }
  };
  template <class P> struct row_sums {
    explicit row_sums(const P& p) {
      if constexpr (P::sums > 0) partial.assign(std::size_t(P::sums) * std::size_t(p.width), 0.0), one = {partial.data(), p.width};
    }
    void add_up(const P& p) const {
      if constexpr (P::sums > 0)
        for (int k = 0; k < P::sums; ++k)
          for (int i = 0; i < p.width; ++i) {
            auto& to = *p.sum(k, i);
            to = std::remove_reference_t<decltype(to)>(double(to) + partial[std::size_t(k * p.width + i)]);
          }
    }
    std::vector<double> partial;
    team<P> one{nullptr, 0};
  };

  static double scale(const head_shape& h) { return h.scale > 0 ? h.scale : 1 / std::sqrt(double(h.width)); }
  struct scores {
    const Real* qkv;
    head_shape h;
    score_offsets<const Real> offsets;
    std::int64_t segment, number, group, head;  // number: of the head among all
    std::int64_t at(std::int64_t row, std::int64_t slot) const { return (row * h.groups + group) * (h.queries + 2) * h.width + slot * h.width; }
    std::int64_t query(std::int64_t row) const { return at(row, head); }
    std::int64_t key(std::int64_t row) const { return at(row, h.queries); }
    std::int64_t value(std::int64_t row) const { return at(row, h.queries + 1); }
    double score(std::int64_t q, std::int64_t k) const {
      double s = 0;
      for (int d = 0; d < h.width; ++d) s += double(qkv[query(q) + d]) * double(qkv[key(k) + d]);
      return s * scale(h) + (offsets.data ? double(offsets.data[number * offsets.width() + k - q + offsets.reach - 1]) : 0);
    }
  };
  /// What dropout multiplies a probability by. number: of the key in the segment.
  static double factor(const probability_dropout& dropout, const head_shape& h, const scores& at, std::int64_t q, std::int64_t number) {
    if (dropout.rate == 0) return 1;
    const std::int64_t row = dropout.rows ? dropout.rows[q] : q;
    const auto head = std::uint32_t(dropout.groups[at.group] * h.queries + at.head), key = std::uint32_t(number);
    const auto own = philox({head, dropout.place, 0, 0x80000000u}, {dropout.key[0], dropout.key[1]});
    const auto words = philox(
        {key / 64 * 16 + key % 16, std::uint32_t(dropout.row_places[2 * row + 1]), std::uint32_t(dropout.row_places[2 * row]), 0}, {own[0], own[1]});
    return words[key % 64 / 16] < dropout.rate * 4294967296.0 ? 0 : 1 / (1 - dropout.rate);
  }
  /// f(row q, first row and end of what it sees, its head, where things are)
  template <class F> static void heads(const Real* qkv, head_shape h, segment_list list, score_offsets<const Real> offsets, F f) {
    for (int s = 0; s < list.count; ++s)
      for (std::int64_t g = 0; g < h.groups; ++g)
        for (std::int64_t j = 0; j < h.queries; ++j)
          for (std::int64_t i = 0; i < list.device[s].length; ++i) {
            const segment& rows = list.device[s];
            const std::int64_t q = rows.first + i, end = rows.first + (i < rows.prefix ? rows.prefix : i + 1);
            f(q, rows.first, end, (q * h.groups + g) * h.queries + j, scores{qkv, h, offsets, s, g * h.queries + j, g, j});
          }
  }

  template <class T> static T& at(T* a, const param_range& r, std::int64_t i) { return a[r.first + i + i / r.per_unit * r.gap]; }
  template <class T> static T& at(packed_array<T> a, const param_range& r, std::int64_t i) { return a.data[r.packed + i]; }
  template <class T> static T& at(owned_array<T> a, const param_range& r, std::int64_t i) { return a.data[r.first + r.owned + i]; }
  template <class F, class G> static void each(const F& f, param_ranges list, const G& element) {
    for (int k = 0; k < list.count; ++k) {
      const param_range& r = list.device[k];
      for (std::int64_t i = 0; i < r.length; i += r.per_unit) {
        const typename F::per_unit unit = f.begin(r, r.unit + int(i / r.per_unit));
        for (std::int64_t j = i; is_visited(unit) && j < i + r.per_unit; ++j) element(r, unit, j);
      }
    }
  }

  struct promise {
    ticket number;
    void* host;
    std::vector<char> bytes;
  };
  guarded_memory memory_;
  std::vector<promise> pending_;
  ticket last_ = 0;
};

template <> struct backend_of<reference> {
  using options = reference_options;
  template <class Real, class Master> using ops = reference_ops<Real, Master>;
};

}  // namespace raptr
