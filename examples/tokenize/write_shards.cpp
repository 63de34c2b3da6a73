// SPDX-License-Identifier: Apache-2.0
// Text to shards: one thread reads and writes, the others encode. The end-of-text token of a document is appended by its id,
// so text that spells it out stays text.
#include <algorithm>
#include <thread>

#include <raptr/data/documents.hpp>
#include <raptr/data/shard_index.hpp>
#include <raptr/data/shard_writer.hpp>

#include "../support/ordered_workers.hpp"
#include "../support/process.hpp"
#include "../support/stop_signals.hpp"
#include "../support/text_report.hpp"
#include "../support/tokenizers.hpp"
#include "new_folder.hpp"
#include "progress.hpp"
#include "settings.hpp"

namespace program {

namespace errors {
[[noreturn]] static void no_document_for(const char* part, std::int64_t documents, double share) {
  raptr::fail("a validation share of " + short_text(share, 6) + " of " + counted(documents, "document", "documents") + " leaves no " + part +
              " document: choose another --validation-share, or --documents blank-line");
}
}  // namespace errors

namespace {

struct stopped {};

/// The text of one job: consecutive parts of documents.
struct chunk {
  struct part {
    std::size_t bytes;
    bool ends, measures;
  };
  std::string text;
  std::vector<part> parts;
  std::vector<std::int32_t> training, validation;

  void clear() { text.clear(), parts.clear(), training.clear(), validation.clear(); }
};
constexpr std::size_t chunk_bytes = std::size_t{1} << 20;

template <class Tokenizer> void encode(const Tokenizer& tokens, chunk& c) {
  std::string_view rest = c.text;
  const int end = raptr::vocabulary(tokens.vocabulary()).end_of_text;
  for (const auto& part : c.parts) {
    auto& ids = part.measures ? c.validation : c.training;
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

double bytes_of_files(const raptr::text_files& texts) {
  double sum = 0;
  for (const auto& file : texts.files) {
    std::error_code code;
    if (const auto bytes = std::filesystem::file_size(file, code); !code) sum += static_cast<double>(bytes);
  }
  return sum;
}

template <class Tokenizer> void write_with(const Tokenizer& tokens, const settings& s, const std::stop_token& stop) {
  const auto texts = raptr::find_texts(s.text);
  new_folder to(s.out);
  const int size = raptr::vocabulary(tokens.vocabulary()).size;
  part_writer training{{to.path(), "train", size, s.shard_tokens}}, validation{{to.path(), "val", size, s.shard_tokens}};
  progress screen(bytes_of_files(texts));
  const int threads = s.threads > 0 ? int(s.threads) : int((std::max)(1U, std::thread::hardware_concurrency()));

  ordered_workers<chunk> workers(
      threads, [&](chunk& c) { encode(tokens, c); },
      [&](chunk& c) {
        for (const auto& part : c.parts) (part.measures ? validation : training).documents += part.ends;
        training.shards.write(c.training);
        validation.shards.write(c.validation);
        screen.add(c.text.size(), c.training.size() + c.validation.size());
        c.clear();
      });
  std::int64_t documents = 0;
  const auto report = raptr::read_document_parts(
      texts, documents_named(s.documents),
      [&](std::string_view part, bool ends) {
        if (stop.stop_requested()) throw stopped{};
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
  if (stop.stop_requested()) throw stopped{};

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
  screen.say("text: " + text_report_line(report, counted(training.shards.tokens() + validation.shards.tokens(), "token", "tokens")));
  screen.say("shards: " + raptr::shown(s.out) + ", " + described("training", training) +
             (validation.documents > 0 ? ", " + described("validation", validation) : "") + ", " +
             std::to_string(8 * training.shards.kind().id_bytes) + " bits per token, tokenizer " + raptr::shown(tokens.name()) + " with " +
             count_text(size) + " ids, " + duration_text(screen.seconds()));
}

}  // namespace

int write_shards(const settings& s) {
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
