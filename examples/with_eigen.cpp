// SPDX-License-Identifier: Apache-2.0
// Training with Eigen: raptr::eigen computes, a norm, an activation and an update rule are written as expressions of Eigen, and weights,
// gradients and moments are matrices of Eigen. docs/eigen.md explains the parts.
#include <cmath>
#include <cstdio>

#include <raptr/backend/eigen.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/interop/eigen.hpp>
#include <raptr/raptr.hpp>
#include <raptr/tokenizers/byte.hpp>

// [norm]
/// y = x / (mean |x| + eps) * gain. A row of a batch is an array; the library applies the gain and sums its gradient.
struct mean_abs_norm {
  using role = raptr::norm_role;
  static constexpr bool bias = false;
  template <class T> using row = Eigen::Map<Eigen::ArrayX<T>>;
  template <class T> using const_row = Eigen::Map<const Eigen::ArrayX<T>>;

  template <class Team, class T, class S> static void forward(Team&, const T* x, T* hat, S* scale, int n) {
    *scale = 1 / (const_row<T>(x, n).abs().mean() + S(1e-6));
    row<T>(hat, n) = const_row<T>(x, n) * *scale;
  }
  template <class Team, class T, class S> static void backward(Team&, const T* hat, const S* scale, T* d, int n) {
    const const_row<T> normal(hat, n);
    row<T> gradient(d, n);
    const S dot = (gradient * normal).mean();
    gradient = *scale * (gradient - dot * normal.sign());
  }
};
// [/norm]

// [activation]
/// x times the logistic function of 1.702 x. With on_arrays, V is an Eigen::Array of 16 neurons on raptr::eigen, and one number elsewhere.
struct quick_gelu {
  static constexpr int inputs = 1;
  static constexpr bool on_arrays = true;
  template <class V> static V gate(const V& a) { return 1 / (1 + raptr::math::exp(-1.702f * a)); }
  template <class V> static V forward(const V* a) { return *a * gate(*a); }
  template <class V> static void backward(const V* a, const V& dh, V* da) {
    const V s = gate(*a);
    *da = dh * s * (1 + 1.702f * *a * (1 - s));
  }
};
// [/activation]

// [rule]
/// w -= lr g / (sqrt(v) + eps), v a running mean of g^2.
struct rms_descent {
  static constexpr int moments = 1;
  static constexpr bool on_arrays = true;
  static constexpr double flops = 8;
  static constexpr const char* moment_names[] = {"square_avg"};
  double lr = 1e-3, weight_decay = 0;

  template <class S> void prepare(raptr::unit_scalars<S>&) const {}
  template <class S, class V> void update(const raptr::unit_scalars<S>& u, V& w, const V& g, V& v) const {
    v += S(0.1) * (g * g - v);
    w -= u.rate * g / (raptr::math::sqrt(v) + S(1e-8));
  }
};
// [/rule]

int main() {
  const std::string_view documents[] = {"the quick brown fox jumps over the lazy dog, and the lazy dog does not mind it at all"};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);

  // [views]
  using block = raptr::block<raptr::gpt2_block, mean_abs_norm, raptr::mlp<quick_gelu>>;
  raptr::trainer trainer(raptr::transformer<block, raptr::causal_lm, raptr::eigen>({.layers = 4, .width = 32, .heads = 2, .context = 16}),
                         raptr::any_schedule("2-4"), rms_descent{.lr = 1e-2});
  float largest = 0;
  trainer.inspect([&](const auto& step) {
    const auto gradient = raptr::gradient_view(step, "block 0 mlp up");  // the rows of the units that train, and which they are
    largest = std::max(largest, gradient.rows.norm());
  });
  double loss = 0;
  trainer.run(tokens, {.steps = 120, .batch = 4}, [&](const raptr::step_report& now) { loss = now.loss; });

  auto& model = trainer.model();
  const auto up = raptr::weight_view(model, "block 0 mlp up");  // in place: an Eigen::Map of a row-major matrix
  const Eigen::MatrixXf in_files = raptr::canonical(model, "blocks.0.mlp.up_proj.weight");
  const auto moment = raptr::moment_view(trainer, "square_avg", "block 0 mlp up");
  // [/views]
  std::printf("loss %.3f on %s\n", loss, model.ops().description().c_str());
  std::printf("block 0 mlp up: %ld x %ld, norm %.3f, of its gradient at most %.3f; canonical %ld x %ld\n", long(up.rows()), long(up.cols()),
              up.norm(), largest, long(in_files.rows()), long(in_files.cols()));

  // [ids]
  Eigen::MatrixXi ids(2, 17);  // two sequences: the inputs and, one place further, the targets
  for (int r = 0; r < ids.rows(); ++r)
    for (int c = 0; c < ids.cols(); ++c) ids(r, c) = documents[0][static_cast<std::size_t>(20 * r + c)];
  const raptr::batch data = raptr::batch_of(model, ids, tokens.vocabulary());
  const auto full = raptr::step_plan::full(model.plan_layout());
  const auto loss_of = [&] {
    model.begin(full, false);
    model.accumulate(full, data, false);
    return model.loss();
  };
  const double before = loss_of();
  raptr::set_weight(model, "block 0 mlp up", 0.1f * up);  // any expression of the right shape
  const double after = loss_of();
  // [/ids]
  std::printf("loss of two sequences %.3f, and %.3f with a tenth of that weight\n", before, after);
  return loss < 3 && largest > 0 && moment.minCoeff() >= 0 && in_files.norm() > 0 && before < after ? 0 : 1;
}
