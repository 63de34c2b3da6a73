// SPDX-License-Identifier: Apache-2.0
// Ranks that divide the optimizer's state train as ranks that each have all of it: the same bits where nothing is clipped, the same bytes
// sent, the same checkpoints, for a part of the moments each.
#include <doctest/doctest.h>

#include <cmath>
#include <mutex>

#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/comm/any_communicator.hpp>
#include <raptr/comm/thread_ranks.hpp>

#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

const token_list sharded_text(900);
const run_options eight_sharded_steps{.steps = 8, .batch = 6, .accumulate = 2, .seed = 3};

struct sharded_case {
  const char* schedule = "2-3-full";
  update_options updates{};
  run_options options = eight_sharded_steps;
  std::filesystem::path load_from{}, save_to{};
  model_shape shape = run_shape;
};
struct sharded_result {
  std::vector<std::string> reports;
  std::vector<double> losses, weights;
  std::vector<std::uint64_t> bytes;
  std::vector<std::int64_t> kept, summed;  // elements that train, and those of the pieces of the gradient
  std::int64_t moment_size = 0, tensors = 0;
};

template <class Block, class Comm, class Rule, class Objective>
sharded_result trained_by(Comm& comm, const sharded_case& c, const Rule& rule, Objective objective) {
  using model_type = transformer<Block, Objective, host_device>;
  trainer t(model_type(c.shape, small_options<host_device>(), objective), any_schedule(c.schedule), warmup_linear{.warmup = 5}, comm, rule,
            c.updates);
  if (!c.load_from.empty()) load_checkpoint(c.load_from, t);
  run_options options = c.options;
  if (!c.save_to.empty()) options.save = [&] { save_checkpoint(c.save_to, t, sharded_text.vocabulary()); };
  sharded_result out;
  t.inspect([&](const auto& step) {
    out.summed.push_back(0), out.kept.push_back(0);
    for (const packed_piece& piece : step.model().active().pieces) out.summed.back() += piece.last - piece.first;
    for (const param_range& r : step.model().active().kept) out.kept.back() += r.length;
  });
  t.run(sharded_text, options,
        [&](const step_report& r) { out.reports.push_back(facts_of(r)), out.losses.push_back(r.loss), out.bytes.push_back(r.bytes_sent); });
  for (const auto w : t.model().get_weights()) out.weights.push_back(double(w));
  out.tensors = std::ssize(t.model().layout().all());
  out.moment_size = t.optimizer().moment_size(t.model());
  return out;
}
template <class Block = gpt64, class Rule = adamw, class Objective = causal_lm>
std::vector<sharded_result> trained(int ranks, const sharded_case& c, const Rule& rule = {.lr = 1e-2}, Objective objective = {}) {
  std::vector<sharded_result> all(static_cast<std::size_t>(ranks));
  run_ranks(ranks, [&](thread_rank& comm) { all[static_cast<std::size_t>(comm.rank())] = trained_by<Block>(comm, c, rule, objective); });
  for (const sharded_result& r : all) {
    CHECK(r.weights == all[0].weights);
    CHECK(r.reports == all[0].reports);
  }
  return all;
}
sharded_case divided(sharded_case c) {
  c.updates.sharded = true;
  return c;
}
double largest_difference(const sharded_result& a, const sharded_result& b) {
  double most = a.weights.size() == b.weights.size() ? 0 : HUGE_VAL;
  for (std::size_t k = 0; k < a.weights.size(); ++k) most = std::max(most, std::abs(a.weights[k] - b.weights[k]));
  return most;
}
std::string optimizer_file(const std::filesystem::path& folder) { return read_file(folder / "optimizer.safetensors"); }

const char* const sharded_schedules[] = {"2-3-full",
                                         "full with heads 1/2-full",
                                         "heads 1/2-full with neurons 2/3-full",
                                         "sequences 1/2-full",
                                         "stack:1-2-4",
                                         "sublayers(inverse_per_branch) 6-full"};

}  // namespace

TEST_CASE("sharded: weights are those of ranks that each have all moments, for every axis") {
  for (const char* schedule : sharded_schedules) {
    CAPTURE(schedule);
    const sharded_case clipped{.schedule = schedule};
    sharded_case free = clipped;
    free.options.clip = 0;
    const sharded_result one = trained(1, clipped)[0];
    const sharded_result alone = trained(1, divided(clipped))[0];
    CHECK(alone.weights == one.weights);
    CHECK(alone.reports == one.reports);
    for (int ranks : {2, 3, 4}) {
      CAPTURE(ranks);
      const sharded_result together = trained(ranks, divided(clipped))[0];
      CHECK(largest_difference(together, one) < 1e-9);
      CHECK(largest_difference(together, trained(ranks, clipped)[0]) < 1e-13);
      CHECK(trained(ranks, divided(free))[0].weights == trained(ranks, free)[0].weights);
    }
  }
}

TEST_CASE("sharded: as many bytes are sent as by sums that all ranks have") {
  sharded_case wide;
  wide.shape.width = 64, wide.shape.neurons = 96, wide.options.steps = 2;
  std::vector<sharded_case> cases{wide};
  for (const char* schedule : sharded_schedules) cases.push_back({.schedule = schedule});
  for (const sharded_case& c : cases)
    for (int ranks : {2, 3, 4}) {
      CAPTURE(c.schedule);
      CAPTURE(ranks);
      const auto whole = trained(ranks, c), parts = trained(ranks, divided(c));
      const auto twice_to_each = [&](double numbers) { return 2.0 * (ranks - 1) * 8 * numbers; };
      for (std::size_t step = 0; step < whole[0].bytes.size(); ++step) {
        double sent = 0, before = 0;
        for (const auto& r : parts) sent += double(r.bytes[step]);
        for (const auto& r : whole) before += double(r.bytes[step]);
        // The norms of tensors besides, but no gaps between tensors.
        CHECK(sent == before + twice_to_each(double(whole[0].tensors + whole[0].kept[step] - whole[0].summed[step])));
        if (c.shape.width == 64) CHECK(sent == doctest::Approx(before).epsilon(.02));
      }
    }
}

TEST_CASE("sharded: a rank has its part of the moments") {
  const auto parameters = transformer<gpt64, causal_lm, host_device>(run_shape, small_options<host_device>()).layout().parameters();
  for (int ranks : {2, 3, 4}) {
    CAPTURE(ranks);
    std::int64_t all = 0;
    const auto parts = trained(ranks, divided({}));
    for (const sharded_result& r : parts) {
      all += r.moment_size;
      // A tensor begins at a multiple of 16, and of a unit a rank has one element more than another at most.
      transformer<gpt64, causal_lm, host_device> model(run_shape, small_options<host_device>());
      std::int64_t slack = 0;
      for (const placed_weight& w : model.layout().all()) slack += 15 + w.units;
      CHECK(r.moment_size <= parameters / ranks + slack);
    }
    CHECK(all >= parameters);
  }
}

TEST_CASE("sharded: a width of 64 has moments of 1/n within 3 %") {
  model_shape shape = run_shape;
  shape.width = 64, shape.neurons = 256, shape.vocab = 1000;
  transformer<gpt64, causal_lm, host_device> model(shape, small_options<host_device>());
  const double parameters = double(model.layout().parameters());
  for (int ranks : {2, 4, 8})
    for (int rank = 0; rank < ranks; ++rank) CHECK(double(owned_layout(model.layout(), {rank, ranks}).size()) <= 1.03 * parameters / ranks);
}

TEST_CASE("sharded: the elements of every plan are divided evenly") {
  model_shape shape = run_shape;
  shape.width = 64, shape.heads = 4, shape.neurons = 384, shape.neuron_group = 8;
  transformer<gpt64, causal_lm, host_device> model(shape, small_options<host_device>());
  for (const char* schedule : sharded_schedules) {
    CAPTURE(schedule);
    const any_schedule s(schedule);
    step_plan plan(model.plan_layout(4));
    for (std::uint64_t step = 0; step < 6; ++step) {
      plan_into(plan, s, draw_key{7, step}, 8);
      active_layout active;
      active.lower(model.layout(), plan);
      for (int ranks : {2, 4, 8}) {
        std::int64_t least = 0, most = 0, total = 0;
        for (int rank = 0; rank < ranks; ++rank) {
          owned_ranges ranges;
          ranges.lower(active, owned_layout(model.layout(), {rank, ranks}), {rank, ranks});
          std::int64_t mine = 0;
          for (const param_range& r : ranges.kept.own) mine += r.length;
          least = rank == 0 ? mine : std::min(least, mine), most = std::max(most, mine), total += mine;
        }
        std::int64_t kept = 0;
        for (const param_range& r : active.kept) kept += r.length;
        CHECK(total == kept);
        CHECK(double(most) <= 1.02 * double(kept) / ranks);
        CHECK(double(least) >= .99 * double(kept) / ranks);
      }
    }
  }
}

TEST_CASE("sharded: parts without a gradient, resets and growth") {
  for (const dropped_update dropped : {dropped_update::frozen, dropped_update::zero_gradient, dropped_update::decay_only})
    for (const char* schedule : {"2-3-full", "heads 1/2-full with neurons 2/3-full"})
      for (int ranks : {2, 3}) {
        CAPTURE(static_cast<int>(dropped));
        CAPTURE(schedule);
        sharded_case c{.schedule = schedule, .updates = {.dropped = dropped, .at_borders = border_state::reset}};
        c.options.clip = 0;
        CHECK(trained(ranks, divided(c))[0].weights == trained(ranks, c)[0].weights);
      }
  for (const grown_state grown : {grown_state::copied, grown_state::reset})
    for (const char* schedule : {"stack:1-2-4", "stack:2-4"}) {
      CAPTURE(schedule);
      sharded_case c{.schedule = schedule, .updates = {.grown = grown}};
      c.options.clip = 0;
      CHECK(trained(3, divided(c))[0].weights == trained(3, c)[0].weights);
    }
}

TEST_CASE("sharded: other rules, blocks, and ranks without a target") {
  sharded_case c;
  c.options.clip = 0;
  CHECK(trained<gpt64>(3, divided(c), sgd{.lr = .05})[0].weights == trained<gpt64>(3, c, sgd{.lr = .05})[0].weights);
  const masked_lm few{.rate = .08, .masking = masking::independent};
  sharded_case masked{.schedule = "2-full", .options = {.steps = 10, .batch = 4, .accumulate = 2, .seed = 3}};
  masked.options.clip = 0;
  CHECK(trained<bert_block>(4, divided(masked), adamw{.lr = 1e-2}, few)[0].weights ==
        trained<bert_block>(4, masked, adamw{.lr = 1e-2}, few)[0].weights);
}

TEST_CASE("sharded: through any_communicator") {
  std::vector<double> weights[2];
  for (const bool any : {false, true})
    run_ranks(2, [&](thread_rank& rank) {
      any_communicator comm(rank);
      const sharded_result r = any ? trained_by<gpt64>(comm, divided({}), adamw{.lr = 1e-2}, causal_lm{})
                                   : trained_by<gpt64>(rank, divided({}), adamw{.lr = 1e-2}, causal_lm{});
      if (rank.rank() == 0) weights[any] = r.weights;
    });
  CHECK(weights[1] == weights[0]);
}

TEST_CASE("sharded: checkpoints are those of other runs, and every number of ranks goes on from them") {
  scratch_folder folder;
  for (const char* schedule : {"2-3-full", "stack:1-2-4", "heads 1/2-full with neurons 2/3-full"}) {
    CAPTURE(schedule);
    sharded_case c{.schedule = schedule};
    c.options.clip = 0;
    c.save_to = folder / "whole";
    trained(3, c);
    sharded_case d = divided(c);
    d.save_to = folder / "parts";
    trained(3, d);
    for (const char* name : {"optimizer.safetensors", "model.safetensors", "state.json", "config.json"})
      CHECK(read_file(folder / "parts" / name) == read_file(folder / "whole" / name));

    sharded_case more = c;
    more.options.steps = 14, more.save_to.clear();
    more.options.allow_shrinking = true;
    const std::vector<double> unbroken = [&] {
      sharded_case from = more;
      from.load_from = folder / "whole", from.save_to = folder / "end";
      return trained(3, from)[0].weights;
    }();
    sharded_case same = divided(more);
    same.load_from = folder / "parts", same.save_to = folder / "end of parts";
    CHECK(trained(3, same)[0].weights == unbroken);
    CHECK(optimizer_file(folder / "end of parts") == optimizer_file(folder / "end"));
    sharded_result expected;
    expected.weights = unbroken;
    for (int ranks : {1, 2, 4}) {
      CAPTURE(ranks);
      for (const bool sharded : {false, true}) {
        sharded_case other = more;
        other.updates.sharded = sharded, other.load_from = folder / "parts";
        const sharded_result r = trained(ranks, other)[0];
        CHECK(largest_difference(r, expected) < 1e-9);
      }
    }
  }
}

TEST_CASE("sharded: a moment of one rank that is not finite stops the step of all") {
  for (const bool dropped : {false, true}) {
    CAPTURE(dropped);
    std::mutex mutex;
    std::vector<std::string> said;
    run_ranks(3, [&](thread_rank& comm) {
      using model_type = transformer<gpt64, causal_lm, host_device>;
      trainer t(model_type(run_shape, small_options<host_device>()), any_schedule(dropped ? "constant:2" : "full"), comm, adamw{.lr = 1e-2},
                update_options{.dropped = dropped_update::zero_gradient, .sharded = true});
      t.model().initialise(3);
      const weight_layout& layout = t.model().layout();
      const placed_weight& w = layout.all()[layout.of(1, 0) + 2];
      std::vector<double> moment(static_cast<std::size_t>(layout.size()), 0.0);
      moment[static_cast<std::size_t>(w.first + w.size() - 1)] = std::nan("");  // of the last rank
      t.optimizer().set_moment(t.model(), 0, moment);
      const std::vector<double> before = t.model().get_weights();
      t.run(sharded_text, {.steps = 1, .batch = 6, .seed = 3, .max_nonfinite = 9}, [&](const step_report& r) {
        const std::lock_guard lock(mutex);
        said.push_back(r.nonfinite);
      });
      CHECK(t.model().get_weights() == before);
    });
    CHECK(said.size() == 3);
    for (const std::string& what : said) CHECK(what.find("block 1") != std::string::npos);
  }
}

TEST_CASE("sharded: what a rank cannot do alone is an error that says so") {
  const auto error_of = [](auto f) {
    try {
      f();
    } catch (const input_error& e) {
      return std::string(e.what());
    }
    return std::string("nothing was thrown");
  };
  const auto has = [](const std::string& text, const char* part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  scratch_folder folder;
  std::mutex mutex;
  run_ranks(2, [&](thread_rank& comm) {
    using model_type = transformer<gpt64, causal_lm, host_device>;
    trainer t(model_type(run_shape, small_options<host_device>()), any_schedule("full"), comm, adamw{.lr = 1e-2}, update_options{.sharded = true});
    std::string hook;
    t.inspect([&](const auto& step) { hook = error_of([&] { step.gradient(0); }); });
    t.run(sharded_text, eight_sharded_steps);
    const std::lock_guard lock(mutex);
    has(hook, "several ranks divide the optimizer, so each has a part of the gradient only");
    CHECK(!t.model().has_gradients());
    has(error_of([&] { t.optimizer().moment(0); }), "the moments of the optimizer are divided over 2 ranks, so no rank has an array of them");
    has(error_of([&] { t.optimizer().step(t.model(), 1e-3, 0); }), "divided over 2 ranks, so a step needs the communicator");
    has(error_of([&] { save_checkpoint(folder / "c", t, sharded_text.vocabulary()); }), "a checkpoint needs gather_moments() of all ranks first");
    CHECK(!std::filesystem::exists(folder / "c"));
  });
  std::string said;
  try {
    run_ranks(2,
              [&](thread_rank& comm) {
                sharded_case c;
                c.updates.sharded = comm.rank() == 1;
                trained_by<gpt64>(comm, c, adamw{.lr = 1e-2}, causal_lm{});
              },
              {.slow = 5, .usual = 5});
  } catch (const error& e) {
    said = e.what();
  }
  has(said, "differ in moment 1: ");
}
