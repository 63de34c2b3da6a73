// SPDX-License-Identifier: Apache-2.0
// Dropout of embedding, residual branches and attention: the gradient of what was drawn, the draws themselves, and that they depend on
// seed, step, sequence, row, place and column alone. Evaluations drop nothing. The draws of attention: tests/backend/attention_test.cpp.
#include "gradient_check.hpp"
#include "scratch_folder.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

model_shape dropping(model_shape shape, double embedding, double residual, double attention = 0) {
  shape.dropout = {embedding, residual, attention};
  return shape;
}
/// Relative positions and a part before attention: the numbers of kept units are read by two, and are not those of the first part.
struct mlp_first64 : relative64 {
  using parts = part_list<relative64::mlp, relative64::attention>;
};
/// Attention of a user's own that knows of no dropout.
struct undroppable_attention : causal_attention {
  static constexpr bool drops_probabilities = false;
  template <class> using with_bias = undroppable_attention;
  template <class> using with_positions = undroppable_attention;
};
/// Its loss is that of a training pass, since an evaluation drops nothing.
template <class Block, class Objective, class Device> struct dropping_rig : rig<Block, Objective, Device> {
  using rig<Block, Objective, Device>::rig;
  double loss(const step_plan& plan, const batch& b) {
    this->model.begin(plan), this->model.accumulate(plan, b);
    return this->results()[0];
  }
};
template <class Block, class Objective, class Device> void dropped_gradients_are_differences(unsigned seed, const model_shape& shape) {
  dropping_rig<Block, Objective, Device> r(shape, seed, small_options<Device>(false));
  dice any(seed);
  const gradient_report found = check_gradients(r, any, 15, {.block_factors = true, .sequences = 0.4});
  MESSAGE(found.tensors << " tensors, worst relative error " << found.worst);
  CHECK(found.worst < 1e-6);
  CHECK(found.never_checked == 0);
}

/// What becomes of ones.
std::vector<double> dropped_ones(const dropout_mask& mask, const std::vector<int>& row_places, int width) {
  host_ops<double, double> ops(small_options<host_device>());
  std::vector<double> x(row_places.size() / 2 * std::size_t(width), 1.0);
  dropout_mask here = mask;
  here.row_places = row_places.data();
  ops.for_each_row(drop_rows<double>{x.data(), x.data(), here, width}, std::ssize(row_places) / 2);
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("With dropout the gradient is that of the loss that was drawn", Device, RAPTR_TEST_DEVICES) {
  dropped_gradients_are_differences<gpt64, causal_lm, Device>(71, dropping(tiny, 0, 0.3));
  dropped_gradients_are_differences<gpt64, causal_lm, Device>(72, dropping(tiny, 0.4, 0));
  dropped_gradients_are_differences<bert64, masked_lm, Device>(73, dropping(tiny, 0.2, 0.3, 0.2));
  dropped_gradients_are_differences<mlp_first64, causal_lm, Device>(82, dropping(tiny_shared, 0, 0, 0.4));
}

TEST_CASE("The share that is dropped is the rate, in rows and columns alike, and any part of the counter changes the draw") {
  const int width = 64, rows = 512;
  std::vector<int> places;
  for (int r = 0; r < rows; ++r) places.insert(places.end(), {r / 32, r % 32});
  const dropout_mask mask{.rate = 0.3, .key = {1, 2}, .place = 1};
  const auto first = dropped_ones(mask, places, width);
  // Five deviations of a binomial distribution.
  const auto is_the_rate = [](double zeros, double n) { CHECK(std::abs(zeros / n - 0.3) < 5 * std::sqrt(0.3 * 0.7 / n)); };
  is_the_rate(double(std::count(first.begin(), first.end(), 0.0)), width * rows);
  for (int k = 0; k < width; ++k) {
    int zeros = 0;
    for (int r = 0; r < rows; ++r) zeros += first[std::size_t(r * width + k)] == 0;
    is_the_rate(zeros, rows);
  }
  const auto agree = [&](const std::vector<double>& other) {  // 0.3^2 + 0.7^2 by chance
    double same = 0;
    for (std::size_t i = 0; i < first.size(); ++i) same += (first[i] == 0) == (other[i] == 0);
    return same / double(first.size());
  };
  std::vector<int> other_sequence = places, other_row = places;
  for (std::size_t i = 0; i < places.size(); i += 2) other_sequence[i] += 16, other_row[i + 1] += 32;
  for (const auto& other :
       {dropped_ones({.rate = 0.3, .key = {2, 2}, .place = 1}, places, width), dropped_ones({.rate = 0.3, .key = {1, 3}, .place = 1}, places, width),
        dropped_ones({.rate = 0.3, .key = {1, 2}, .place = 2}, places, width), dropped_ones(mask, other_sequence, width),
        dropped_ones(mask, other_row, width)})
    CHECK(agree(other) == doctest::Approx(0.58).epsilon(0.03));
  CHECK(agree(dropped_ones(mask, places, width)) == 1);
}

TEST_CASE("Each training pass of another seed or step drops others, an evaluation nothing") {
  for (const model_shape& shape : {dropping(tiny, 0.2, 0.2), dropping(tiny, 0, 0, 0.2)}) {
    rig<gpt64, causal_lm, host_device> r(shape, 74), plain(tiny, 74);
    dice any(75);
    const batch b = random_batch(any, sight::causal);
    step_plan full = step_plan::full(r.layout());
    const double usual = plain.loss(step_plan::full(plain.layout()), b);
    CHECK(r.loss(full, b) == usual);
    CHECK(r.model.predict(full, b) == plain.model.predict(step_plan::full(plain.layout()), b));
    const auto drawn = [&](const draw_key& key) {
      full.set_key(key);
      return r.loss_with_gradient(full, b);
    };
    const double first = drawn({.seed = 1, .step = 4});
    CHECK(first != usual);
    CHECK(drawn({.seed = 1, .step = 4}) == first);
    CHECK(drawn({.seed = 2, .step = 4}) != first);
    CHECK(drawn({.seed = 1, .step = 5}) != first);
    CHECK(r.loss(full, b) == usual);
    full.set_key({.seed = 1, .step = 4});
    CHECK(r.loss_with_gradient(step_plan(full), b) == first);  // a copy of a plan has its draws
  }
}

TEST_CASE("Blocks of equal weights drop others") {
  for (const model_shape& shape : {dropping(tiny, 0, 0.4), dropping(tiny, 0, 0, 0.4)}) {
    rig<gpt64, causal_lm, host_device> r(shape, 80);
    struct block_copy {
      int from, to;
    };
    r.model.copy_blocks(std::vector<block_copy>{{0, 1}, {0, 2}});
    r.w = r.model.get_weights();
    dice any(81);
    const batch b = random_batch(any, sight::causal);
    const auto loss = [&](int block, bool training) {
      const step_plan plan = step_plan::of_blocks(r.layout(), unit_set{block});
      return training ? r.loss_with_gradient(plan, b) : r.loss(plan, b);
    };
    CHECK(loss(0, false) == loss(1, false));
    CHECK(loss(0, true) != loss(1, true));
    CHECK(loss(1, true) != loss(2, true));
  }
}

TEST_CASE("A kept head drops the same probabilities whichever other heads are kept, also behind another part") {
  rig<mlp_first64, causal_lm, host_device> r(dropping(tiny_shared, 0, 0, 0.7), 83), plain(tiny_shared, 83);
  dice any(84);
  const batch b = random_batch(any, sight::causal, tiny_shared);
  const auto last_group = [&](auto& of, bool both) {
    const step_plan plan = changed_plan(of.layout(), [&](block_plan& block) {
      if (!both) block.parts()[0].units = {{1, 2}}, block.parts()[1].units = {{1, 1}};
    });
    of.model.begin(plan), of.model.accumulate(plan, b);
    const double* mixed = of.model.blocks().template saved<1>(0).part.mixed;
    std::vector<double> last;
    for (std::size_t row = 0; row < b.ids.size(); ++row, mixed += both ? 8 : 4)
      last.insert(last.end(), mixed + (both ? 4 : 0), mixed + (both ? 8 : 4));
    return last;
  };
  // The mlp comes first, so the queries of both plans differ: what is compared is which outputs are zero.
  const auto zeros = [](std::vector<double> x) {
    for (double& value : x) value = value == 0;
    return x;
  };
  const auto want = zeros(last_group(r, true)), got = zeros(last_group(r, false));
  CHECK(got == want);
  CHECK(std::count(want.begin(), want.end(), 1.0) > 10);  // rows that see few keys, all of them dropped
  CHECK(std::count(want.begin(), want.end(), 1.0) < std::ssize(want));
  const auto none = zeros(last_group(plain, true));
  CHECK(std::count(none.begin(), none.end(), 1.0) == 0);
}

TEST_CASE_TEMPLATE("With dropout micro-batches add up to the batch, also where sequences skip blocks", Device, RAPTR_TEST_DEVICES) {
  rig<gpt64, causal_lm, Device> r(dropping(tiny, 0.2, 0.3, 0.25), 76, small_options<Device>(false));
  dice any(77);
  for (int n = 0; n < 6; ++n) {
    const batch b = random_batch(any, sight::causal, tiny, 8);
    step_plan plan = random_plan(any, r.layout(8), {.sequences = 0.5});
    plan.set_key({.seed = 3, .step = std::uint64_t(n)});
    const double whole = r.loss_with_gradient(plan, b);
    const auto g = r.gradient();
    r.model.begin(plan);
    for (std::size_t s = 0; s < 8; s += 2) r.model.accumulate(plan, part_of(b, s, 2));
    CHECK(r.results()[0] == doctest::Approx(whole).epsilon(1e-13));
    CHECK(gap(r.model.layout(), plan, g, r.gradient()) < 1e-13);
  }
}

TEST_CASE("Without dropout nothing is uploaded or kept for it; with it the memory that was planned is what is used") {
  rig<gpt64, causal_lm, host_device> plain(tiny, 78), dropped(dropping(tiny, 0.1, 0.1), 78);
  dice any(79);
  const batch b = random_batch(any, sight::causal);
  const step_plan full = step_plan::full(plain.layout()), with = step_plan::full(dropped.layout());
  plain.loss_with_gradient(full, b), dropped.loss_with_gradient(with, b);
  CHECK(dropped.model.table().words().size() == plain.model.table().words().size() + 2 * b.ids.size());
  rig<gpt64, causal_lm, host_device> of_attention(dropping(tiny, 0, 0, 0.1), 78);
  of_attention.loss_with_gradient(step_plan::full(of_attention.layout()),
                                  b);  // besides the places of rows, the numbers of 2 heads and 3 groups of neurons in 3 blocks
  CHECK(of_attention.model.table().words().size() == plain.model.table().words().size() + 2 * b.ids.size() + 3 * (2 + 3));
  CHECK(of_attention.model.activation_peak() == plain.model.activation_peak());
  CHECK(plain.model.activation_bytes(full, b) == plain.model.activation_peak());
  CHECK(dropped.model.activation_bytes(with, b) == dropped.model.activation_peak());
}

TEST_CASE("A rate of dropout is a share below 1") {
  const auto said = [](double embedding, double residual, double attention = 0) {
    return sentence_of<input_error>([&] { transformer<gpt64, causal_lm, host_device> model(dropping(tiny, embedding, residual, attention)); });
  };
  CHECK(has(said(1, 0), "dropout_rates::embedding is 1: give a share from 0 to below 1"));
  CHECK(has(said(0, 1.5), "dropout_rates::residual is 1.5: give a share from 0 to below 1"));
  CHECK(has(said(-0.1, 0), "dropout_rates::embedding is -0.1"));
  CHECK(has(said(0, NAN), "dropout_rates::residual is nan"));
  CHECK(has(said(0, 0, 1), "dropout_rates::attention is 1: give a share from 0 to below 1"));
  CHECK(has(said(0, 0, -0.5), "dropout_rates::attention is -0.5"));
}

TEST_CASE("A block whose attention drops no probabilities refuses a rate of them") {
  using undroppable = transformer<block<gpt64, undroppable_attention>, causal_lm, host_device>;
  CHECK(has(sentence_of<input_error>([] { undroppable model(dropping(tiny, 0, 0, 0.1)); }),
            "dropout_rates::attention is 0.1, but the attention of this block drops no probabilities: leave it 0"));
  CHECK_NOTHROW(undroppable(dropping(tiny, 0.1, 0.1)));
}
