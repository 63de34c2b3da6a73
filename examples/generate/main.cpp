// SPDX-License-Identifier: Apache-2.0
// raptr-generate: continues a text with a model that raptr-pretrain has trained. The text goes to the standard output in whole
// characters, everything else to the standard error.
#include <raptr/checkpoint/hugging_face_config.hpp>
#include <raptr/run/run_files.hpp>

#include "../support/device_option.hpp"
#include "../support/network_kinds.hpp"
#include "../support/texts.hpp"
#include "../support/whole_characters.hpp"
#include "network.hpp"
#include "prompt_reading.hpp"
#include "sampler.hpp"

namespace program {

namespace errors {
[[noreturn]] static void family_is_not_compiled(const std::filesystem::path& folder, const std::string& family,
                                                const std::vector<std::string_view>& families, const std::string& device) {
  raptr::fail(raptr::shown(folder) + " holds a model of the family " + raptr::shown(family) + ", and this program continues texts with " +
              list_of(families, " or ") + " on " + device);
}
[[noreturn]] static void model_has_another_vocabulary(const std::filesystem::path& folder, int rows, const std::string& tokenizer, int size) {
  raptr::fail(raptr::shown(folder) + " holds a model with " + std::to_string(rows) + " rows of embedding, but the tokenizer " + tokenizer +
              " needs " + std::to_string(size) + ": it was trained with another tokenizer, give --tokenizer FILE or DIR");
}
[[noreturn]] static void model_has_another_end_of_text(const std::filesystem::path& folder, const std::string& end, const std::string& tokenizer,
                                                       int id) {
  raptr::fail(raptr::shown(folder) + " holds a model for which the id " + end + " ends a text, but for the tokenizer " + tokenizer + " it is " +
              std::to_string(id) + ": it was trained with another tokenizer, give --tokenizer FILE or DIR");
}
[[noreturn]] static void run_has_another_tokenizer(const std::string& given, const std::string& now, const std::string& before) {
  raptr::fail("the tokenizer " + raptr::shown(given) + " is not the one that the run was trained with (" + now + " instead of " + before +
              "): give that one as --tokenizer FILE or DIR");
}
[[noreturn]] static void no_tokenizer_beside(const std::filesystem::path& folder) {
  raptr::fail(raptr::shown(folder) + " holds no tokenizer: give the one of its weights as --tokenizer FILE or DIR");
}
[[noreturn]] static void tokenizer_is_gone(const std::string& place) {
  raptr::fail<raptr::file_error>(raptr::shown(place) + ", the tokenizer of the run, is not there: give its new place as --tokenizer");
}
}  // namespace errors

namespace {

constexpr std::string_view head =
    "raptr-generate continues a text with a trained causal_lm or ul2.\n\n"
    "  raptr-generate --run RUN --prompt 'In the beginning'\n"
    "  raptr-generate --checkpoint RUN/checkpoints/step-001000 --temperature 0\n";

struct settings {
  std::filesystem::path checkpoint, run, prompt_file;
  std::string prompt, tokenizer, device, mode = "automatic";
  std::int64_t tokens = 200, top_k = 0, seed = 1, threads = 0;
  double temperature = 0.8, top_p = 1;
};

option_list options_of(settings& s) {
  option_list o;
  o.add("", "run", "RUN", &s.run, "folder of a run, for its newest good checkpoint");
  o.add("", "checkpoint", "FOLDER", &s.checkpoint, "or one checkpoint, or a Hugging Face folder of such a model");
  o.add("", "tokenizer", "FILE|DIR", &s.tokenizer, "or bytes [that in the checkpoint, or of its run]");
  o.add("", "prompt", "TEXT", &s.prompt, "what to continue [a new document]").or_empty();
  o.add("", "prompt-file", "FILE", &s.prompt_file, "or the contents of a file");
  o.add("", "mode", "NAME", &s.mode, "mode token before the prompt; automatic: that of the prefixes of a ul2")
      .one_of({"automatic", "none", "nlu", "nlg", "s2s"});
  o.add("", "tokens", "N", &s.tokens, "to add, unless the document ends first").range(0, 1e9);
  o.add("", "temperature", "T", &s.temperature, "0: always the most probable token").range(0, 1e6);
  o.add("", "top-k", "N", &s.top_k, "sample from the N most probable tokens; 0: all").range(0, 1e9);
  o.add("", "top-p", "P", &s.top_p, "sample from the fewest tokens with total probability P").range(0, 1);
  o.add("", "seed", "N", &s.seed, "different seeds give different texts").range(0, 9'007'199'254'740'992);
  add_device_option(o, "", &s.device, distinct_names(network_kinds(), &network_kind::device),
                    "of those compiled in for the model; it does not matter on which it was trained");
  o.add("", "threads", "N", &s.threads, "0: one per processor").range(0, 1023);
  return o;
}

/// A trained model that continues a text.
class writer {
 public:
  writer(std::unique_ptr<any_network> network, raptr::any_tokenizer tokenizer, prompt_reading how)
      : tokenizer_(std::move(tokenizer)), tokens_(vocabulary_of(tokenizer_)), network_(std::move(network)), how_(std::move(how)) {}

  /// The most tokens that are read at once.
  int context() const { return int(how_.room(network_->shape().context)); }
  bool has_end_of_text() const { return tokens_.end_of_text >= 0; }
  /// Sets the prompt; an empty text starts a new document. Returns the number of tokens of the text.
  std::int64_t begin(std::string_view text) {
    ids_.clear();
    std::visit([&](const auto& t) { t.encode(text, ids_); }, tokenizer_);
    const auto size = std::ssize(ids_);
    if (ids_.empty()) ids_.push_back((std::max)(0, tokens_.end_of_text));
    prompt_ = ids_.size();
    written_ = 0;
    return size;
  }
  /// choose: maps the logits of the tokenizer's ids to one id. Returns nullopt at the end of the document.
  std::optional<std::string> next(const auto& choose) {
    std::vector<float> logits = network_->predict(how_.batch_of(ids_, prompt_, network_->shape().context));
    logits.resize(std::size_t(tokens_.size));
    for (const int never : {tokens_.mask, tokens_.pad})
      if (never >= 0 && never != tokens_.end_of_text) logits[std::size_t(never)] = -std::numeric_limits<float>::infinity();
    const int id = choose(logits);
    if (id == tokens_.end_of_text) return std::nullopt;
    ids_.push_back(id);
    // Decodes everything after the prompt, because the text of a token may depend on the token before it.
    const auto text = std::visit([&](const auto& t) { return t.decode(std::span(ids_).subspan(prompt_)); }, tokenizer_);
    return text.substr(std::exchange(written_, text.size()));
  }

 private:
  raptr::any_tokenizer tokenizer_;
  raptr::vocabulary tokens_;
  std::unique_ptr<any_network> network_;
  prompt_reading how_;
  std::vector<std::int32_t> ids_;
  std::size_t prompt_ = 0, written_ = 0;  // ids of the prompt; bytes that next() has returned
};

/// The tokenizer of a run: its place, and what the hashes of the run say of it (empty: nothing).
struct run_tokenizer {
  std::string place = "bytes", contents;
};
/// That of the run whose folder holds `checkpoint`; bytes if there is no such run.
run_tokenizer tokenizer_of_run(const std::filesystem::path& checkpoint) {
  const auto file = std::filesystem::absolute(checkpoint / "").lexically_normal().parent_path().parent_path().parent_path() / "config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  const raptr::json config = raptr::read_json(file);
  if (!config.is_object() || !config.contains("options")) return {};
  run_tokenizer found{raptr::bytes_from_json(raptr::json_member<raptr::json>(config["options"], "tokenizer", file), file), ""};
  if (config.contains("hashes") && config["hashes"].contains("tokenizer"))
    found.contents = raptr::json_member<std::string>(config["hashes"], "tokenizer", file);
  return found;
}

/// Whether config.json names `id` as the end of a text, or does not name any: null stands for none, and a list for several.
bool ends_with(const raptr::json& end, std::int64_t id) {
  if (end.is_array()) return std::ranges::any_of(end, [&](const raptr::json& one) { return one == id; });
  return end.is_null() || end == id;
}

struct found_model {
  const network_kind* kind;
  raptr::model_shape shape;
};
/// The first kind of network on the device that config.json fits.
found_model model_in(const std::filesystem::path& checkpoint, const raptr::json& config, bool ours, const std::string& device) {
  const auto file = checkpoint / "config.json";
  std::string family;
  if (ours) {
    const auto own = raptr::json_member<raptr::json>(config, "raptr", file);
    family = raptr::json_member<std::string>(own, "names", file);
  } else {
    family = raptr::json_member<std::string>(config, "model_type", file);
  }
  std::vector<const network_kind*> kinds(network_kinds().begin(), network_kinds().end());
  std::erase_if(kinds, [&](const network_kind* kind) { return kind->device != device; });
  const auto found = kind_that_fits(kinds, family, config, file);
  if (!found) errors::family_is_not_compiled(checkpoint, family, distinct_names(kinds, &network_kind::family), device);
  return {found->first, ours ? raptr::shape_from_json(config, file) : found->second};
}

/// Throws file_error if the checkpoint is missing or damaged, input_error for a model that cannot continue a text.
///
///   checkpoint  one of this library, whose manifest is verified, or any other Hugging Face folder of such a model, merged or fine-tuned
///   tokenizer   "bytes", a file or a folder; empty: that in the folder, else, of a checkpoint of this library, that of its run, else bytes
///   mode        as of learnt_objective::reading()
writer make_writer(const std::filesystem::path& checkpoint, std::string tokenizer_name, const std::string& mode, const std::string& device,
                   int threads) {
  std::error_code ignored;
  const auto has = [&](std::string_view name) { return std::filesystem::exists(checkpoint / name, ignored); };
  const bool ours = has(raptr::manifest_name) || has("state.json") || !(has("model.safetensors") || has("model.safetensors.index.json"));
  if (ours) raptr::verify_folder(checkpoint);
  const auto file = checkpoint / "config.json";
  const raptr::json config = raptr::read_json(file);
  const learnt_objective objective(checkpoint, config.contains("raptr") ? raptr::json(config["raptr"]) : raptr::json());
  const auto [kind, shape] = model_in(checkpoint, config, ours, device);
  const bool beside = tokenizer_name.empty() && (has("tokenizer.json") || has("vocab.json") || has("vocab.txt"));
  run_tokenizer of_run;
  if (beside)
    tokenizer_name = checkpoint.native();
  else if (ours)
    of_run = tokenizer_of_run(checkpoint);
  else if (tokenizer_name.empty())
    errors::no_tokenizer_beside(checkpoint);
  if (tokenizer_name.empty()) {
    tokenizer_name = of_run.place;
    if (tokenizer_name != "bytes" && tokenizer_name != "none" && !std::filesystem::exists(tokenizer_name, ignored))
      errors::tokenizer_is_gone(tokenizer_name);
  }
  auto tokenizer = tokenizer_named(tokenizer_name);
  const raptr::vocabulary ids = vocabulary_of(tokenizer);
  if (shape.vocab < ids.size) errors::model_has_another_vocabulary(checkpoint, shape.vocab, raptr::shown(tokenizer_name), ids.size);
  if (const auto end = config.find("eos_token_id"); end != config.end() && !ends_with(*end, ids.end_of_text))
    errors::model_has_another_end_of_text(checkpoint, raptr::detail::shown_json(*end), raptr::shown(tokenizer_name), ids.end_of_text);
  if (const std::string now = tokenizer_text(tokenizer); !of_run.contents.empty() && now != of_run.contents)
    errors::run_has_another_tokenizer(tokenizer_name, now, of_run.contents);
  return {kind->load(shape, threads, checkpoint, ours), std::move(tokenizer), objective.reading(mode, ids)};
}

void note(const std::string& sentence) { std::fprintf(stderr, "raptr: note: %s\n", one_line(sentence).c_str()); }

std::filesystem::path checkpoint_of(const settings& s) {
  if (s.run.empty() == s.checkpoint.empty()) raptr::fail("give --run RUN or --checkpoint FOLDER, one of them");
  if (!s.checkpoint.empty()) return s.checkpoint;
  const run_files files{s.run};
  const auto config = files.expected_config();
  if (const auto newest = files.newest(raptr::run_id_of(raptr::read_json(config), config), note)) return newest->path;
  raptr::fail<raptr::file_error>(raptr::shown(s.run) + " has no complete checkpoint yet: continue it with raptr-pretrain --resume " +
                                 raptr::shown(s.run));
}

/// A file is read as the text of a run is: without a byte order mark.
std::string prompt_of(const settings& s) {
  if (s.prompt_file.empty()) return s.prompt;
  std::string text = raptr::read_file(s.prompt_file);
  raptr::expect_text(std::string_view(text).substr(0, raptr::known_format_bytes), s.prompt_file);
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  return text;
}

int start(int count, char** words) {
  settings s;
  option_list options = options_of(s);
  if (helped(count, words, options, head)) return done;
  options.read(count, words);
  if (options.given("prompt") && options.given("prompt-file")) raptr::fail("give --prompt TEXT or --prompt-file FILE, not both");
  for (const char* const name : {"top-k", "top-p", "seed"})
    if (s.temperature == 0 && options.given(name))
      raptr::fail("--" + std::string(name) +
                  " is given, but at --temperature 0 the most probable token is always taken and nothing is drawn: leave --" + name +
                  " out, or raise --temperature");
  if (!is_on_host(s.device) && options.given("threads"))
    raptr::fail("--threads is given, but --device is " + s.device + ", so nothing reads it: leave --threads out");
  const std::string prompt = prompt_of(s);
  writer model = make_writer(checkpoint_of(s), s.tokenizer, s.mode, s.device, static_cast<int>(s.threads));
  if (const auto size = model.begin(prompt); size > model.context())
    note("the prompt has " + std::to_string(size) + " tokens and the context of the model " + std::to_string(model.context()) + ": only the last " +
         std::to_string(model.context()) + " are used");
  if (prompt.empty() && !model.has_end_of_text()) note("the tokenizer has no end of text to begin with: the text follows the token 0");
  whole_characters text;
  const auto write = [](std::string_view bytes) { std::fwrite(bytes.data(), 1, bytes.size(), stdout); };
  (void)text.add(prompt);
  write(std::string_view(prompt).substr(0, prompt.size() - text.waiting().size()));  // as it is, whatever its bytes are
  const sampler draw(s.temperature, s.top_k, s.top_p, static_cast<std::uint64_t>(s.seed));
  std::int64_t n = 0;
  for (; n < s.tokens && std::fflush(stdout) == 0; ++n) {
    const auto next = model.next([&](std::span<const float> logits) { return draw(logits, n); });
    if (!next) break;
    write(text.add(*next));
  }
  write("\n");
  std::fflush(stdout);
  if (!text.waiting().empty())
    note("the text ends within a character, whose " + counted(std::ssize(text.waiting()), "first byte is", "first bytes are") + " left out");
  if (n < s.tokens && !std::ferror(stdout)) note("the document ends after " + std::to_string(n) + " of " + std::to_string(s.tokens) + " tokens");
  return done;
}

}  // namespace

}  // namespace program

int main(int count, char** words) {
  return program::guarded([&] { return program::start(count, words); });
}
