// SPDX-License-Identifier: Apache-2.0
// The files with which a folder opens in Hugging Face's libraries with the ids of a tokenizer: tokenizer.json, vocab.txt for a
// WordPiece, and tokenizer_config.json. The bytes are written as a BPE without merges whose ids are the bytes, which read_tokenizer() knows.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <raptr/io/text_file.hpp>
#include <raptr/tokenizers/bpe_writer.hpp>
#include <raptr/tokenizers/tokenizer_files.hpp>

namespace raptr {

/// How a model uses its tokenizer.
struct tokenizer_use {
  int context = 0;      // the largest number of ids; 0: not known
  bool framed = false;  // whether [CLS] and [SEP] are around its windows
  bool types = false;   // whether the model has token types
};

/// The contents of tokenizer.json.
inline json tokenizer_json(const wordpiece_tokenizer& tokenizer, bool framed) {
  const vocabulary ids = tokenizer.vocabulary();
  json vocab = json::object(), added = json::array();
  for (std::int32_t id = 0; id < tokenizer.size(); ++id) {
    vocab.get_ref<json::object_t&>().emplace_back(tokenizer.token(id), id);  // append directly: tokens differ
    if (tokenizer.is_special(id) || tokenizer.token(id) == tokenizer.unknown()) added.push_back(detail::special_token_json(id, tokenizer.token(id)));
  }
  const bert_splitting& how = tokenizer.splitting();
  json whole = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  whole["added_tokens"] = std::move(added);
  whole["normalizer"] = {{"type", "BertNormalizer"},
                         {"clean_text", true},
                         {"handle_chinese_chars", how.split_ideographs},
                         {"strip_accents", how.strip_accents},
                         {"lowercase", how.lower_case}};
  whole["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  whole["post_processor"] = nullptr;
  if (framed) {
    const auto special = [&](int id, int type) { return json{{"SpecialToken", {{"id", tokenizer.token(id)}, {"type_id", type}}}}; };
    const auto text = [](const char* name, int type) { return json{{"Sequence", {{"id", name}, {"type_id", type}}}}; };
    json marks;
    for (const int id : {ids.cls, ids.sep})
      marks[tokenizer.token(id)] = {{"id", tokenizer.token(id)}, {"ids", json::array({id})}, {"tokens", json::array({tokenizer.token(id)})}};
    whole["post_processor"] = {{"type", "TemplateProcessing"},
                               {"single", json::array({special(ids.cls, 0), text("A", 0), special(ids.sep, 0)})},
                               {"pair", json::array({special(ids.cls, 0), text("A", 0), special(ids.sep, 0), text("B", 1), special(ids.sep, 1)})},
                               {"special_tokens", std::move(marks)}};
  }
  whole["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  json model = {{"type", "WordPiece"},
                {"unk_token", tokenizer.unknown()},
                {"continuing_subword_prefix", "##"},
                {"max_input_chars_per_word", tokenizer.longest_word()}};
  model["vocab"] = std::move(vocab);
  whole["model"] = std::move(model);
  return whole;
}

/// The contents of tokenizer_config.json. A tokenizer without padding pads with its end of text, since readers that batch texts need one.
template <class Tokenizer> json tokenizer_config(const Tokenizer& tokenizer, const tokenizer_use& use) {
  constexpr bool words = std::same_as<Tokenizer, wordpiece_tokenizer>;
  const vocabulary ids = tokenizer.vocabulary();
  // BertTokenizer adds marks that are missing, which would be new ids, and has a longest word of its own.
  bool as_bert = words && use.framed && ids.mask >= 0 && ids.pad >= 0;
  if constexpr (words) as_bert = as_bert && tokenizer.longest_word() == wordpiece_options{}.longest_word;
  json config = {{"tokenizer_class", as_bert ? "BertTokenizer" : "PreTrainedTokenizerFast"}};
  if (use.context > 0) config["model_max_length"] = use.context;
  config["clean_up_tokenization_spaces"] = false;
  json inputs = {"input_ids", "attention_mask"};
  if (use.types) inputs.insert(inputs.begin() + 1, "token_type_ids");  // a GPT-2 would add them to its words
  config["model_input_names"] = std::move(inputs);
  const auto mark = [&](const char* name, int id) {
    if (id < 0) return;
    if constexpr (!words)
      if (!detail::spells_itself(tokenizer.token(id))) return;
    config[name] = tokenizer.token(id);
  };
  if (ids.end_of_text != ids.sep)
    for (const char* const name : {"bos_token", "eos_token"}) mark(name, ids.end_of_text);
  if (!words) mark("unk_token", ids.end_of_text);  // as GPT-2 has it: no text is unknown, but some readers need a name
  mark("pad_token", ids.pad >= 0 ? ids.pad : ids.end_of_text);
  mark("mask_token", ids.mask), mark("cls_token", ids.cls), mark("sep_token", ids.sep);
  if constexpr (words) {
    config["unk_token"] = tokenizer.unknown();
    config["do_lower_case"] = tokenizer.splitting().lower_case;
    config["strip_accents"] = tokenizer.splitting().strip_accents;
    config["tokenize_chinese_chars"] = tokenizer.splitting().split_ideographs;
  }
  return config;
}

/// The files of a tokenizer for the folder of a model.
inline std::vector<text_file> tokenizer_files(const any_tokenizer& tokenizer, const tokenizer_use& use) {
  const auto files = [&](const auto& one, const json& contents) {
    return std::vector<text_file>{{"tokenizer.json", json_text(contents)}, {"tokenizer_config.json", json_text(tokenizer_config(one, use))}};
  };
  if (const auto* words = std::get_if<wordpiece_tokenizer>(&tokenizer)) {
    auto all = files(*words, tokenizer_json(*words, use.framed));
    std::string lines;
    for (const std::string& token : words->tokens()) lines += token + "\n";
    // A token with a line break, which only a tokenizer.json can have, has no line of its own.
    if (lines.find('\r') == lines.npos && std::ranges::count(lines, '\n') == words->size()) all.push_back({"vocab.txt", std::move(lines)});
    return all;
  }
  const auto* bpe = std::get_if<bpe_tokenizer>(&tokenizer);
  const bpe_tokenizer one = bpe ? *bpe : bytes_as_bpe();
  return files(one, tokenizer_json(one));
}

}  // namespace raptr
