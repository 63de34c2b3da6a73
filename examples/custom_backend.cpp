// SPDX-License-Identifier: Apache-2.0
// A backend of your own: every operation of backend/ops.hpp as plain loops, a tag, and the row that joins them. The same
// model then trains on it, and its losses must be those of raptr::cpu. Nothing in include/ is touched. docs/backends.md
// goes through this file step by step.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <raptr/backend/cpu.hpp>
#include <raptr/raptr.hpp>
#include <raptr/text/byte_tokenizer.hpp>
#include <raptr/text/token_stream.hpp>

// [tag]
struct plain {
  static constexpr std::string_view name = "plain";
};
struct plain_options {};
// [/tag]

// [team]
/// One lane: what is a loop here is a warp or a block elsewhere. partial: the column sums of all rows so far.
template <class Sum> struct one_lane {
  Sum* partial;
  int width;

  template <class F, class... T> void each(int n, F f, T*... arrays) const {
    for (int i = 0; i < n; ++i) f(i, arrays[i]...);
  }
  template <class F> void each(int runs, int length, F f) const {
    for (int i = 0; i < runs * length; ++i) f(i / length, i % length);
  }
  template <class F, class... T> auto sum(int n, F f, T*... arrays) const {
    decltype(f(0, arrays[0]...)) total{};
    for (int i = 0; i < n; ++i) total += f(i, arrays[i]...);
    return total;
  }
  template <class F, class... T> auto max(int n, F f, T*... arrays) const {
    auto most = f(0, arrays[0]...);
    for (int i = 1; i < n; ++i) most = std::max(most, f(i, arrays[i]...));
    return most;
  }
  template <class V> void add(int k, int i, V v) const { partial[k * width + i] += Sum(v); }
};
// [/team]

template <class Real, class Master> class plain_ops {
 public:
  using real = Real;
  using master = Master;
  static constexpr std::int64_t working_set = std::int64_t(1) << 20;

  explicit plain_ops(const plain_options& = {}) {}

  // [rows]
  template <class P> void rows(const P& program, std::int64_t n) {
    if constexpr (P::sums == 0) {
      const one_lane<char> team{nullptr, 0};
      for (std::int64_t r = 0; r < n; ++r) program.row(team, r);
    } else {
      using sum = std::remove_pointer_t<decltype(program.sum(0, 0))>;
      std::vector<sum> partial(std::size_t(P::sums * program.width), sum(0));
      const one_lane<sum> team{partial.data(), program.width};
      for (std::int64_t r = 0; r < n; ++r) program.row(team, r);
      for (int i = 0; i < P::sums * program.width; ++i) *program.sum(i / program.width, i % program.width) += partial[std::size_t(i)];
    }
  }
  // [/rows]

  // [products]
  template <class Then>
  void matmul_nt(Real* y, const Real* x, raptr::matrix<const Real> w, const Real* bias, std::int64_t n, double alpha, const Then& then) {
    for (std::int64_t r = 0; r < n; ++r)
      for (int k = 0; k < w.rows; ++k)
        y[r * w.rows + k] = Real(alpha) * dot(x + r * w.width, 1, w.data + std::int64_t(k) * w.width, 1, w.width) + (bias ? bias[k] : Real(0));
    rows(then, n);
  }
  // [/products]
  void matmul_nn(Real* y, const Real* a, raptr::matrix<const Real> w, std::int64_t n, double alpha, double beta, const Real* bias,
                 double bias_factor) {
    for (std::int64_t r = 0; r < n; ++r)
      for (int i = 0; i < w.width; ++i) {
        Real& to = y[r * w.width + i];
        const Real before = beta == 0 ? Real(0) : Real(beta) * to;
        to = before + Real(alpha) * dot(a + r * w.rows, 1, w.data + i, w.width, w.rows) + (bias ? Real(bias_factor) * bias[i] : Real(0));
      }
  }
  void matmul_tn(raptr::matrix<Master> g, const Real* a, const Real* x, std::int64_t n, double alpha, Master* a_sum, Master* x_sum, double x_factor) {
    for (int k = 0; k < g.rows; ++k)
      for (int i = 0; i < g.width; ++i) g.data[std::int64_t(k) * g.width + i] += Master(alpha) * Master(dot(a + k, g.rows, x + i, g.width, n));
    const Real one = 1;
    for (int k = 0; a_sum && k < g.rows; ++k) a_sum[k] += Master(dot(a + k, g.rows, &one, 0, n));
    for (int i = 0; x_sum && i < g.width; ++i) x_sum[i] += Master(x_factor) * Master(dot(x + i, g.width, &one, 0, n));
  }

  void attention(Real* mixed, Master* lse, const Real* qkv, raptr::head_shape h, raptr::segment_list list) {
    each_query(h, list, [&](const query& q) {
      Real top = q.score(qkv, h, q.first), total = 0;
      for (std::int64_t k = q.first; k < q.end; ++k) top = std::max(top, q.score(qkv, h, k));
      for (std::int64_t k = q.first; k < q.end; ++k) total += std::exp(q.score(qkv, h, k) - top);
      lse[q.number] = Master(top + std::log(total));
      Real* const to = mixed + q.number * h.width;
      std::fill_n(to, h.width, Real(0));
      for (std::int64_t k = q.first; k < q.end; ++k) {
        const Real share = std::exp(q.score(qkv, h, k) - Real(lse[q.number]));
        for (int d = 0; d < h.width; ++d) to[d] += share * qkv[q.at(h, k, h.queries + 1) + d];
      }
    });
  }
  void attention_backward(Real* dqkv, const Real* dmixed, const Real* mixed, const Master* lse, const Real* qkv, raptr::head_shape h,
                          raptr::segment_list list) {
    const std::int64_t width = std::int64_t(h.groups) * (h.queries + 2) * h.width;
    for (int s = 0; s < list.count; ++s) std::fill_n(dqkv + list.device[s].first * width, list.device[s].length * width, Real(0));
    each_query(h, list, [&](const query& q) {
      const Real *const dout = dmixed + q.number * h.width, own = dot(dout, 1, mixed + q.number * h.width, 1, h.width);
      const std::int64_t at_query = q.at(h, q.row, q.head);
      for (std::int64_t k = q.first; k < q.end; ++k) {
        const std::int64_t key = q.at(h, k, h.queries), value = key + h.width;
        const Real share = std::exp(q.score(qkv, h, k) - Real(lse[q.number]));
        const Real slope = share * (dot(dout, 1, qkv + value, 1, h.width) - own) / std::sqrt(Real(h.width));
        for (int d = 0; d < h.width; ++d) {
          dqkv[at_query + d] += slope * qkv[key + d];
          dqkv[key + d] += slope * qkv[at_query + d];
          dqkv[value + d] += share * dout[d];
        }
      }
    });
  }

  // [walks]
  template <class F, class... Arrays> void walk(const F& f, raptr::walk_list list, Arrays... arrays) {
    each_element(f, list, [&](const raptr::walk_range& range, const auto& unit, std::int64_t i) { f(unit, at(arrays, range, i)...); });
  }
  template <class F, class... Arrays> void walk_sum(const F& f, raptr::walk_list list, double* into, Arrays... arrays) {
    each_element(f, list, [&](const raptr::walk_range& range, const auto& unit, std::int64_t i) {
      into[range.tensor] += double(f(unit, at(arrays, range, i)...));
    });
  }
  // [/walks]

  // [memory]
  template <class T> T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64))); }
  template <class T> void release(T* p) { ::operator delete(p, std::align_val_t(64)); }
  template <class T> void upload(T* device, const T* host, std::size_t n) { std::copy_n(host, n, device); }
  template <class T> raptr::ticket fetch(T* host, const T* device, std::size_t n) { return std::copy_n(device, n, host), 0; }
  void wait(raptr::ticket) {}
  std::string description() const { return "plain loops"; }
  // [/memory]

 private:
  static Real dot(const Real* a, std::int64_t a_step, const Real* b, std::int64_t b_step, std::int64_t n) {
    Real total = 0;
    for (std::int64_t i = 0; i < n; ++i) total += a[i * a_step] * b[i * b_step];
    return total;
  }

  /// One row of one query head, and the rows first .. end - 1 that it sees.
  struct query {
    std::int64_t row, group, head, first, end, number;

    std::int64_t at(raptr::head_shape h, std::int64_t r, std::int64_t slot) const {
      return ((r * h.groups + group) * (h.queries + 2) + slot) * h.width;
    }
    Real score(const Real* qkv, raptr::head_shape h, std::int64_t r) const {
      return dot(qkv + at(h, row, head), 1, qkv + at(h, r, h.queries), 1, h.width) / std::sqrt(Real(h.width));
    }
  };
  template <class F> static void each_query(raptr::head_shape h, raptr::segment_list list, F f) {
    for (int s = 0; s < list.count; ++s)
      for (std::int64_t i = 0; i < list.device[s].length; ++i)
        for (std::int64_t g = 0; g < h.groups; ++g)
          for (std::int64_t j = 0; j < h.queries; ++j) {
            const raptr::segment rows = list.device[s];
            const std::int64_t row = rows.first + i, sees = i < rows.prefix ? rows.prefix : i + 1;
            f(query{row, g, j, rows.first, rows.first + sees, (row * h.groups + g) * h.queries + j});
          }
  }

  // [elements]
  template <class T> static T& at(T* array, const raptr::walk_range& range, std::int64_t i) { return array[range.first + i]; }
  template <class T> static T& at(raptr::by_plan<T> array, const raptr::walk_range& range, std::int64_t i) { return array.data[range.packed + i]; }
  template <class F, class Visit> static void each_element(const F& f, raptr::walk_list list, const Visit& visit) {
    for (int k = 0; k < list.count; ++k) {
      const raptr::walk_range& range = list.device[k];
      for (std::int64_t unit = 0; unit < range.length / range.per_unit; ++unit) {
        const auto state = f.begin(range, range.unit + int(unit));
        if (!raptr::is_visited(state)) continue;
        for (std::int64_t i = 0; i < range.per_unit; ++i) visit(range, state, unit * range.per_unit + i);
      }
    }
  }
  // [/elements]
};

// [row]
template <> struct raptr::backend_of<plain> {
  using options = plain_options;
  template <class Real, class Master> using ops = plain_ops<Real, Master>;
};
static_assert(raptr::backend<plain_ops<float, float>>);
// [/row]

// [use]
template <raptr::device Device> std::vector<double> losses(const raptr::token_source auto& tokens) {
  using my_block = raptr::block<raptr::gpt2_block, raptr::fp64>;  // in double, so that losses can be compared closely
  raptr::transformer<my_block, raptr::causal_lm, Device> model({.layers = 4, .width = 16, .heads = 4, .kv_heads = 2, .vocab = 259, .context = 16});
  raptr::trainer trainer(std::move(model), raptr::any_schedule("2-3-full with heads 1/2-full"), raptr::adamw{.lr = 1e-2});
  std::vector<double> list;
  trainer.run(tokens, {.steps = 12, .batch = 2}, [&](const raptr::step_report& now) { list.push_back(now.loss); });
  return list;
}
// [/use]

int main() {
  std::string text;
  for (int n = 0; n < 200; ++n) text += std::to_string(n) + (n % 3 ? ", " : " fizz, ");
  const std::string_view documents[] = {text};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);

  const std::vector<double> ours = losses<plain>(tokens), theirs = losses<raptr::cpu>(tokens);
  double apart = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) apart = std::max(apart, std::abs(ours[i] - theirs[i]));
  std::printf("loss %.4f, then %.4f; raptr::cpu differs by %.1e at most\n", ours.front(), ours.back(), apart);
  return apart < 1e-10 && ours.back() < ours.front() - 0.5 ? 0 : 1;
}
