// SPDX-License-Identifier: Apache-2.0
// The program of the README, which quotes the text between the two marks word for word (tests/packaging/readme_test.cpp).
// [README]
#include <cstdio>
#include <string>

#include <raptr/backend/cpu.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/tokenizers/byte.hpp>

// A block is a preset and the policies that differ, in any order.
using my_block = raptr::block<raptr::gpt2_block, raptr::rms_norm, raptr::swiglu_mlp>;
constexpr raptr::model_shape small{.layers = 12, .width = 64, .heads = 4, .vocab = 259, .context = 64};

// A schedule is a type: four equal stages, with 6, 8, 10 and 12 of the 12 blocks active at each step.
using paper = raptr::equal_stages<raptr::layer_drop, 6, 8, 10, 12>;
static_assert(raptr::progressive<paper, my_block, small>);  // block FLOPs never shrink, the last stage is the full network
static_assert(raptr::block_flops_ratio<paper, raptr::gpt2_block>(small) == 0.75);

// One function for any device and any schedule. It returns the loss of the full network.
template <raptr::device Device> double train(const raptr::token_source auto& tokens, auto schedule) {
  raptr::transformer<my_block, raptr::causal_lm, Device> model(small);
  raptr::trainer trainer(std::move(model), std::move(schedule), raptr::adamw{.lr = 2e-3}, raptr::warmup_cosine{.warmup = 8});
  trainer.run(tokens, {.steps = 40, .batch = 4}, [](const raptr::step_report& now) {
    if (now.step % 10 == 9) std::puts(now.line().c_str());
  });
  return trainer.evaluate(tokens, 4);
}

int main() {
  std::string text;
  for (int n = 0; n < 500; ++n) text += std::to_string(n) + (n % 3 ? ", " : " fizz, ");
  const std::string_view documents[] = {text};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);  // or files and folders: {"book.txt", "texts"}

  const double by_type = train<raptr::cpu>(tokens, paper{});
  const double by_text = train<raptr::cpu>(tokens, raptr::any_schedule("full for 1/10 then 6-8-10-12"));
  std::printf("full network: %.3f and %.3f; guessing: 5.557\n", by_type, by_text);
  return by_type < 4 && by_text < 4 ? 0 : 1;
}
// [/README]
