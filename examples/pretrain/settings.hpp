// SPDX-License-Identifier: Apache-2.0
// All settings of a run, as numbers and names, and the table of options that sets them.
#pragma once

#include <memory>
#include <span>

#include <raptr/subnet/model_shape.hpp>

#include "../support/device_option.hpp"

namespace raptr {
class any_communicator;
class any_schedule;
class any_trainer;
struct hugging_face_model;
}  // namespace raptr

namespace program {

/// One kind of network that this program can train, in a file of its own, so that the program itself compiles in seconds.
struct network_kind {
  std::string_view name, family, objective, device, vocabulary_file;  // the last one: of a published tokenizer
  /// What config.json of a Hugging Face folder says. Throws file_error if it is of another family, block or objective.
  raptr::hugging_face_model (*describe)(const raptr::json& config, const std::filesystem::path& file);
  /// Throws input_error if the options do not fit together.
  std::unique_ptr<raptr::any_trainer> (*make)(const struct settings& s, const raptr::any_schedule& schedule, raptr::any_communicator& ranks);
  /// Loads the weights of a Hugging Face folder into a trainer made by this. Returns their checksum.
  std::string (*start_from)(raptr::any_trainer& trainer, const std::filesystem::path& folder);
  double (*peak_flops)(int threads);  // of all of them (0: one per processor), measured; 0: not known
  int (*neurons)(int width);          // where none are given; nullptr: four times the width
  bool position_table;                // whether each position is a row of weights
};
/// In the order of the lists of CMake; the first one is the default. Generated, as is the file of each.
std::span<const network_kind* const> network_kinds();

struct settings {
  path_list text, shards, validation_text, validation_shards;
  std::string documents = "file", tokenizer = "bytes", shard_format = "llm.c";
  std::int64_t validation_windows = 256;

  std::string model, objective, masking = "bert", frame = "automatic", device;  // empty: any, until they are settled
  std::int64_t max_predictions = 0, sentinels = 100;
  std::vector<bool> inside_word;  // of the tokenizer; not an option
  std::filesystem::path from;
  std::int64_t layers = 12, width = 256, heads = 4, kv_heads = 0, neurons = 0, context = 128, vocab = 259, token_types = 0;
  std::optional<std::int64_t> neuron_group;
  std::int64_t positions_of_folder = 0;  // of --from, if they are weights; not an option
  std::int64_t rows_of_folder = 0;       // of the embedding of --from; not an option
  double norm_eps = 0, attention_scale = 0, rotary_base = 0;
  raptr::rotary_scaling rotary_stretch;
  std::int64_t rotary_context = 0;  // of rotary_stretch
  bool scale_by_depth = false;
  raptr::dropout_rates dropout;
  double residual_multiplier = 1;

  std::string schedule = "full", selector = "exactly", scale = "unscaled", dropped_update = "frozen", at_borders = "kept", grown = "copied",
              rank_plans = "shared";
  double solve_for = 0;
  std::string solve_cost = "block-flops";
  raptr::json solved;  // --schedule, --solve-for and --solve-cost before the ? was solved; null: there was none
  bool allow_shrinking = false;
  std::int64_t keep_first = 1, keep_last = 1;

  std::int64_t steps = 1000, batch = 16, accumulate = 1, rewarm = 0, seed = 1, max_nonfinite = 10;
  std::optional<std::int64_t> warmup;
  double learning_rate = 1e-3, completep_rate = 1, clip = 1;
  std::optional<double> weight_decay;
  std::string rate_rule = "cosine", optimizer = "adamw";

  std::int64_t threads = 0, ranks = 1, keep_checkpoints = 2, keep_every = 0;
  std::optional<std::int64_t> validate_every, checkpoint_every;
  std::string full_disk = "stop";
  bool shard_optimizer = false, tensorboard = false;
  std::filesystem::path out, trace;

  // Not part of a run.
  std::filesystem::path resume, config;
  bool plan = false;

  raptr::model_shape shape() const {
    return {.layers = int(layers),
            .width = int(width),
            .heads = int(heads),
            .kv_heads = int(kv_heads),
            .neurons = int(neurons),
            .neuron_group = int(neuron_group.value()),
            .vocab = int(vocab),
            .context = int(context),
            .token_types = int(token_types),
            .norm_eps = norm_eps,
            .attention_scale = attention_scale,
            .scale_by_depth = scale_by_depth,
            .residual_multiplier = residual_multiplier,
            .rotary_base = rotary_base,
            .rotary_stretch = {rotary_stretch.factor, int(rotary_context), rotary_stretch.slow, rotary_stretch.fast},
            .dropout = dropout};
  }
  /// The two sides of --objective NAME:TEXT.
  std::string objective_name() const { return objective.substr(0, objective.find(':')); }
  std::string objective_text() const { return objective.find(':') == objective.npos ? "" : objective.substr(objective.find(':') + 1); }
  /// Defaults that depend on other options become numbers, and names of files absolute, so that config.json is complete.
  void settle();
  /// The default of neuron_group, from the neurons. Throws input_error if it does not divide them.
  void settle_neuron_group();
};

/// The first kind of network with the given model, objective and device. Throws input_error if there is none.
const network_kind& kind_of(const settings& s);

/// The table writes into `into`.
option_list options_of(settings& into);

/// Whether the option belongs to an invocation, not to the run, and may differ at a resume.
bool free_at_resume(std::string_view option);
/// Whether its value is where something is, and not what.
bool names_a_place(const option& o);
/// Whether config.json has this option: the device is not a property of the run.
bool stored(const option& o);

}  // namespace program
