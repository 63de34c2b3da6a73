// expect: raptr: an observer is called with a raptr::step_report
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/schedule/then.hpp>
#include <raptr/train/trainer.hpp>

using namespace raptr;

using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
using network_of_choice = transformer<gpt2_block, causal_lm, cpu>;

struct my_tokens {
  std::int64_t size() const { return 1'000; }
  void read(std::int64_t, std::span<std::int32_t>) const {}
  raptr::vocabulary vocabulary() const { return {.size = 256}; }
};
void train(trainer<network_of_choice, paper, adamw>& t) {
#ifdef RIGHT
  t.run(my_tokens{}, {.steps = 100}, [](const step_report& now) { std::puts(now.line().c_str()); });
#else
  t.run(my_tokens{}, {.steps = 100}, [](double loss) { std::printf("%f\n", loss); });
#endif
}
