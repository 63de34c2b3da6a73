// SPDX-License-Identifier: Apache-2.0
// The readers of tokenizers/ and data/: tokenizers, texts, token shards. Where a reader has two files, the input is one, a NUL byte and
// the other; NUL bytes in JSON are the business of the target json.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>

#include <raptr/data/documents.hpp>
#include <raptr/data/shard_index.hpp>
#include <raptr/data/sharded_tokens.hpp>
#include <raptr/tokenizers/tokenizer_files.hpp>

#include "../target.hpp"

namespace fs = std::filesystem;
using fuzz::accepts;
using fuzz::need;
using fuzz::put;

namespace {

std::pair<std::string_view, std::string_view> halves(std::string_view input) {
  const auto nul = std::min(input.find('\0'), input.size());
  return {input.substr(0, nul), input.substr(std::min(nul + 1, input.size()))};
}
template <class Tokenizer> std::vector<std::int32_t> encoded(const Tokenizer& tokens, std::string_view text) {
  std::vector<std::int32_t> ids;
  tokens.encode(text, ids);
  return ids;
}

void check_bpe(const raptr::bpe_tokenizer& tokens, std::string_view text) {
  const auto ids = encoded(tokens, text);
  need(tokens.decode(ids) == text, "a text does not come back");
  for (const auto id : ids) need(!tokens.is_special(id), "a text gave a special token");
  const auto written = fuzz::folder() / "written";
  fs::remove_all(written);
  raptr::write_bpe(tokens, written);
  for (const char* const file : {"tokenizer.json", "vocab.json"}) {
    if (!fs::exists(written / file)) continue;  // with the splitting of Llama 3, or ignore_merges
    const auto again = raptr::read_bpe(written / file);
    need(again.name() == tokens.name() && again.vocabulary() == tokens.vocabulary() && again.specials() == tokens.specials(),
         std::string("another tokenizer is read back from ") + file);
  }
}
void run_bpe(std::string_view input) {
  const auto [vocab, merges] = halves(input);
  const auto file = put("vocab.json", vocab);
  put("merges.txt", merges);
  if (accepts([&] { (void)raptr::read_bpe(file); })) check_bpe(raptr::read_bpe(file), input);
}
void run_tokenizer_json(std::string_view input) {
  fs::create_directory(fuzz::folder() / "whole");  // the files of other targets would be compared
  const auto file = put("whole/tokenizer.json", input);
  if (accepts([&] { (void)raptr::read_bpe(file); })) check_bpe(raptr::read_bpe(file), input);
}
raptr::bpe_tokenizer small_bpe() {
  raptr::bpe_model model;
  for (const auto byte : raptr::detail::bytes_in_order()) model.tokens.emplace_back(1, static_cast<char>(byte));
  const auto order = raptr::detail::bytes_in_order();
  const auto id_of = [&](char c) { return static_cast<std::int32_t>(std::ranges::find(order, static_cast<unsigned char>(c)) - order.begin()); };
  model.tokens.insert(model.tokens.end(), {"##", "he", " t", " the", "<|endoftext|>"});
  model.merges = {{id_of('#'), id_of('#')}, {id_of('h'), id_of('e')}, {id_of(' '), id_of('t')}, {258, 257}};
  return raptr::bpe_tokenizer(std::move(model));
}
/// What write_bpe() makes of a small tokenizer.
std::string written(const char* name) {
  const auto folder = fuzz::folder() / "seed";
  raptr::write_bpe(small_bpe(), folder);
  return raptr::read_file(folder / name);
}
std::string shorter(std::string json) { return raptr::json_text(raptr::parse_json(json, "seed"), -1); }
std::vector<std::string> bpe_seeds() {
  const auto vocab = shorter(written("vocab.json")), merges = written("merges.txt");
  return {vocab + '\0' + merges, vocab + '\0' + merges.substr(merges.find('\n') + 1), vocab + '\0' + "# #\r\nh e\r\n\r\n", vocab};
}
std::vector<std::string> tokenizer_json_seeds() {
  auto whole = raptr::parse_json(written("tokenizer.json"), "seed");
  const auto one = raptr::json_text(whole, -1);
  whole["model"]["merges"] = {{"h", "e"}, "# #"};
  whole["added_tokens"].push_back({{"id", 261}, {"content", "<mask>"}, {"special", true}});
  auto model = small_bpe().model();
  model.splitting = raptr::bpe_splitting::llama3, model.ignore_merges = true;
  return {one, raptr::json_text(whole, -1), raptr::json_text(raptr::tokenizer_json(raptr::bpe_tokenizer(std::move(model))), -1)};
}

void run_wordpiece(std::string_view input) {
  const auto [vocab, config] = halves(input);
  const auto file = put("vocab.txt", vocab);
  if (config.empty())
    fs::remove(fuzz::folder() / "tokenizer_config.json");
  else
    put("tokenizer_config.json", config);
  if (!accepts([&] { (void)raptr::read_wordpiece(file); })) return;
  const auto tokens = raptr::read_wordpiece(file);
  const auto ids = encoded(tokens, input);
  for (const auto id : ids) need(id >= 0 && id < tokens.size() && !tokens.is_special(id), "a text gave no id, or a special one");
  (void)tokens.decode(ids);
  std::string lines;
  for (const auto& token : tokens.tokens()) lines += token + "\n";
  const auto again = raptr::read_wordpiece(put("vocab.txt", lines));
  need(again.name() == tokens.name() && again.tokens() == tokens.tokens(), "another tokenizer is read back");
}
std::vector<std::string> wordpiece_seeds() {
  const std::string vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nthe\n##s\n##e\n.\n\xe4\xb8\xad\n\xc3\xbc\n";
  return {vocab, vocab + std::string(1, '\0') + R"({"do_lower_case":false,"strip_accents":null,"tokenize_chinese_chars":true})", "[UNK]\r\nThe\r\nt",
          vocab + std::string(1, '\0') + R"({"do_lower_case":true,"strip_accents":false})"};
}

// Files of a folder, with a NUL byte between them: a vocabulary, then those beside it. An empty one is absent.
void run_tokenizer_folder(std::string_view input) {
  const auto in = fuzz::folder() / "tokenizer";
  fs::create_directory(in);
  std::string_view left = input;
  for (const char* const name : {"tokenizer.json", "vocab.txt", "special_tokens_map.json", "tokenizer_config.json", "added_tokens.json",
                                 "config.json", "vocab.json", "merges.txt"}) {
    const auto [content, rest] = halves(left);
    left = rest;
    if (content.empty())
      fs::remove(in / name);
    else
      put((fs::path("tokenizer") / name).native(), content);
  }
  if (!accepts([&] { (void)raptr::read_tokenizer(in); })) return;
  std::visit(
      [&](const auto& tokens) {
        const auto ids = encoded(tokens, input);
        const raptr::vocabulary roles = tokens.vocabulary();
        for (const auto id : ids) need(id >= 0 && id < roles.size && !roles.is_special(id), "a text gave no id, or one with a role");
        (void)tokens.decode(ids);
        for (const int id : {roles.end_of_text, roles.mask, roles.pad, roles.cls, roles.sep})
          need(id >= -1 && id < roles.size, "a role without a token");
        if constexpr (requires(raptr::unknown_tally tally) { tokens.encode(input, std::declval<std::vector<std::int32_t>&>(), tally); }) {
          raptr::unknown_tally tally;
          std::vector<std::int32_t> again;
          tokens.encode(input, again, tally);
          const auto unknown = std::ranges::count_if(ids, [&](std::int32_t id) { return tokens.token(id) == tokens.unknown(); });
          need(again == ids && tally.words() == unknown, "the tally changes ids, or counts others");
        }
      },
      raptr::read_tokenizer(in));
}
std::vector<std::string> tokenizer_folder_seeds() {
  const std::string nul(1, '\0'), lines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n<mask>\nthe\n##s\nThe\n<eos>\n";
  const std::string whole =
      R"({"added_tokens":[{"id":0,"content":"[UNK]","special":true},{"id":4,"content":"[X]","special":true}],"normalizer":{"type":"BertNormalizer",
      "clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},"model":{
      "type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":9,"vocab":{"[UNK]":0,"the":1,"##s":2,"[SEP]":3}}})";
  return {
      whole,
      whole + nul + "[UNK]\nthe\n##s\n[SEP]\n" + nul + R"({"sep_token":"[SEP]","mask_token":{"content":"[X]"}})" + nul + R"({"do_lower_case":true})",
      nul + lines + nul + R"({"eos_token":"<eos>","mask_token":"<mask>"})" + nul + R"({"do_lower_case":false,"eos_token":"<eos>"})" + nul +
          R"({"<pad>":9})" + nul + R"({"eos_token_id":8,"pad_token_id":[9]})",
      nul + lines + nul + nul + R"({"added_tokens_decoder":{"9":{"content":"<b>","special":true}},"unk_token":"[UNK]"})",
      shorter(written("tokenizer.json")) + nul + nul + R"({"eos_token":"<|endoftext|>"})" + nul + R"({"add_prefix_space":false})",
      shorter(written("tokenizer.json")) + std::string(6, '\0') + shorter(written("vocab.json")) + nul + written("merges.txt")};
}

void run_documents(std::string_view input) {
  const auto file = put("t.txt", input);
  for (const auto split : {raptr::documents::whole_file, raptr::documents::blank_line}) {
    std::vector<std::string> whole, parts{""};
    raptr::text_report report;
    if (!accepts([&] {
          report = raptr::read_documents({{file}, {}}, split, [&](std::string_view one, const fs::path&) { whole.emplace_back(one); });
        }))
      continue;
    const auto other = raptr::read_document_parts(
        {{file}, {}}, split,
        [&](std::string_view part, bool ends) {
          parts.back() += part;
          if (ends) parts.emplace_back();
        },
        3 + input.size() % 29);
    parts.pop_back();
    need(whole == parts, "other documents in parts");
    need(report.hash == other.hash && report.documents == other.documents && report.bytes == other.bytes, "another report of the parts");
    need(report.files_not_utf8 == other.files_not_utf8 && report.byte_not_utf8 == other.byte_not_utf8, "another bad byte of the parts");
    need(report.files_not_utf8 == (raptr::is_utf8(input) ? 0 : 1), "bad bytes were not counted");
    need(report.files_not_utf8 == 0 || report.byte_not_utf8 == raptr::first_not_utf8(input), "another first bad byte");
    if (split == raptr::documents::whole_file)
      need(whole.size() == 1 && whole[0] == input.substr(input.starts_with("\xef\xbb\xbf") ? 3 : 0), "bytes were lost");
    for (const auto& one : whole) need(!one.empty(), "an empty document");
  }
}
std::vector<std::string> documents_seeds() {
  return {"one\ntwo\n\nthree\r\n\r\n\r\nfour",
          "\xef\xbb\xbf"
          "text",
          "\n\n\n",
          "a\xff"
          "b\xe2\x82",
          std::string("a\0b\n\nc", 6),
          "\x1f\x8b\x08 gzip",
          "\xff\xfex",
          "BZh91AY&SY",
          "PAR1\x15",
          "a b c \n d\n \n\ne",
          "a\n \t\xc2\xa0\xe3\x80\x80\r\n\xe3\x80\x80 b\n\xc2\xa0"};
}

void run_shards(std::string_view input) {
  const auto file = put("s.bin", input);
  for (const auto format : {raptr::shard_format::llm_c, raptr::shard_format::nanogpt}) {
    std::vector<std::int32_t> ids;
    const auto read_all = [&] {
      const raptr::sharded_tokens tokens({file}, {.size = 50257}, format);
      ids.resize(static_cast<std::size_t>(tokens.size()));
      tokens.read(0, ids);
    };
    if (!accepts(read_all)) continue;
    const std::size_t header = format == raptr::shard_format::nanogpt ? 0 : raptr::shard_header_bytes, width = (input.size() - header) / ids.size();
    need((width == 2 || width == 4) && ids.size() * width + header == input.size(), "tokens that are not those of the file");
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::uint32_t id = 0;
      std::memcpy(&id, input.data() + header + i * width, width);
      need(static_cast<std::uint32_t>(ids[i]) == id && id < 50257, "another id");
    }
  }
  const auto index = put("shards.json", input);
  raptr::shard_index read;
  if (!accepts([&] { read = raptr::read_shard_index(index); })) return;
  const auto text = raptr::shard_index_text(read);
  need(raptr::shard_index_text(raptr::read_shard_index(put("shards.json", text))) == text, "another index is read back");
}
std::vector<std::string> shards_seeds() {
  const auto shard = [](raptr::shard_kind kind, std::int32_t tokens) {
    std::string bytes(raptr::shard_header_bytes + static_cast<std::size_t>(kind.id_bytes * tokens), '\0');
    const std::int32_t numbers[]{kind.magic, kind.version, tokens};
    std::memcpy(bytes.data(), numbers, sizeof numbers);
    for (std::int32_t i = 0; i < tokens; ++i)
      bytes[raptr::shard_header_bytes + static_cast<std::size_t>(i * kind.id_bytes)] = static_cast<char>('0' + i);
    return bytes;
  };
  return {shard(raptr::shards_of_16_bits, 5),
          shard(raptr::shards_of_32_bits, 3),
          shard(raptr::shards_of_16_bits, 0),
          "0a1b2c3d",
          std::string("\1\0\0\0\14\0\0\0\16\0\0\0ab", 14),
          std::string("LITPKDS\1\0\0\0\0\0\0\0", 15),
          raptr::shard_index_text(
              {.tokenizer = "bytes", .tokenizer_from = "a/b", .vocabulary = {.size = 259, .end_of_text = 256}, .training = {1, 2, 3, "0123"}})};
}

}  // namespace

const fuzz::target fuzz::bpe{"bpe", run_bpe, bpe_seeds};
const fuzz::target fuzz::tokenizer_json{"tokenizer_json", run_tokenizer_json, tokenizer_json_seeds};
const fuzz::target fuzz::wordpiece{"wordpiece", run_wordpiece, wordpiece_seeds};
const fuzz::target fuzz::tokenizer_folder{"tokenizer_folder", run_tokenizer_folder, tokenizer_folder_seeds};
const fuzz::target fuzz::documents{"documents", run_documents, documents_seeds};
const fuzz::target fuzz::shards{"shards", run_shards, shards_seeds};
