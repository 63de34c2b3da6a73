// SPDX-License-Identifier: Apache-2.0
// Text to shards: one thread reads and writes, the others encode. The end-of-text token of a document is appended by its id,
// so text that spells it out stays text.
#pragma once

#include <algorithm>
#include <chrono>
#include <numeric>

#include <raptr/backend/cpu/processors.hpp>
#include <raptr/base/stop.hpp>
#include <raptr/data/documents.hpp>
#include <raptr/data/shard_index.hpp>
#include <raptr/data/shard_writer.hpp>
#include <raptr/io/partial_folder.hpp>

#include "../support/live_line.hpp"
#include "../support/option_list.hpp"
#include "../support/ordered_workers.hpp"
#include "../support/process.hpp"
#include "../support/stop_signals.hpp"
#include "../support/texts.hpp"

namespace program {

struct settings {
  path_list text;
  std::string documents = "file";
  std::filesystem::path out;
  std::int64_t train_bpe = 8192;
  std::string splitting = "gpt2";

  std::string tokenizer;  // of shards; empty: one is learned
  std::int64_t shard_tokens = 100'000'000, threads = 0;
  double validation_share = 0;
};

namespace errors {
[[noreturn]] inline void folder_exists(const std::filesystem::path& folder) {
  raptr::fail(raptr::shown(folder) + " exists already and is not an empty folder: give another folder as --out");
}
[[noreturn]] inline void no_document_for(const char* part, std::int64_t documents, double share) {
  raptr::fail("a validation share of " + short_text(share, 6) + " of " + counted(documents, "document", "documents") + " leaves no " + part +
              " document: choose another --validation-share, or --documents blank-line");
}
}  // namespace errors

/// The output folder appears complete or not at all. Leftovers of a killed run are removed first.
class new_folder {
 public:
  explicit new_folder(const std::filesystem::path& name) : folder_(raptr::new_partial_folder(checked(name))) {}

  /// Where the files are written.
  const std::filesystem::path& path() const { return folder_.path(); }
  /// Durable on return.
  void commit() {
    if (!folder_.publish()) errors::folder_exists(folder_.final_path());
  }

 private:
  static std::filesystem::path checked(const std::filesystem::path& given) {
    auto name = given.has_filename() ? given : given.parent_path();
    std::error_code ignored;
    const bool empty = std::filesystem::is_directory(name, ignored) && std::filesystem::is_empty(name, ignored);
    if (std::filesystem::exists(std::filesystem::symlink_status(name, ignored)) && !empty) errors::folder_exists(name);
    return name;
  }

  raptr::partial_folder folder_;
};

/// Progress of reading texts: a live line on a terminal; otherwise a plain line at every tenth of the bytes and at least twice
/// a minute.
class progress {
 public:
  /// bytes: of all texts; 0: not known.
  explicit progress(double bytes) : bytes_(bytes) {}

  void add(std::size_t bytes, std::size_t tokens) {
    done_ += static_cast<double>(bytes);
    tokens_ += static_cast<std::int64_t>(tokens);
    const auto now = clock::now();
    const auto tenth = bytes_ > 0 ? static_cast<int>(10 * done_ / bytes_) : 0;
    if (screen_.live() ? now - shown_ < std::chrono::milliseconds(100) : tenth <= tenth_ && now - shown_ < std::chrono::seconds(30)) return;
    shown_ = now;
    tenth_ = tenth;
    const double seconds = std::chrono::duration<double>(now - begin_).count(), speed = done_ / seconds;
    std::string line = bytes_text(done_);
    if (bytes_ > 0) line += " of " + bytes_text(bytes_) + ", " + percent_text(done_ / bytes_, 0);
    line += ", " + count_text(tokens_) + " tokens, " + scaled_text(speed) + "B/s";
    if (bytes_ > done_) line += ", " + duration_text((bytes_ - done_) / speed) + " left";
    screen_.live() ? screen_.show(line) : screen_.say(line);
  }
  void say(const std::string& line) { screen_.say(line); }
  double seconds() const { return std::chrono::duration<double>(clock::now() - begin_).count(); }

 private:
  using clock = std::chrono::steady_clock;

  double bytes_, done_ = 0;
  std::int64_t tokens_ = 0;
  int tenth_ = 0;
  clock::time_point begin_ = clock::now(), shown_ = begin_;
  live_line screen_;
};

/// The text of one job: consecutive parts of documents.
struct chunk {
  struct part {
    std::size_t bytes;
    bool ends, measures;
  };
  std::string text;
  std::vector<part> parts;
  std::vector<std::int32_t> training, validation;
  raptr::unknown_tally unknown;

  void clear() { text.clear(), parts.clear(), training.clear(), validation.clear(), unknown = {}; }
};
constexpr std::size_t chunk_bytes = std::size_t{1} << 20;

template <class Tokenizer> void encode(const Tokenizer& tokens, chunk& c) {
  std::string_view rest = c.text;
  const int end = raptr::vocabulary(tokens.vocabulary()).end_of_text;
  for (const auto& part : c.parts) {
    auto& ids = part.measures ? c.validation : c.training;
    if constexpr (requires { tokens.encode(rest, ids, c.unknown); })
      tokens.encode(rest.substr(0, part.bytes), ids, c.unknown);
    else
      tokens.encode(rest.substr(0, part.bytes), ids);
    rest.remove_prefix(part.bytes);
    if (part.ends && end >= 0) ids.push_back(end);
  }
}

/// The shards of one part, and how many documents are in them.
struct part_writer {
  raptr::shard_writer shards;
  std::int64_t documents = 0;

  raptr::shard_index::part summary() const { return {shards.shards(), shards.tokens(), documents, raptr::token_hash_text(shards.hash())}; }
};

template <class Tokenizer> void write_with(const Tokenizer& tokens, const settings& s, const std::stop_token& stop) {
  const auto texts = raptr::find_texts(s.text);
  new_folder to(s.out);
  const int size = raptr::vocabulary(tokens.vocabulary()).size;
  part_writer training{{to.path(), "train", size, s.shard_tokens}}, validation{{to.path(), "val", size, s.shard_tokens}};
  raptr::unknown_tally unknown;
  progress screen(std::accumulate(texts.bytes.begin(), texts.bytes.end(), 0.0));
  const int threads = s.threads > 0 ? int(s.threads) : raptr::cpu_backend::available_threads();

  ordered_workers<chunk> workers(
      threads, [&](chunk& c) { encode(tokens, c); },
      [&](chunk& c) {
        for (const auto& part : c.parts) (part.measures ? validation : training).documents += part.ends;
        training.shards.write(c.training);
        validation.shards.write(c.validation);
        unknown.add(c.unknown);
        screen.add(c.text.size(), c.training.size() + c.validation.size());
        c.clear();
      });
  std::int64_t documents = 0;
  const auto report = raptr::read_document_parts(
      texts, documents_named(s.documents),
      [&](std::string_view part, bool ends) {
        throw_if_stopped(stop);
        const auto measured_before = [&](std::int64_t n) { return std::int64_t(s.validation_share * double(n)); };
        chunk& c = workers.filling();
        c.text += part;
        c.parts.push_back({part.size(), ends, measured_before(documents + 1) > measured_before(documents)});
        documents += ends;
        if (c.text.size() >= chunk_bytes || c.parts.size() >= chunk_bytes / 16) workers.submit();
      },
      chunk_bytes);
  workers.submit();
  workers.finish();
  if (training.documents == 0) errors::no_document_for("training", report.documents, s.validation_share);
  if (validation.documents == 0 && s.validation_share > 0) errors::no_document_for("validation", report.documents, s.validation_share);
  training.shards.finish();
  validation.shards.finish();
  throw_if_stopped(stop);

  raptr::shard_index index{
      .tokenizer = tokens.name(), .tokenizer_from = s.tokenizer, .vocabulary = tokens.vocabulary(), .training = training.summary()};
  if (s.tokenizer != "bytes") index.tokenizer_from = std::filesystem::absolute(s.tokenizer).lexically_normal();
  if (validation.documents > 0) index.validation = validation.summary();
  raptr::write_file(to.path() / raptr::shard_index_name, raptr::shard_index_text(index));
  to.commit();

  const auto described = [](const char* what, const part_writer& part) {
    return counted(part.shards.shards(), (std::string(what) + " shard").c_str(), (std::string(what) + " shards").c_str()) + " with " +
           counted(part.shards.tokens(), "token", "tokens");
  };
  const auto written = training.shards.tokens() + validation.shards.tokens();
  screen.say("text: " + text_report_line(report, counted(written, "token", "tokens")) +
             tokens_report(tokens.vocabulary(), report.documents, written, unknown));
  screen.say("shards: " + raptr::shown(s.out) + ", " + described("training", training) +
             (validation.documents > 0 ? ", " + described("validation", validation) : "") + ", " +
             std::to_string(8 * training.shards.kind().id_bytes) + " bits per token, tokenizer " + raptr::shown(tokens.name()) + " with " +
             count_text(size) + " ids, " + duration_text(screen.seconds()) + " with " + counted(threads, "thread", "threads"));
}

/// Returns an exit code.
inline int write_shards(const settings& s) {
  if (s.out.empty()) raptr::fail("--out is missing: give --out DIR, a folder for the shards");
  const auto tokenizer = tokenizer_named(s.tokenizer);
  const stop_signals signals;
  try {
    std::visit([&](const auto& t) { write_with(t, s, signals.token()); }, tokenizer);
  } catch (const stopped&) {
    say("Stopped; no shards were written.");
    return 128 + signals.signal();
  }
  return done;
}

}  // namespace program
