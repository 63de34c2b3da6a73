// SPDX-License-Identifier: Apache-2.0
// Training on several GPUs over NCCL is the training of one: forked ranks, each with an emulated GPU.
#include <doctest/doctest.h>

#include <csignal>
#include <emulator.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include <raptr/backend/cuda.cuh>
#include <raptr/comm/nccl.cuh>
#include <raptr/comm/nccl_rendezvous_file.hpp>

#include "scratch_folder.hpp"
#include "small_run.hpp"

namespace {

using namespace raptr;
using namespace raptr::testing;

/// The losses of the steps, and a checksum of the weights.
struct outcome {
  std::vector<double> losses;
  std::uint64_t weights = 0;
};
template <class Comm>
outcome trained_by(Comm& comm, const char* schedule, auto&& observe, std::function<void()> save = {}, const update_options& updates = {}) {
  using model_type = transformer<gpt2_block, causal_lm, cuda>;
  trainer t(model_type(run_shape), any_schedule(schedule), warmup_linear{.warmup = 5}, comm, adamw{.lr = 1e-2}, updates);
  outcome out;
  t.run(token_list(900), {.steps = 4, .batch = 6, .accumulate = 2, .seed = 3, .save = std::move(save)},
        [&](const step_report& r) { out.losses.push_back(r.loss), observe(r); });
  for (const float w : t.model().get_weights()) out.weights = out.weights * 1099511628211u + std::bit_cast<std::uint32_t>(w);
  return out;
}
std::string text_of(const outcome& out) {
  std::string text = std::to_string(out.weights);
  for (const double loss : out.losses) text += " " + decimal_text(loss);
  return text;
}
outcome outcome_of(const std::string& text) {
  outcome out;
  std::istringstream words(text);
  words >> out.weights;
  for (double loss; words >> loss;) out.losses.push_back(loss);
  return out;
}
template <class F>
std::vector<std::string> on_gpus(int ranks, nccl_options options, const char* schedule, F observe, unsigned seed = 0, bool sharded = false) {
  const scratch_folder folder;
  auto answers = emulator::run_ranks(ranks, [&](int rank) -> std::string {
    emulator::reset();
    emulator::options().seed = emulator::options().nccl.seed = seed;
    emulator::options().order = seed == 0 && rank < 2 ? emulator::order::lazy : emulator::order::random;
    rendezvous_file meet(folder.path(), "test", rank, ranks, {.slow = 20, .usual = 20});
    nccl comm(meet, options);
    return text_of(trained_by(
        comm, schedule, [&](const step_report& r) { observe(rank, r); }, [&] { std::ofstream(folder / "saved") << rank; },
        update_options{.sharded = sharded}));
  });
  if (std::filesystem::exists(folder / "saved")) answers.push_back("saved");
  return answers;
}

TEST_CASE("nccl: training on several GPUs has the losses of one, and equal weights on all") {
  if (emulator::sees_races) return;
  constexpr comm_limits limits{.slow = 30, .usual = 30};
  const auto nothing = [](int, const step_report&) {};
  const auto losses_of_one = [](const char* schedule) {
    emulator::reset();
    single_process alone;
    return trained_by(alone, schedule, [](const step_report&) {}).losses;
  };
  const auto check = [&](const char* schedule, const std::vector<std::string>& all, std::size_t ranks) {
    REQUIRE(all.size() == ranks + 1);
    CHECK(all.back() == "saved");
    for (std::size_t rank = 1; rank < ranks; ++rank) CHECK(all[rank] == all[0]);
    const std::vector<double> one = losses_of_one(schedule), losses = outcome_of(all[0]).losses;
    REQUIRE(losses.size() == one.size());
    for (std::size_t k = 0; k < one.size(); ++k) CHECK(losses[k] == doctest::Approx(one[k]).epsilon(2e-5));
  };
  check("2-3-full", on_gpus(2, {.limits = limits}, "2-3-full", nothing), 2);
  const auto in_order = on_gpus(3, {.sums = nccl_sums::rank_order, .limits = limits}, "heads 1/2-full", nothing);
  check("heads 1/2-full", in_order, 3);
  CHECK(on_gpus(3, {.sums = nccl_sums::rank_order, .limits = limits}, "heads 1/2-full", nothing, 77) == in_order);
  check("2-3-full", on_gpus(2, {.limits = limits}, "2-3-full", nothing, 0, true), 2);
  const auto sharded = on_gpus(3, {.sums = nccl_sums::rank_order, .limits = limits}, "heads 1/2-full", nothing, 0, true);
  check("heads 1/2-full", sharded, 3);
  CHECK(on_gpus(3, {.sums = nccl_sums::rank_order, .limits = limits}, "heads 1/2-full", nothing, 77, true) == sharded);
}

TEST_CASE("nccl: a rank that dies in the last step ends the training of the others before they keep its results") {
  if (emulator::sees_races) return;
  const auto die = [](int rank, const step_report& r) {
    if (rank == 1 && r.step == 2) std::raise(SIGKILL);
  };
  const auto all = on_gpus(2, {.limits = {.slow = 20, .usual = 3}}, "full", die);
  REQUIRE(all.size() == 2);  // and nothing was saved
  CAPTURE(all[0]);
  CHECK(all[0].starts_with("threw: raptr: step 4, "));
  CHECK(all[0].ends_with(": rank 0 has waited 3 s for the other rank, which did not come"));
  CHECK(all[1] == "signal 9");
}

}  // namespace
