// SPDX-License-Identifier: Apache-2.0
// What all ranks of a run must have alike: the program, its options, the text, and the state that they start from.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include <raptr/base/decimal.hpp>
#include <raptr/base/version.hpp>
#include <raptr/data/token_source.hpp>
#include <raptr/io/checksum.hpp>
#include <raptr/nn/weight_layout.hpp>
#include <raptr/tensor/buffer.hpp>
#include <raptr/train/agreement.hpp>
#include <raptr/train/run_options.hpp>

namespace raptr {

/// done: steps. Reads the whole text once, and weights and moments. Plans are compared before each step instead, since a schedule may be
/// any function.
template <class Model, class Optimizer, class Tokens>
std::vector<shared_fact> facts_of_run(const Model& model, const Optimizer& optimizer, const Tokens& tokens, const run_options& options,
                                      std::int64_t done) {
  const auto sum_of = [&](const auto* device, std::size_t size) {
    const auto host = download(model.ops(), device, size);
    return crc_text(crc32c(std::as_bytes(std::span(host))));
  };
  const auto every = [](std::int64_t interval) { return interval > 0 ? std::to_string(interval) + " steps" : std::string("never"); };
  std::string shape;
  for (const placed_weight& w : model.layout().all()) shape += w.full_name() + " " + std::to_string(w.size()) + "\n";
  const auto size = static_cast<std::size_t>(model.layout().size());
  using master = typename Model::master;

  std::vector<shared_fact> facts{
      {"the version of raptr", library_version},
      {"the compiler", __VERSION__},
      {"the weights of the model", std::to_string(size) + ", tensors " + crc_text(crc32c(std::as_bytes(std::span(shape))))},
      {"the text", token_hash_text([&] {
         if constexpr (requires { tokens.hash(); })
           return std::uint64_t{tokens.hash()};
         else
           return token_hash(tokens);
       }())},
      {"steps", std::to_string(options.steps)},
      {"batch", std::to_string(options.batch)},
      {"accumulate", std::to_string(options.accumulate)},
      {"seed", std::to_string(options.seed)},
      {"rank_plans", name_of(options.rank_plans)},
      {"clip", decimal_text(options.clip)},
      {"max_nonfinite", std::to_string(options.max_nonfinite)},
      {"validate_every", options.validate ? every(options.validate_every) : "no validation"},
      {"save_every", options.save ? every(options.save_every) : "no checkpoints"},
      {"also_save_every", every(options.also_save_every)},
      {"lr", decimal_text(optimizer.rule().lr)},
      {"weight_decay", decimal_text(optimizer.rule().weight_decay)},
      {"steps done", std::to_string(done)},
      {"weights", sum_of(static_cast<const master*>(model.weights()), size)},
      {"step counts", sum_of(static_cast<const int*>(optimizer.counts()), optimizer.counts_size())},
  };
  for (int k = 0; k < std::remove_cvref_t<decltype(optimizer.rule())>::moments; ++k)
    facts.emplace_back("moment " + std::to_string(k + 1),
                       optimizer.is_sharded() ? std::string("sharded") : sum_of(static_cast<const master*>(optimizer.moment(k)), size));
  return facts;
}

/// Ranks that differ in one of them are told so, as check_alike() does. With one rank nothing is read.
template <communicator Comm, class Model, class Optimizer, class Tokens>
void check_ranks(Comm& comm, const Model& model, const Optimizer& optimizer, const Tokens& tokens, const run_options& options, std::int64_t done,
                 const comm_operation& at) {
  if (comm.ranks() > 1) check_alike(comm, std::span<const shared_fact>(facts_of_run(model, optimizer, tokens, options, done)), at);
}

}  // namespace raptr
