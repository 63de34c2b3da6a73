// SPDX-License-Identifier: Apache-2.0
// A typical user program with every axis at once: a custom block, a schedule as a type and one from a text, a run.
// compile_time.sh measures its compile time.
#include <cstdio>
#include <string>

#include <raptr/backend/cpu.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/tokenizers/byte.hpp>

using my_block = raptr::block<raptr::gpt2_block, raptr::rms_norm, raptr::swiglu_mlp>;
constexpr raptr::model_shape small{.layers = 4, .width = 64, .heads = 4, .vocab = 259, .context = 32};

using everything = raptr::schedule<
    raptr::stage<raptr::share<1, 4>, raptr::layer_drop<raptr::keep<1, 2>>, raptr::head_drop<raptr::keep<1, 2>, raptr::inverse>,
                 raptr::neuron_drop<raptr::keep<1, 2>, raptr::once>>,
    raptr::stage<raptr::share<1, 4>, raptr::sublayer_drop<raptr::keep<3, 4>>, raptr::width_slice<raptr::keep<3, 4>>>,
    raptr::stage<raptr::share<1, 4>, raptr::layer_drop<raptr::keep<3, 4>, raptr::linear_in_depth>, raptr::sequence_drop<raptr::keep<3, 4>>>,
    raptr::stage<raptr::share<1, 4>, raptr::full_network>>;

template <class Schedule> bool run(const raptr::token_source auto& tokens, Schedule schedule) {
  raptr::transformer<my_block, raptr::causal_lm, raptr::cpu> model(small);
  raptr::trainer trainer(std::move(model), std::move(schedule), raptr::adamw{.lr = 1e-3}, raptr::warmup_cosine{.warmup = 4});
  return trainer.run(tokens, {.steps = 16, .batch = 4}, [](const raptr::step_report& now) { std::puts(now.line().c_str()); });
}

int main() {
  const std::string text(4096, 'a');
  const std::string_view documents[] = {text};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);
  return run(tokens, everything{}) && run(tokens, raptr::any_schedule("2-3-4")) ? 0 : 1;
}
