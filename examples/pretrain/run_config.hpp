// SPDX-License-Identifier: Apache-2.0
// config.json of a run: all options, the tokenizer and the hash of the text. What a resumed run takes from it, and which options may differ:
// none that would change its plan, its data or its log. What a new run takes from a Hugging Face folder: architecture, shape, tokenizer;
// an option that contradicts the folder is an error.
#pragma once

#include <raptr/base/version.hpp>
#include <raptr/checkpoint/hugging_face_config.hpp>
#include <raptr/run/run_folder.hpp>
#include <raptr/schedule/growth.hpp>

#include "../support/network_kinds.hpp"
#include "../support/texts.hpp"
#include "corpus.hpp"
#include "schedule.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void option_differs(std::string_view name, const std::string& stored, const std::string& given, const std::string& more) {
  raptr::fail("--" + std::string(name) + " is " + given + ", but the run was started with " + stored + more +
              ": leave it out to resume, or start a new run with --out");
}
[[noreturn]] inline void place_is_gone(const std::string& option, const std::string& place) {
  raptr::fail<raptr::file_error>(raptr::shown(place) + ", from which the run was started with --" + option +
                                 ", is not there: give its new place as --" + option);
}
[[noreturn]] inline void text_differs(const std::string& name, const std::string& stored, const std::string& found) {
  raptr::fail("the text of --" + name + " is not the one that the run was started with (hash " + found + " instead of " + stored +
              "): restore the old text, or start a new run with --out");
}
[[noreturn]] inline void weights_differ(const std::filesystem::path& from, const std::string& stored, const std::string& found) {
  raptr::fail<raptr::file_error>("this run has no checkpoint yet, and " + raptr::shown(from) +
                                 " does not hold the weights that it was started from (checksum " + found + " instead of " + stored +
                                 "): restore the old weights, or start a new run with --out");
}
[[noreturn]] inline void option_contradicts_folder(const std::string& option, const std::string& given, const std::filesystem::path& file,
                                                   const std::string& there) {
  raptr::fail("--" + option + " is " + given + ", but " + raptr::shown(file) + " " + there + ": leave --" + option + " out, or leave --from out");
}
[[noreturn]] inline void folder_has_no_tokenizer(const std::filesystem::path& folder, std::string_view vocabulary) {
  raptr::fail(raptr::shown(folder) + " holds no tokenizer (tokenizer.json or " + std::string(vocabulary) +
              "): give the one of its weights as --tokenizer");
}
}  // namespace errors

/// The first kind of network that the folder fits, of the model and device in s. One with the objective that is given, or else with
/// that of a checkpoint of this library, comes first.
inline const network_kind& kind_of_folder(const settings& s, const option_list& given, raptr::hugging_face_model& there) {
  const auto file = s.from / "config.json";
  const raptr::json config = raptr::read_json(file);
  const auto family = raptr::json_member<std::string>(config, "model_type", file);
  const raptr::json own = config.value("raptr", raptr::json::object());
  std::string objective = given.given("objective") ? s.objective_name() : "";
  if (objective.empty() && own.is_object() && own.contains("objective") && own["objective"].is_string()) objective = own["objective"];
  std::vector<const network_kind*> kinds(network_kinds().begin(), network_kinds().end());
  std::erase_if(kinds, [&](const network_kind* kind) { return kind->device != s.device || (given.given("model") && kind->name != s.model); });
  const auto families = distinct_names(kinds, &network_kind::family);
  std::stable_partition(kinds.begin(), kinds.end(), [&](const network_kind* kind) { return kind->objective == objective; });
  const auto found = kind_that_fits(kinds, family, config, file);
  if (!found) raptr::errors::unsupported_member(file, "model_type", config["model_type"], "\"" + list_of(families, "\" or \"") + "\"");
  there = found->second;
  return *found->first;
}
/// Sets model, shape and, if none is given, tokenizer from s.from. Throws for an option in `given` that contradicts them.
inline void take_shape(settings& s, const option_list& given) {
  raptr::hugging_face_model there;
  const network_kind& kind = kind_of_folder(s, given, there);
  const auto file = s.from / "config.json";
  const std::string family(there.family);
  option_list options = options_of(s);
  if (given.given("objective") && s.objective_name() != kind.objective)
    errors::option_contradicts_folder("objective", s.objective, file, "is of a " + family + ", whose head is for " + std::string(kind.objective));
  s.model = kind.name;
  if (s.objective_name() != kind.objective) s.objective = kind.objective;
  if (s.kv_heads != 0 && s.kv_heads != there.shape.head_groups())
    errors::option_contradicts_folder("kv-heads", std::to_string(s.kv_heads), file,
                                      "is of a " + family + " with " + std::to_string(there.shape.head_groups()) + " keys and values for its " +
                                          std::to_string(there.shape.heads) + " heads");
  if (kind.position_table) s.positions_of_folder = there.shape.context;
  s.rows_of_folder = there.shape.vocab;
  const auto take = [&](std::string_view name, const raptr::json& number, const std::string& has) {
    if (name == "context" && given.given(name) && s.context < number) return;  // the first positions are enough
    if (name == "vocab" && given.given(name) && s.vocab > number) return;      // rows are added
    const raptr::json value = option_list::json_of(*options.find(name));
    const bool usual = value == 0 && ((name == "neurons" && number == 4 * there.shape.width) || (name == "kv-heads" && number == there.shape.heads));
    if (given.given(name) && value != number && !usual) errors::option_contradicts_folder(std::string(name), value.dump(), file, has);
    options.set(name, number);
  };
  for (const raptr::named_size& size : there.sizes)
    take(size.name, size.size, "has " + std::to_string(size.size) + " as \"" + std::string(size.member) + "\"");
  s.settle_neuron_group();
  take("norm-eps", there.shape.norm_eps, "has " + raptr::json(there.shape.norm_eps).dump());
  take("attention-scale", there.shape.attention_scale, "has another one");
  take("scale-by-depth", there.shape.scale_by_depth, "does not say so");
  const raptr::rotary_scaling& stretch = there.shape.rotary_stretch;
  for (const auto& [name, number] : {std::pair<std::string_view, raptr::json>{"rotary-base", there.shape.rotary_base},
                                     {"rotary-factor", stretch.factor},
                                     {"rotary-context", stretch.context},
                                     {"rotary-slow", stretch.slow},
                                     {"rotary-fast", stretch.fast}})
    take(name, number, "has " + number.dump());
  const raptr::dropout_rates& rates = there.shape.dropout;
  for (const auto& [name, rate] : {std::pair<std::string_view, double>{"embedding-dropout", rates.embedding},
                                   {"residual-dropout", rates.residual},
                                   {"attention-dropout", rates.attention}})
    if (!given.given(name)) options.set(name, rate);  // any other may train on
  if (given.given("tokenizer")) return;
  std::error_code ignored;
  const auto has = [&](std::string_view name) { return !name.empty() && std::filesystem::exists(s.from / name, ignored); };
  if (has("tokenizer.json") || has(kind.vocabulary_file))
    s.tokenizer = s.from.native();
  else if (s.text.empty() && s.validation_text.empty())
    s.tokenizer = "none";  // shards are tokens already
  else
    errors::folder_has_no_tokenizer(s.from, kind.vocabulary_file);
}

/// Whether the schedule begins with some of the blocks and copies them over the others.
inline bool grows(const settings& s, const raptr::any_trainer& network) {
  const auto& shape = network.layout().shape;
  return raptr::network_of(network.schedule(), raptr::position_at(network.schedule(), 0, s.steps, shape)).size() < shape.layers;
}

/// from: the checksum of the initial weights; empty if they are random. Throws as corpus::hashes().
inline raptr::json config_of(settings s, const corpus& text, const std::string& from, const std::stop_token& stop) {
  raptr::json config = {{"format", raptr::run_folder::format}, {"program", "raptr-pretrain"}, {"version", raptr::library_version}};
  const option_list options = options_of(s);
  for (const option& o : options.all())
    if (stored(o)) config["options"][std::string(o.name)] = option_list::json_of(o);
  config["hashes"] = text.hashes(stop);
  if (!from.empty()) config["hashes"]["from"] = from;
  if (!s.solved.is_null()) config["solved"] = s.solved;
  return config;
}

/// Of a config.json, what determines the results: no places of files and not how they are read, since the hashes have what was read. A run on
/// shards is the run on their text.
inline raptr::json identity_of(raptr::json config) {
  settings none;
  const option_list options = options_of(none);
  for (const option& o : options.all())
    if (free_at_resume(o.name) || names_a_place(o) || (o.topic == "data" && o.name != "validation-windows"))
      config["options"].erase(std::string(o.name));
  raptr::json hashes;
  for (const auto& [name, hash] : config["hashes"].items())
    hashes[name == "shards" ? "text" : name == "validation-shards" ? "validation-text" : name] = hash;
  config["hashes"] = hashes;
  return config;
}

inline std::string borders_text(const settings& s) {
  const auto trainer = trainer_of(s);
  std::string text;
  for (const auto& stage : raptr::stage_table(trainer->schedule(), trainer->layout(), s.steps))
    text += (text.empty() ? "" : ", ") + std::to_string(stage.last + 1);
  return s.schedule + " over " + std::to_string(s.steps) + " steps, stages ending at " + text;
}
/// Both plans if they differ: the stored one, and the one with the given options.
inline std::string plans_text(const settings& before, const option_list& given) {
  settings now = before;
  option_list options = options_of(now);
  for (const option& o : given.all())
    if (o.given && stored(o)) options.set(o.name, option_list::json_of(o));
  try {
    const std::string was = borders_text(before), would_be = borders_text(now);
    return was == would_be ? "" : " (" + was + "; it would be " + would_be + ")";
  } catch (const raptr::error&) {
    return "";  // the given options are not a valid plan
  }
}

/// Whether a resumed run recognises what is at the place by its contents, so that it may have moved.
inline bool is_known_by_contents(const option& o) { return names_a_place(o) && o.topic == "data"; }
/// As in the hashes of a run; empty for a run of an earlier version.
inline std::string tokenizer_of_run(const raptr::json& config) {
  return config.contains("hashes") && config["hashes"].contains("tokenizer") ? config["hashes"].value("tokenizer", "") : "";
}
struct found_tokenizer {
  std::filesystem::path folder;
  raptr::any_tokenizer tokenizer;
};
/// The tokenizer of the run, recognised by its contents, in the newest checkpoint that has it; nullopt: in none, as in runs of earlier
/// versions.
inline std::optional<found_tokenizer> tokenizer_in_checkpoints(const raptr::run_folder& run) {
  const std::string wanted = tokenizer_of_run(run.config());
  for (const auto& [step, folder] : raptr::step_folders(run.files().checkpoints())) try {
      std::error_code ignored;
      if (!std::filesystem::exists(folder / "tokenizer.json", ignored)) continue;
      if (auto found = tokenizer_named(folder.native()); tokenizer_text(found) == wanted) return found_tokenizer{folder, std::move(found)};
    } catch (const raptr::error&) {  // damaged, as the resume will say
    }
  return {};
}
/// Throws file_error if a place of the option does not exist.
inline void expect_places(const option& o) {
  path_list places;
  if (const auto* list = std::get_if<path_list*>(&o.target))
    places = **list;
  else if (const std::string name = *std::get<std::string*>(o.target); name != "bytes" && name != "none")
    places = {name};
  std::error_code ignored;
  for (const auto& place : places)
    if (!std::filesystem::exists(place, ignored)) errors::place_is_gone(std::string(o.name), place.native());
}

struct resumed_run {
  settings options;
  std::optional<raptr::any_tokenizer> tokenizer{};  // if it has been read already
};
/// The options of the stored run, with those that may differ taken from the command line. Throws if any other option differs.
inline resumed_run resumed(const raptr::run_folder& run, const option_list& given) {
  settings s;
  option_list options = options_of(s);
  options.read(raptr::json_member<raptr::json>(run.config(), "options", run.files().config()), run.files().config());
  if (!run.config()["options"].contains("frame")) s.frame = "none";  // runs of versions without frames
  if (run.config().contains("solved")) s.solved = run.config()["solved"];
  const settings before = s;
  const bool knows_tokenizer = !tokenizer_of_run(run.config()).empty();
  for (const option& o : given.all()) {
    if (!o.given || o.topic.empty() || o.name == "out") continue;
    const raptr::json stored_value = option_list::json_of(*options.find(o.name)), value = option_list::json_of(o);
    const raptr::json first_value =
        s.solved.is_object() ? s.solved.value(std::string(o.name), stored_value) : stored_value;  // before the ? was solved
    const bool used = !stored_value.empty() && stored_value != "" && (o.name != "tokenizer" || knows_tokenizer);
    if (free_at_resume(o.name) || (is_known_by_contents(o) && used))
      options.set(o.name, value);
    else if (value != stored_value && value != first_value)
      errors::option_differs(o.name, raptr::detail::shown_json(first_value), raptr::detail::shown_json(value),
                             o.topic == "schedule" || o.name == "steps" ? plans_text(before, given) : "");
  }
  std::optional<raptr::any_tokenizer> tokenizer;
  if (s.tokenizer != "bytes" && s.tokenizer != "none" && !given.given("tokenizer"))
    if (auto found = tokenizer_in_checkpoints(run)) s.tokenizer = found->folder.native(), tokenizer = std::move(found->tokenizer);
  for (const option& o : options.all())
    if (is_known_by_contents(o)) expect_places(o);
  return {std::move(s), std::move(tokenizer)};
}
/// Throws stopped on a request.
inline void expect_same_text(const corpus& text, const raptr::run_folder& run, const std::stop_token& stop) {
  const auto file = run.files().config();
  const raptr::json hashes = text.hashes(stop), before = raptr::json_member<raptr::json>(run.config(), "hashes", file);
  for (const auto& [name, hash] : hashes.items()) {
    if (name == "tokenizer") continue;  // the corpus has compared it
    if (const auto old = raptr::json_member<std::string>(before, name, file); old != hash) errors::text_differs(name, old, hash.get<std::string>());
  }
}
/// Loads the initial weights of a run that has no checkpoint yet, unless they are random.
inline void begin_anew(const settings& s, raptr::any_trainer& network, const raptr::run_folder& run) {
  if (s.from.empty()) return;
  const auto file = run.files().config();
  const auto before = raptr::json_member<std::string>(raptr::json_member<raptr::json>(run.config(), "hashes", file), "from", file);
  if (const std::string now = kind_of(s).start_from(network, s.from); now != before) errors::weights_differ(s.from, before, now);
}

}  // namespace program
