// SPDX-License-Identifier: Apache-2.0
// A custom backend: every operation of backend/ops.hpp as plain loops, a tag, and the trait that connects them. The same
// model then trains on it, and its losses must equal those of raptr::cpu. Nothing in include/ is changed. docs/backends.md
// explains this file step by step.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <raptr/backend/cpu.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/tokenizers/byte.hpp>

// [tag]
struct plain {
  static constexpr std::string_view name = "plain";
};
struct plain_options {};
// [/tag]

// [team]
/// A team of one lane; on a GPU these loops run on a warp or a block. partial: the column sums of all rows so far.
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

  // [row kernels]
  template <class K> void for_each_row(const K& kernel, std::int64_t n) {
    if constexpr (K::sums == 0) {
      const one_lane<char> team{nullptr, 0};
      for (std::int64_t r = 0; r < n; ++r) kernel.row(team, r);
    } else {
      using sum = std::remove_pointer_t<decltype(kernel.sum(0, 0))>;
      std::vector<sum> partial(std::size_t(K::sums * kernel.width), sum(0));
      const one_lane<sum> team{partial.data(), kernel.width};
      for (std::int64_t r = 0; r < n; ++r) kernel.row(team, r);
      for (int i = 0; i < K::sums * kernel.width; ++i) *kernel.sum(i / kernel.width, i % kernel.width) += partial[std::size_t(i)];
    }
  }
  // [/row kernels]

  // [products]
  template <class Epilogue>
  void matmul_nt(Real* y, const Real* x, raptr::matrix<const Real> w, const Real* bias, std::int64_t n, double alpha, const Epilogue& epilogue) {
    for (std::int64_t r = 0; r < n; ++r)
      for (int k = 0; k < w.rows; ++k)
        y[r * w.rows + k] = Real(alpha) * dot(x + r * w.width, 1, w.data + std::int64_t(k) * w.width, 1, w.width) + (bias ? bias[k] : Real(0));
    for_each_row(epilogue, n);
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

  void attention(Real* mixed, Master* lse, const Real* qkv, raptr::head_shape heads, raptr::segment_list list,
                 raptr::score_offsets<const Real> offsets = {}, const raptr::probability_dropout& dropout = {}) {
    each_query(heads, list, [&](int, const raptr::group_rows& at, int head, int row) {
      const auto score = [&](int k) { return score_of(qkv, offsets, at, head, row, k); };
      Real row_max = score(0), total = 0;
      for (int k = 0; k < at.seen(row); ++k) row_max = std::max(row_max, score(k));
      for (int k = 0; k < at.seen(row); ++k) total += std::exp(score(k) - row_max);
      Master& log_sum = lse[at.logsumexp(head, row)] = Master(row_max + std::log(total));
      Real* const to = mixed + at.out(head, row);
      std::fill_n(to, heads.width, Real(0));
      const raptr::head_draws draws(dropout, at, head);
      for (int k = 0; k < at.seen(row); ++k) {
        const Real probability = kept(draws, dropout, row, k) * std::exp(score(k) - Real(log_sum));
        for (int d = 0; d < heads.width; ++d) to[d] += probability * qkv[at.value(k) + d];
      }
    });
  }
  void attention_backward(Real* dqkv, const Real* dmixed, const Real* mixed, const Master* lse, const Real* qkv, raptr::head_shape heads,
                          raptr::segment_list list, raptr::score_offsets<const Real> offsets = {}, Master* doffsets = nullptr,
                          const raptr::probability_dropout& dropout = {}) {
    if (doffsets) std::fill_n(doffsets, list.count * heads.groups * heads.queries * offsets.width(), Master(0));
    each_query(heads, list, [&](int, const raptr::group_rows& at, int head, int row) {
      std::fill_n(dqkv + at.query(head, row), heads.width, Real(0));
      if (head == 0) std::fill_n(dqkv + at.key(row), 2 * heads.width, Real(0));
    });
    each_query(heads, list, [&](int number, const raptr::group_rows& at, int head, int row) {
      const Real *const dout = dmixed + at.out(head, row), own = dot(dout, 1, mixed + at.out(head, row), 1, heads.width);
      const raptr::head_draws draws(dropout, at, head);
      for (int k = 0; k < at.seen(row); ++k) {
        const Real probability = std::exp(score_of(qkv, offsets, at, head, row, k) - Real(lse[at.logsumexp(head, row)]));
        const Real factor = kept(draws, dropout, row, k);
        const Real of_score = probability * (factor * dot(dout, 1, qkv + at.value(k), 1, heads.width) - own),
                   slope = of_score * heads.score_scale<Real>();
        if (doffsets)
          raptr::score_offsets<Master>{doffsets, offsets.reach}.of((std::int64_t(number) * heads.groups + at.group) * heads.queries + head, row)[k] +=
              Master(of_score);
        for (int d = 0; d < heads.width; ++d) {
          dqkv[at.query(head, row) + d] += slope * qkv[at.key(k) + d];
          dqkv[at.key(k) + d] += slope * qkv[at.query(head, row) + d];
          dqkv[at.value(k) + d] += factor * probability * dout[d];
        }
      }
    });
  }

  // [elementwise]
  template <class F, class... Arrays> void elementwise(const F& f, raptr::param_ranges ranges, Arrays... arrays) {
    each_element(f, ranges, [&](const raptr::param_range& range, const auto& unit, std::int64_t i) { f(unit, at(arrays, range, i)...); });
  }
  template <class F, class... Arrays> void elementwise_sum(const F& f, raptr::param_ranges ranges, double* into, Arrays... arrays) {
    each_element(f, ranges, [&](const raptr::param_range& range, const auto& unit, std::int64_t i) {
      into[range.tensor] += double(f(unit, at(arrays, range, i)...));
    });
  }
  // [/elementwise]

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

  /// What dropout multiplies the probability of a key by.
  static Real kept(const raptr::head_draws& draws, const raptr::probability_dropout& dropout, int row, int key) {
    if (draws.limit == 0) return 1;
    return draws.keeps(draws.of(row, key), key) ? dropout.scale<Real>() : Real(0);
  }
  static Real score_of(const Real* qkv, raptr::score_offsets<const Real> offsets, const raptr::group_rows& at, int head, int row, int key) {
    const Real offset = offsets.data ? offsets.of(at.group * at.heads.queries + head, row)[key] : Real(0);
    return dot(qkv + at.query(head, row), 1, qkv + at.key(key), 1, at.heads.width) * at.heads.score_scale<Real>() + offset;
  }
  template <class F> static void each_query(raptr::head_shape heads, raptr::segment_list list, F f) {
    for (int s = 0; s < list.count; ++s)
      for (int group = 0; group < heads.groups; ++group)
        for (int row = 0; row < list.device[s].length; ++row)
          for (int head = 0; head < heads.queries; ++head) f(s, raptr::group_rows{list.device[s], heads, group}, head, row);
  }

  // [elements]
  /// Of an array of all elements, raptr::packed_array or raptr::owned_array.
  template <class A> static auto& at(A array, const raptr::param_range& range, std::int64_t i) {
    return *raptr::element_of(array, range, i, i / range.per_unit);
  }
  template <class F, class Visit> static void each_element(const F& f, raptr::param_ranges ranges, const Visit& visit) {
    for (int k = 0; k < ranges.count; ++k) {
      const raptr::param_range& range = ranges.device[k];
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
  using my_block = raptr::block<raptr::gpt2_block, raptr::fp64>;  // double precision, for a tight comparison of losses
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
