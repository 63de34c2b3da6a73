// SPDX-License-Identifier: Apache-2.0
// Ranks with plans of their own: the gradient is the mean, over all ranks or over those that trained a weight, of what each plan gives alone;
// all ranks end with the same bits; and what no rank trained is not touched.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>

#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/comm/thread_ranks.hpp>

#include "rank_errors.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

constexpr plans_of_ranks both_means[] = {plans_of_ranks::mean_over_trained, plans_of_ranks::mean_over_all};
const char* const rank_plans_schedules[] = {"constant:3", "heads constant:1/2", "neurons 1/3-2/3", "layers(sqrt_gap) 3-full with neurons 1/3-2/3",
                                            "heads ramp:1/2-full"};
const run_options rank_plans_options{.steps = 8, .batch = 7, .accumulate = 2, .seed = 3};
const token_list rank_plans_text(900);

run_options with_plans(run_options options, plans_of_ranks kind) {
  options.rank_plans = kind;
  return options;
}
/// As raptr::trainer draws it.
step_plan plan_of_rank(const network_layout& layout, const any_schedule& schedule, const run_options& options, std::int64_t step, int rank) {
  step_plan plan(layout);
  plan_into(plan, schedule, draw_key{.seed = options.seed, .step = static_cast<std::uint64_t>(step)}.of_rank(rank), options.steps);
  return plan;
}
template <class Model, class Schedule> auto trainer_on(thread_rank& comm, Model model, const Schedule& schedule, update_options updates = {}) {
  return trainer(std::move(model), schedule, warmup_linear{.warmup = 5}, comm, adamw{.lr = 1e-2}, updates);
}
template <class Trainer> std::vector<double> state_of(Trainer& t) {
  std::vector<double> all;
  const auto append = [&](const auto& numbers) { all.insert(all.end(), numbers.begin(), numbers.end()); };
  append(t.model().get_weights());
  for (int k = 0; k < 2; ++k)
    append(download(t.model().ops(), std::as_const(t).optimizer().moment(k), static_cast<std::size_t>(t.model().layout().size())));
  append(download(t.model().ops(), std::as_const(t).optimizer().counts(), t.optimizer().counts_size()));
  return all;
}

/// The gradient of a step in the places of the weights, by hand: each rank's plan alone over its sequences, then the mean. Zero where no rank
/// trains. weights: of the targets of each rank, an output.
template <class Model> std::vector<double> gradient_by_hand(Model& alone, const any_schedule& schedule, const run_options& options, std::int64_t step,
                                                            int ranks, std::vector<double>& weights) {
  const network_layout layout = alone.plan_layout(options.batch * options.accumulate);
  windows<token_list, typename Model::objective_type> cut(rank_plans_text, alone.objective(), alone.shape().context);
  sample_order order(cut.count(), options.seed);
  std::vector<step_batches> batches;
  weights.clear();
  double total = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    step_report r;
    r.step = step;
    weights.push_back(batches.emplace_back(options.accumulate).fill(cut, order, options, r, rank, ranks));
    total += weights.back();
  }
  const auto size = static_cast<std::size_t>(alone.layout().size());
  std::vector<double> sum(size, 0), trained(size, 0);
  for (int rank = 0; rank < ranks; ++rank) {
    if (weights[static_cast<std::size_t>(rank)] == 0) continue;
    const step_plan plan = plan_of_rank(layout, schedule, options, step, rank);
    alone.begin(plan);
    for (batch& b : batches[static_cast<std::size_t>(rank)].list()) {
      b.normaliser = 1;
      if (!b.targets.empty()) alone.accumulate(plan, b);
    }
    const typename Model::master* const gradients = alone.gradients();
    const auto packed = download(alone.ops(), gradients, static_cast<std::size_t>(alone.active().size));
    for (const param_range& r : alone.active().kept)
      for (std::int64_t i = 0; i < r.length; ++i) {
        sum[static_cast<std::size_t>(r.first + i)] += double(packed[static_cast<std::size_t>(r.packed + i)]);
        trained[static_cast<std::size_t>(r.first + i)] += weights[static_cast<std::size_t>(rank)];
      }
  }
  for (std::size_t k = 0; k < size; ++k)
    if (trained[k] > 0) sum[k] /= options.rank_plans == plans_of_ranks::mean_over_trained ? trained[k] : total;
  return sum;
}

/// Compares every step of a run on some ranks. Returns how many steps had a rank without targets.
template <class Block, class Objective> int compare_with_hand(int ranks, const char* text, const run_options& options, Objective objective = {}) {
  using model_type = transformer<Block, Objective, host_device>;
  std::mutex mutex;
  int idle = 0, compared = 0;
  double largest = 0;
  run_ranks(ranks, [&](thread_rank& comm) {
    const any_schedule schedule(text);
    auto t = trainer_on(comm, model_type(run_shape, small_options<host_device>(), objective), schedule);
    model_type alone(run_shape, small_options<host_device>(), objective);
    t.inspect([&](const auto& seen) {
      alone.set_weights(t.model().get_weights());
      std::vector<double> weights;
      const auto expected = gradient_by_hand(alone, schedule, options, seen.position().step, ranks, weights);
      const network_layout layout = alone.plan_layout(options.batch * options.accumulate);
      const std::lock_guard lock(mutex);
      CHECK(seen.plan() == plan_of_rank(layout, schedule, options, seen.position().step, comm.rank()));
      idle += std::ranges::count(weights, 0) > 0;
      for (std::size_t k = 0; k < alone.layout().all().size(); ++k) {
        const placed_weight& w = alone.layout().all()[k];
        const auto found = seen.gradient(k), elements = seen.weights(k);
        std::size_t next = 0;
        for (int unit = 0; unit < w.units; ++unit) {
          bool on = w.block < 0;
          for (int rank = 0; rank < ranks; ++rank)
            on = on || (weights[static_cast<std::size_t>(rank)] > 0 &&
                        trains(plan_of_rank(layout, schedule, options, seen.position().step, rank), w, unit));
          for (std::int64_t i = 0; on && i < w.per_unit; ++i, ++next) {
            const double is = double(found.at(next)), should = expected[static_cast<std::size_t>(w.first + unit * w.per_unit + i)];
            largest = std::max(largest, std::abs(is - should) / std::max(1.0, std::abs(should))), ++compared;
          }
        }
        CHECK(found.size() == next);
        CHECK(elements.size() == next);
      }
    });
    t.run(rank_plans_text, options);
  });
  CHECK(compared > 1000);
  CHECK(largest < (sizeof(typename Block::precision::master) == 8 ? 1e-12 : 1e-5));
  return idle;
}

struct rank_plans_result {
  std::vector<std::string> reports;
  std::vector<double> state;
  std::vector<std::uint64_t> bytes, sizes, own_sizes;  // sizes: of the packed gradient
};
template <class Block, class Objective> std::vector<rank_plans_result> trained_with(int ranks, const char* schedule, const run_options& options,
                                                                                    update_options updates = {}, Objective objective = {}) {
  std::vector<rank_plans_result> all(static_cast<std::size_t>(ranks));
  run_ranks(ranks, [&](thread_rank& comm) {
    using model_type = transformer<Block, Objective, host_device>;
    auto t = trainer_on(comm, model_type(run_shape, small_options<host_device>(), objective), any_schedule(schedule), updates);
    rank_plans_result& out = all[static_cast<std::size_t>(comm.rank())];
    t.inspect([&](const auto& seen) {
      active_layout own;
      own.lower(seen.model().layout(), seen.plan());
      out.sizes.push_back(static_cast<std::uint64_t>(seen.model().active().size)), out.own_sizes.push_back(static_cast<std::uint64_t>(own.size));
    });
    t.run(rank_plans_text, options, [&](const step_report& r) { out.reports.push_back(facts_of(r)), out.bytes.push_back(r.bytes_sent); });
    out.state = state_of(t);
  });
  return all;
}

}  // namespace

TEST_CASE("rank plans: with one rank they are the shared plan, to the bit") {
  for (const char* schedule : rank_plans_schedules) {
    CAPTURE(schedule);
    const auto shared = trained_with<gpt2_block, causal_lm>(1, schedule, rank_plans_options)[0];
    for (const plans_of_ranks kind : both_means) {
      const auto own = trained_with<gpt2_block, causal_lm>(1, schedule, with_plans(rank_plans_options, kind))[0];
      CHECK(own.state == shared.state);
      CHECK(own.reports == shared.reports);
    }
  }
}

TEST_CASE("rank plans: the gradient is the mean of those of the plans, over the ranks that trained a weight or over all") {
  for (const char* schedule : rank_plans_schedules)
    for (const plans_of_ranks kind : both_means)
      for (const int ranks : {2, 3, 4}) {
        CAPTURE(schedule);
        CAPTURE(name_of(kind));
        CAPTURE(ranks);
        compare_with_hand<gpt64, causal_lm>(ranks, schedule, with_plans(rank_plans_options, kind));
      }
}

TEST_CASE("rank plans: a rank without targets trains nothing and counts for nothing") {
  const masked_lm few{.rate = .08, .masking = masking::independent};
  for (const plans_of_ranks kind : both_means)
    for (const int micro_batches : {1, 2}) {
      CAPTURE(name_of(kind));
      CAPTURE(micro_batches);
      const run_options options{.steps = 10, .batch = 4, .accumulate = micro_batches, .seed = 3, .rank_plans = kind};
      const int steps_with_idle_ranks = compare_with_hand<bert64>(4, "neurons 1/3-2/3", options, few) / 4;
      CHECK(steps_with_idle_ranks > 2);
      const auto all = trained_with<bert64>(4, "neurons 1/3-2/3", options, {}, few);
      for (const auto& r : all) CHECK(r.state == all[0].state);
    }
}

TEST_CASE("rank plans: ranks that divide the optimizer come to the same weights") {
  for (const char* schedule : {"constant:3", "neurons 1/3-2/3 with heads 1/2-full"})
    for (const plans_of_ranks kind : both_means) {
      CAPTURE(schedule);
      CAPTURE(name_of(kind));
      std::vector<double> weights[2];
      for (const bool sharded : {false, true})
        run_ranks(3, [&](thread_rank& comm) {
          transformer<gpt64, causal_lm, host_device> model(run_shape, small_options<host_device>());
          auto t = trainer_on(comm, std::move(model), any_schedule(schedule), {.sharded = sharded});
          t.run(rank_plans_text, with_plans(rank_plans_options, kind));
          if (comm.rank() == 2) weights[sharded] = t.model().get_weights();
        });
      REQUIRE(weights[0].size() == weights[1].size());
      double largest = 0;
      for (std::size_t i = 0; i < weights[0].size(); ++i) largest = std::max(largest, std::abs(weights[0][i] - weights[1][i]));
      CHECK(largest < 1e-12);
    }
}

TEST_CASE("rank plans: all ranks have the same bits and reports, and send the union of the plans") {
  for (const char* schedule : rank_plans_schedules)
    for (const int ranks : {2, 3}) {
      CAPTURE(schedule);
      CAPTURE(ranks);
      const auto shared = trained_with<gpt64, causal_lm>(ranks, schedule, rank_plans_options);
      std::vector<std::vector<double>> states{shared[0].state};
      for (const plans_of_ranks kind : both_means) {
        CAPTURE(name_of(kind));
        const auto all = trained_with<gpt64, causal_lm>(ranks, schedule, with_plans(rank_plans_options, kind));
        int wider = 0;
        for (const auto& r : all) {
          CHECK(r.state == all[0].state);
          CHECK(r.reports == all[0].reports);
          CHECK(r.sizes == all[0].sizes);
          for (std::size_t step = 0; step < r.sizes.size(); ++step) wider += r.sizes[step] > r.own_sizes[step] + 16;
        }
        CHECK(wider > 2);
        for (std::size_t step = 0; step < all[0].bytes.size(); ++step) {
          std::uint64_t sent = 0;
          for (const auto& r : all) sent += r.bytes[step];
          const double gradient = 2.0 * (ranks - 1) * 8 * double(all[0].sizes[step]);
          CHECK(double(sent) >= .98 * gradient);
          CHECK(double(sent) <= gradient + 2 * (ranks - 1) * 8 + 6 * ranks * 64);
        }
        for (const auto& other : states) CHECK(all[0].state != other);
        states.push_back(all[0].state);
      }
    }
}

TEST_CASE("rank plans: where all plans are equal, nothing differs from the shared plan") {
  for (const char* schedule : {"full", "stack:2-4", "heads(first) 1/2-full"})
    for (const plans_of_ranks kind : both_means) {
      CAPTURE(schedule);
      const auto shared = trained_with<gpt2_block, causal_lm>(3, schedule, rank_plans_options),
                 own = trained_with<gpt2_block, causal_lm>(3, schedule, with_plans(rank_plans_options, kind));
      CHECK(own[0].state == shared[0].state);
      CHECK(own[0].reports == shared[0].reports);
      CHECK(own[0].bytes == shared[0].bytes);
    }
}

TEST_CASE("rank plans: frozen means trained by no rank") {
  const int ranks = 2;
  const char* const text = "layers 3-full with neurons constant:1/3";
  const run_options options = with_plans(rank_plans_options, plans_of_ranks::mean_over_trained);
  run_ranks(ranks, [&](thread_rank& comm) {
    using model_type = transformer<gpt64, causal_lm, host_device>;
    const any_schedule schedule(text);
    auto t = trainer_on(comm, model_type(run_shape, small_options<host_device>()), schedule);
    const weight_layout layout = t.model().layout();
    const network_layout net = t.model().plan_layout(options.batch * options.accumulate);
    std::vector<double> before;
    int frozen = 0, by_one = 0, touched = 0, kept_still = 0, wrong_counts = 0;
    const auto compare = [&](std::int64_t step) {  // the state after a step with that before it
      const std::vector<double> now = state_of(t);
      const auto arena = static_cast<std::size_t>(layout.size());
      for (const placed_weight& w : layout.all())
        for (int unit = 0; unit < w.units; ++unit) {
          int by = 0;
          for (int rank = 0; rank < ranks; ++rank) by += trains(plan_of_rank(net, schedule, options, step, rank), w, unit);
          frozen += by == 0, by_one += by == 1;
          const std::size_t count = 3 * arena + static_cast<std::size_t>(w.unit + unit);
          wrong_counts += now[count] - before[count] != (by > 0);
          for (std::int64_t i = 0; i < w.per_unit; ++i)
            for (std::size_t array = 0; array < 3; ++array) {
              const std::size_t k = array * arena + static_cast<std::size_t>(w.first + unit * w.per_unit + i);
              touched += by == 0 && std::memcmp(&now[k], &before[k], sizeof(double)) != 0;
              kept_still += by == 1 && array == 1 && i == 0 && now[k] == before[k];
            }
        }
    };
    t.inspect([&](const auto& seen) {
      if (seen.position().step > 0) compare(seen.position().step - 1);
      before = state_of(t);
    });
    t.run(rank_plans_text, options);
    CHECK(frozen > 20);
    CHECK(by_one > 20);
    CHECK(touched == 0);
    CHECK(kept_still < by_one / 10);
    CHECK(wrong_counts == 0);
  });
}

TEST_CASE("rank plans: a resumed run ends with the bits of the unbroken one") {
  const scratch_folder place;
  for (const plans_of_ranks kind : both_means) {
    const run_options options = with_plans(rank_plans_options, kind);
    const char* const text = "2-3-full with neurons 1/3-2/3";
    const auto unbroken = trained_with<gpt2_block, causal_lm>(3, text, options);
    const std::filesystem::path folder = place / name_of(kind);
    std::vector<std::vector<double>> resumed(3);
    for (const bool first : {true, false})
      run_ranks(3, [&](thread_rank& comm) {
        auto t = trainer_on(comm, transformer<gpt2_block, causal_lm, host_device>(run_shape, small_options<host_device>()), any_schedule(text));
        run_options part = options;
        std::stop_source stop;
        if (first)
          part.stop = stop.get_token(), part.save = [&] { save_checkpoint(folder, t, rank_plans_text.vocabulary()); };
        else
          load_checkpoint(folder, t);
        t.run(rank_plans_text, part, [&](const step_report& r) {
          if (first && r.step == 3) stop.request_stop();
        });
        CHECK((t.done().step < 8) == first);
        resumed[static_cast<std::size_t>(comm.rank())] = state_of(t);
      });
    for (const auto& state : resumed) CHECK(state == unbroken[0].state);
  }
}

TEST_CASE("rank plans: parts of unequal size, sequences and ranks of two kinds are refused") {
  const auto said = [](const auto& schedule, run_options options, auto change) {
    options.rank_plans = plans_of_ranks::mean_over_all;
    return errors_of_ranks(2, [&](thread_rank& comm) {
      run_options own = options;
      change(comm.rank(), own);
      auto t = trainer_on(comm, transformer<gpt2_block, causal_lm, host_device>(run_shape, small_options<host_device>()), schedule);
      t.model().initialise(1);
      const std::vector<double> before = state_of(t);
      try {
        t.run(rank_plans_text, own);
      } catch (const error&) {
        CHECK(t.done().step == 0);
        CHECK(state_of(t) == before);
        throw;
      }
    });
  };
  const auto same = [](int, run_options&) {};
  const auto has = [](const std::string& text, const char* part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  has(said(any_schedule("layers(bernoulli) 3-full"), rank_plans_options, same), "from step 1 on this schedule keeps 3 of 4 layers on average");
  has(said(any_schedule("sequences 1/2-full"), rank_plans_options, same), "drops sequences (it keeps 7 of 14 in a block)");
  has(said(any_schedule("constant:3"), rank_plans_options,
           [](int rank, run_options& o) {
             if (rank == 1) o.rank_plans = plans_of_ranks::mean_over_trained;
           }),
      "differ in rank_plans: mean_over_all and mean_over_trained");
  struct fewer_with_some_keys {
    unit_set operator()(int, int kept, draw_key key) const { return unit_set::first(key.rank == 1 ? kept - 1 : kept); }
  };
  has(said(constant<layer_drop<keep<3>, fewer_with_some_keys>>{}, rank_plans_options, same),
      "in step 1 rank 0 has drawn 3 blocks (attention 6 heads in 3, mlp 9 neurons in 3) and rank 1 2 blocks (attention 4 heads in 2, mlp 6 neurons "
      "in 2): parts of the ranks' own are of equal size");
}

namespace {
/// One of two ranks, alone: it notes its calls, and the other one has said what it says.
struct noting_one {
  int number;
  std::vector<std::string>* calls;
  int rank() const { return number; }
  static constexpr int ranks() { return 2; }
  template <class Ops, class T> void sum(Ops&, std::span<T> array, const comm_operation& o) {
    calls->push_back(text_of(o) + ", " + std::to_string(array.size()));
  }
  template <class Ops, class T> void reduce_scatter(Ops& ops, std::span<T> array, std::span<const std::int64_t>, const comm_operation& o) {
    sum(ops, array, o);
  }
  template <class Ops, class T> void all_gather(Ops& ops, std::span<T> array, std::span<const std::int64_t>, const comm_operation& o) {
    sum(ops, array, o);
  }
  template <class Ops> void finish(Ops&, const comm_operation&) {}
  void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation&) {
    for (int r = 0; r < 2; ++r) std::ranges::copy(mine, all.begin() + r * std::ssize(mine));
  }
  void end_all(std::string_view) noexcept {}
  std::uint64_t bytes_sent() const { return 0; }
};
}  // namespace

TEST_CASE("rank plans: both ranks sum the same pieces in one order, last block first") {
  std::vector<std::string> calls[2];
  for (const int rank : {0, 1}) {
    noting_one comm{rank, &calls[rank]};
    trainer t(transformer<gpt64, causal_lm, host_device>(run_shape, small_options<host_device>()), any_schedule("constant:3"), comm, adamw{});
    t.run(rank_plans_text, with_plans({.steps = 6, .batch = 6, .seed = 3}, plans_of_ranks::mean_over_all));
  }
  CHECK(calls[0] == calls[1]);
  std::string order;
  for (const std::string& call : calls[0])
    if (const auto at = call.find("gradient"); at != call.npos) order += call.substr(at, call.find(", ", at) - at) + "; ";
  CHECK(order.find("gradient of block 3; gradient of block 2; gradient of block 1; gradient of block 0; gradient; ") != order.npos);
}

TEST_CASE("rank plans: what dropout drops depends on seed and step, not on the rank") {
  const draw_key key{.seed = 3, .step = 5};
  CHECK(dropout_key_of(key.of_rank(2)) == dropout_key_of(key));
}
