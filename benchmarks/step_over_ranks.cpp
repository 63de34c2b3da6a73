// SPDX-License-Identifier: Apache-2.0
// A training step on several ranks, with all blocks and with half of them: seconds, and bytes that a rank sends. One JSON line each, as a
// data-parallel trainer of another library would print for the same model and batch.
//   mpirun -n 2 step_over_ranks [gpt-small | gpt2-124m] [threads of a rank] [steps]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <raptr/backend/cpu.hpp>
#include <raptr/comm/mpi.hpp>
#include <raptr/raptr.hpp>

namespace {

using namespace raptr;

/// Random ids.
class random_tokens {
 public:
  random_tokens(int vocab, std::int64_t size) : vocab_(vocab), ids_(static_cast<std::size_t>(size)) {
    std::mt19937 draw(1);
    for (std::int32_t& id : ids_) id = static_cast<std::int32_t>(draw() % static_cast<unsigned>(vocab));
  }
  std::int64_t size() const { return std::ssize(ids_); }
  void read(std::int64_t first, std::span<std::int32_t> out) const { std::copy_n(ids_.begin() + first, out.size(), out.begin()); }
  raptr::vocabulary vocabulary() const { return {.size = vocab_}; }

 private:
  int vocab_;
  std::vector<std::int32_t> ids_;
};

struct median_of_steps {
  std::vector<double> seconds;
  std::uint64_t bytes = 0;

  double value() {
    std::ranges::sort(seconds);
    return seconds[seconds.size() / 2];
  }
};

}  // namespace

int main(int count, char** words) {
  mpi comm;
  try {
    const std::string name = count > 1 ? words[1] : "gpt-small";
    const int threads = count > 2 ? std::atoi(words[2]) : 1;
    const std::int64_t steps = count > 3 ? std::atoi(words[3]) : 12;
    const bool small = name == "gpt-small";
    if (!small && name != "gpt2-124m") fail("the models are gpt-small and gpt2-124m, and not " + name);
    const model_shape shape = small ? model_shape{.layers = 12, .width = 256, .heads = 4, .vocab = 8192, .context = 128}
                                    : model_shape{.layers = 12, .width = 768, .heads = 12, .vocab = 50257, .context = 128};
    const random_tokens tokens(shape.vocab, 1 << 16);
    for (const char* schedule : {"constant:12", "constant:6"}) {
      trainer one(transformer<gpt2_block, causal_lm, cpu>(shape, {.threads = threads}), any_schedule(schedule), adamw{.lr = 1e-4}, comm);
      median_of_steps of;
      one.run(tokens, {.steps = steps, .batch = small ? 16 : 4}, [&](const step_report& now) {
        if (now.step >= 2) of.seconds.push_back(now.seconds), of.bytes = now.bytes_sent;
      });
      if (comm.rank() == 0)
        std::printf("{\"model\": \"%s\", \"schedule\": \"%s\", \"ranks\": %d, \"threads\": %d, \"median_ms\": %.1f, \"bytes_sent\": %llu}\n",
                    name.c_str(), schedule, comm.ranks(), threads, 1e3 * of.value(), static_cast<unsigned long long>(of.bytes));
    }
  } catch (const std::exception& e) {
    comm.end_all(e.what());
  }
}
