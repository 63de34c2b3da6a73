// SPDX-License-Identifier: Apache-2.0
// Runs on every axis: they can be stopped at any step, across borders, resets and growth; micro-batches, threads and the
// rules for dropped parts change nothing that they should not.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include <raptr/checkpoint/checkpoint.hpp>

#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

constexpr model_shape wide{.layers = 4, .width = 16, .heads = 4, .kv_heads = 2, .neurons = 32, .neuron_group = 4, .vocab = 40, .context = 8};
using model_type = transformer<gpt2_block, causal_lm, host_device>;
using trainer_type = trainer<model_type, any_schedule, adamw, completep_rate<warmup_linear>>;

constexpr const char* schedules[] = {
    "heads(once, inverse) 1/2-full",
    "neurons(sqrt_inverse) 1/4-1/2-full",
    "width 1/4-1/2-full",
    "sublayers(inverse) 6-full",
    "sequences(inverse) 1/2-full",
    "layers(bernoulli, sqrt_gap) 2-3-full with heads 1/2-full with neurons 1/2-full@1:2",
    "full for 3 then est",
    "pld:0.8",
    "decreasing:0.9",
    "stack:1-2-4 with neurons 1/2-full",
    "neurons ramp:1/8-full",
};

trainer_type made(const char* schedule, const update_options& updates, int threads = 1) {
  return {model_type(wide, {threads}), any_schedule(schedule), adamw{.lr = 1e-2}, completep_rate<warmup_linear>{{.warmup = 4}, 0.5}, updates};
}
run_options options_of(std::int64_t steps) { return {.steps = steps, .batch = 2, .accumulate = 2, .seed = 3}; }

std::vector<double> state_of(trainer_type& t) {
  std::vector<double> all;
  for (const float w : t.model().get_weights()) all.push_back(double(w));
  const auto size = static_cast<std::size_t>(t.model().layout().size());
  for (int k = 0; k < 2; ++k)
    for (const placed_weight& w : t.model().layout().all()) {
      const auto m = download(t.model().ops(), static_cast<const float*>(t.optimizer().moment(k)), size);
      for (std::int64_t i = 0; i < w.size(); ++i) all.push_back(double(m[static_cast<std::size_t>(w.first + i)]));
    }
  for (const int n : download(t.model().ops(), static_cast<const int*>(t.optimizer().counts()), t.optimizer().counts_size())) all.push_back(n);
  return all;
}

/// A rule of a user around another one, held by a function.
struct held_rate {
  std::function<double(const run_position&)> rate;
  double operator()(const run_position& now) const { return rate(now); }
};

/// The weights after four steps; share: of the depth, which the rates of the reports follow with the exponent 1/2.
std::vector<float> trained(const char* schedule, const held_rate& rate, double share) {
  const token_list tokens(200);
  trainer<model_type, any_schedule, adamw, held_rate> t(model_type(wide, {1}), any_schedule(schedule), adamw{.lr = 1e-2}, rate);
  t.run(tokens, options_of(4), [&](const step_report& r) {
    CHECK(r.block_learning_rate == doctest::Approx(r.learning_rate * (share < 1 ? 1 / std::sqrt(share) : 1)).epsilon(1e-12));
  });
  return t.model().get_weights();
}

}  // namespace

TEST_CASE("The rate of blocks is the same with a wrapper inside and outside, in the report and in the weights") {
  for (const auto& one : std::vector<std::pair<const char*, double>>{{"constant:2", 0.5},
                                                                     {"layers(bernoulli, fixed:0:0) constant:2", 0.5},
                                                                     {"sublayers constant:6", 0.75},
                                                                     {"sequences constant:1/4", 0.25},
                                                                     {"constant:2 with sequences constant:1/2", 0.25},
                                                                     {"heads constant:1/2", 1}}) {
    const char* const schedule = one.first;
    const double share = one.second;
    CAPTURE(schedule);
    const auto inside = trained(schedule, {completep_rate<rewarm_each_stage<warmup_linear>>{{{.warmup = 2}, 3}, 0.5}}, share);
    const auto outside = trained(schedule, {rewarm_each_stage<completep_rate<warmup_linear>>{{{.warmup = 2}, 0.5}, 3}}, share);
    const auto without = trained(schedule, {rewarm_each_stage<warmup_linear>{{.warmup = 2}, 3}}, 1);
    double apart = 0;
    for (std::size_t i = 0; i < inside.size(); ++i) apart = std::max(apart, double(std::abs(inside[i] - outside[i])));
    CHECK(apart < 1e-6);
    CHECK((inside == without) == (share == 1));
  }
}

TEST_CASE("A run on any axis that is stopped at any step and resumed ends with the bits of one that was not") {
  constexpr std::int64_t steps = 12;
  const token_list tokens(200);
  int row = 0;
  for (const char* schedule : schedules) {
    CAPTURE(schedule);
    const update_options updates{dropped_update(row % 3), border_state(row % 2), grown_state(row % 2)};
    auto unbroken = made(schedule, updates);
    unbroken.run(tokens, options_of(steps));
    const auto expected = state_of(unbroken);
    for (const std::int64_t stop : {std::int64_t{3}, std::int64_t{4}, std::int64_t{6}, std::int64_t{7}}) {
      scratch_folder folder;
      {
        std::stop_source source;
        auto first = made(schedule, updates, 2);
        run_options some = options_of(steps);
        some.stop = source.get_token();
        first.run(tokens, some, [&](const step_report& r) {
          if (r.step + 2 == stop) source.request_stop();  // a report comes one step late
        });
        CHECK(first.done().step == stop);
        save_checkpoint(folder / "saved", first, tokens.vocabulary());
      }
      auto second = made(schedule, updates);
      load_checkpoint(folder / "saved", second);
      second.run(tokens, options_of(steps));
      CHECK(state_of(second) == expected);
    }
    ++row;
  }
}

TEST_CASE("Every axis reports its active share, and an axis that is not dropped reports 1") {
  const token_list tokens(200);
  auto one = made("heads 1/2-full with sequences 3/4-full", {});
  one.run(tokens, options_of(4), [](const step_report& r) {
    CHECK(r.active.of("heads") == (r.step < 2 ? 0.5 : 1.0));
    CHECK(r.active.of("sequences") == (r.step < 2 ? 0.75 : 1.0));
    CHECK(r.active.of("neurons") == 1.0);
    CHECK(r.active.of("layers") == 1.0);
    CHECK(r.active.of("experts") == -1);
  });
}

TEST_CASE("A reset at borders starts moments and counts anew, and growth copies what the schedule says") {
  const token_list tokens(200);
  auto kept = made("heads 1/2-full", {}), fresh = made("heads 1/2-full", {.at_borders = border_state::reset});
  kept.run(tokens, options_of(6)), fresh.run(tokens, options_of(6));
  CHECK(download(kept.model().ops(), static_cast<const int*>(kept.optimizer().counts()), 2)[1] == 6);
  CHECK(download(fresh.model().ops(), static_cast<const int*>(fresh.optimizer().counts()), 2)[1] == 3);

  auto grown = made("stack:2-4", {.grown = grown_state::reset});
  std::vector<int> blocks;
  grown.run(tokens, options_of(4), [&](const step_report& r) { blocks.push_back(r.active_blocks); });
  CHECK(blocks == std::vector<int>{2, 2, 4, 4});
  const auto& layout = grown.model().layout();
  const auto counts = download(grown.model().ops(), static_cast<const int*>(grown.optimizer().counts()), grown.optimizer().counts_size());
  CHECK(counts[static_cast<std::size_t>(layout.all()[layout.of(0, 0)].unit)] == 4);
  CHECK(counts[static_cast<std::size_t>(layout.all()[layout.of(2, 0)].unit)] == 2);
}
