// SPDX-License-Identifier: Apache-2.0
// What identifies a run. The id follows from what the run computes, so a repetition in another folder has equal files, and a
// checkpoint of a run with another text, seed or network is recognised in a folder where it does not belong.
#pragma once

#include <cstdint>
#include <string>

#include <raptr/data/shard_index.hpp>
#include <raptr/io/json.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

/// 16 hexadecimal digits: FNV-1a of the text of `identity`, which holds all that determines the results of the run: program, version,
/// settings and hashes, but no place of a file and nothing that may differ at a resume.
inline std::string run_id(const json& identity) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : json_text(identity)) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  return token_hash_text(hash);
}

/// "300 ids, end of text 299": everything a model sees of a tokenizer besides the ids of the text.
inline std::string vocabulary_text(const vocabulary& ids) {
  std::string text = std::to_string(ids.size) + " ids";
  const auto add = [&](const char* name, int id) {
    if (id >= 0) text += std::string(", ") + name + " " + std::to_string(id);
  };
  add("end of text", ids.end_of_text), add("mask", ids.mask), add("padding", ids.pad), add("[CLS]", ids.cls), add("[SEP]", ids.sep);
  add("sentinels", ids.first_sentinel);
  if (ids.first_sentinel >= 0) text += " to " + std::to_string(ids.last_sentinel);
  add("[NLU]", ids.nlu), add("[NLG]", ids.nlg), add("[S2S]", ids.s2s);
  return text;
}

}  // namespace raptr
