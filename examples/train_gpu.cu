// SPDX-License-Identifier: Apache-2.0
// Pretraining on an NVIDIA GPU: the tag is the only difference. The same run on the CPU, on the GPU in fp32 and in bf16, and one that
// begins on the CPU and continues on the GPU, from the same folder. fp32 agrees to rounding, bf16 to a few thousandths.
// Build: nvcc -std=c++20 -arch=sm_80 -O3 -I include train_gpu.cu -lcublasLt
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include <raptr/backend/cpu.hpp>
#include <raptr/backend/cuda.cuh>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/run/training_run.hpp>

namespace {

constexpr raptr::model_shape tiny{.layers = 4, .width = 16, .heads = 2, .vocab = 259, .context = 16};

/// Creates the folder, or continues the run in it. The loss of every step so far, followed by that of the full network.
template <raptr::device Device, class Block = raptr::gpt2_block>
std::vector<double> train(const std::filesystem::path& folder, const raptr::token_stream& tokens, std::int64_t stop_after = -1) {
  const auto parts = raptr::hold_out(tokens, 0.2);
  raptr::transformer<Block, raptr::causal_lm, Device> model(tiny);
  std::printf("%s\n", model.ops().description().c_str());
  raptr::trainer trainer(std::move(model), raptr::any_schedule("2-3-4 with heads 1/2-full"), raptr::adamw{.lr = 1e-2},
                         raptr::warmup_cosine{.warmup = 4});
  std::stop_source stop;
  raptr::run_options options{.steps = 12, .batch = 4, .validate_every = 6, .save_every = 6};
  options.validate = [&] { return trainer.evaluate(parts.validation, 4, 8); };
  options.stop = stop.get_token();
  raptr::training_run run(folder, trainer, parts.training, options);
  run.train([&](const raptr::step_report& now) {
    if (now.step + 1 == stop_after) stop.request_stop();
  });
  std::vector<double> losses;
  for (const auto& step : raptr::read_metrics(run.files().metrics()).steps) losses.push_back(step.loss.value_or(NAN));
  losses.push_back(run.sums().validation_loss.value_or(NAN));
  return losses;
}

}  // namespace

int main() {
  std::string text;
  for (int n = 0; n < 300; ++n) text += std::to_string(n) + (n % 3 ? ", " : " fizz, ");
  const std::string_view documents[] = {text};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);
  const auto runs = std::filesystem::temp_directory_path() / ("raptr-gpu-" + std::to_string(::getpid()));

  const auto cpu = train<raptr::cpu>(runs / "cpu", tokens), cuda = train<raptr::cuda>(runs / "cuda", tokens);
  const auto half = train<raptr::cuda, raptr::block<raptr::gpt2_block, raptr::bf16>>(runs / "bf16", tokens);
  train<raptr::cpu>(runs / "moved", tokens, 7);
  const auto moved = train<raptr::cuda>(runs / "moved", tokens);
  std::filesystem::remove_all(runs);

  std::printf("step   cpu, fp32   cuda, fp32   cuda, bf16   moved after step 7\n");
  double fp32 = 0, bf16 = 0;
  for (std::size_t k = 0; k < cpu.size(); ++k) {
    std::printf("%4s  %10.6f  %11.6f  %11.6f  %11.6f\n", k + 1 < cpu.size() ? std::to_string(k + 1).c_str() : "full", cpu[k], cuda[k], half[k],
                moved[k]);
    fp32 = std::max({fp32, std::abs(cuda[k] - cpu[k]), std::abs(moved[k] - cpu[k])}), bf16 = std::max(bf16, std::abs(half[k] - cpu[k]));
  }
  std::printf("largest difference: %.1e in fp32, %.1e in bf16\n", fp32, bf16);
  return fp32 < 1e-3 && bf16 < 0.05 && cpu.back() < cpu.front() ? 0 : 1;
}
