// SPDX-License-Identifier: Apache-2.0
// The same training on the CPU and on a GPU, in one program: the tag is the only difference. fp32 agrees to rounding, bf16 to
// a few thousandths. Build: nvcc -std=c++20 -arch=native -O3 -I include two_devices.cu -lcublasLt
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <raptr/backend/cpu.hpp>
#include <raptr/backend/cuda.cuh>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/tokenizers/byte.hpp>

namespace {

constexpr raptr::model_shape tiny{.layers = 4, .width = 16, .heads = 2, .vocab = 259, .context = 16};

/// The loss of every step, followed by that of the full network.
template <raptr::device Device, class Block> std::vector<double> train(const raptr::token_source auto& tokens) {
  raptr::transformer<Block, raptr::causal_lm, Device> model(tiny);
  std::printf("%s\n", model.ops().description().c_str());
  raptr::trainer trainer(std::move(model), raptr::any_schedule("2-3-4 with heads 1/2-full"), raptr::adamw{.lr = 1e-2},
                         raptr::warmup_cosine{.warmup = 4});
  std::vector<double> losses;
  trainer.run(tokens, {.steps = 12, .batch = 4}, [&](const raptr::step_report& now) { losses.push_back(now.loss); });
  losses.push_back(trainer.evaluate(tokens, 4, 8));
  return losses;
}

}  // namespace

int main() {
  std::string text;
  for (int n = 0; n < 300; ++n) text += std::to_string(n) + (n % 3 ? ", " : " fizz, ");
  const std::string_view documents[] = {text};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);

  const auto cpu = train<raptr::cpu, raptr::gpt2_block>(tokens), cuda = train<raptr::cuda, raptr::gpt2_block>(tokens),
             half = train<raptr::cuda, raptr::block<raptr::gpt2_block, raptr::bf16>>(tokens);
  std::printf("step   cpu, fp32   cuda, fp32   cuda, bf16\n");
  double fp32 = 0, bf16 = 0;
  for (std::size_t k = 0; k < cpu.size(); ++k) {
    if (k + 1 < cpu.size())
      std::printf("%4zu", k + 1);
    else
      std::printf("full");
    std::printf("  %10.6f  %11.6f  %11.6f\n", cpu[k], cuda[k], half[k]);
    fp32 = std::max(fp32, std::abs(cuda[k] - cpu[k])), bf16 = std::max(bf16, std::abs(half[k] - cpu[k]));
  }
  std::printf("largest difference: %.1e in fp32, %.1e in bf16\n", fp32, bf16);
  return fp32 < 1e-3 && bf16 < 0.05 && cpu.back() < cpu.front() ? 0 : 1;
}
