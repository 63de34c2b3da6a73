// SPDX-License-Identifier: Apache-2.0
// What a checkpoint has for other readers: its tokenizer, with the ids and roles of the one that was given, the members that they ask for,
// and a model card that may be edited.
#include <doctest/doctest.h>

#include <algorithm>
#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/tokenizers/tokenizer_writer.hpp>

#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
const token_list corpus(200);
constexpr model_shape shape{.layers = 2, .width = 8, .heads = 2, .neurons = 12, .neuron_group = 4, .vocab = 40, .context = 8};

any_tokenizer written_and_read(const any_tokenizer& tokenizer, const tokenizer_use& use = {}) {
  scratch_folder folder;
  for (const text_file& file : tokenizer_files(tokenizer, use)) write_file(folder / file.name, file.text);
  return read_tokenizer(folder.path());
}
json file_of(const std::vector<text_file>& files, const std::string& name) {
  for (const text_file& file : files)
    if (file.name == name) return parse_json(file.text, name);
  return nullptr;
}
std::string name_of(const any_tokenizer& tokenizer) {
  return std::visit([](const auto& t) { return std::string(t.name()); }, tokenizer);
}
wordpiece_tokenizer words(std::vector<std::string> tokens, bert_splitting how = {}, const wordpiece_options& options = {}) {
  return wordpiece_tokenizer(std::move(tokens), how, options);
}
const std::vector<std::string> all_marks{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "line", "##s", "é"};
}  // namespace

TEST_CASE("A written tokenizer is read as the same one") {
  CHECK(std::holds_alternative<byte_tokenizer>(written_and_read(byte_tokenizer{})));
  auto model = bytes_as_bpe().model();
  model.tokens.insert(model.tokens.end(), {"he", "he\xff"});
  model.merges = {{'h', 'e'}, {259, 0xff}};
  const bpe_tokenizer bpe(model);
  CHECK(name_of(written_and_read(bpe)) == bpe.name());
  for (const bert_splitting how : {bert_splitting{}, bert_splitting{.lower_case = false, .strip_accents = false},
                                   bert_splitting{.lower_case = true, .strip_accents = false, .split_ideographs = false}}) {
    const auto one = words(all_marks, how);
    CHECK(name_of(written_and_read(one, {.context = 8, .framed = true, .types = true})) == one.name());
  }
}

TEST_CASE("The bytes as a BPE have the ids and roles of the bytes, and no other tokenizer is taken for them") {
  const auto bpe = bytes_as_bpe();
  CHECK(bpe.vocabulary() == byte_tokenizer::vocabulary());
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(static_cast<unsigned char>(byte));
  for (const std::string& text : {every, std::string("<|endoftext|> it's \xe2\x82\xac\n\n"), std::string()}) {
    std::vector<int> ids, bytes;
    bpe.encode(text, ids), byte_tokenizer::encode(text, bytes);
    CHECK(ids == bytes);
  }
  auto other = bpe.model();
  std::swap(other.tokens[257], other.tokens[258]);
  CHECK(std::holds_alternative<bpe_tokenizer>(written_and_read(bpe_tokenizer(other))));
}

TEST_CASE("Marks with names of their own keep their ids and roles in a written tokenizer") {
  const auto roles = [](const any_tokenizer& tokenizer) { return std::visit([](const auto& t) { return t.vocabulary(); }, tokenizer); };
  const auto kept = [&](const auto& one, const tokenizer_use& use) {
    const any_tokenizer read = written_and_read(one, use);
    CHECK(name_of(read) == one.name());
    CHECK(roles(read) == one.vocabulary());
    return read;
  };
  auto model = bytes_as_bpe().model();
  std::ranges::copy(std::array{"<eos>", "<hidden>", "<empty>"}, model.tokens.end() - 3);
  bpe_tokenizer bpe(model);
  bpe.assign_roles({.end_of_text = 256, .mask = 257, .pad = 258});
  (void)kept(bpe, {.context = 8});
  std::rotate(model.tokens.begin(), model.tokens.begin() + 256, model.tokens.end());  // the marks first, as in GPT-NeoX
  bpe_tokenizer first(model);
  first.assign_roles({.end_of_text = 2, .mask = 0, .pad = 1});
  (void)kept(first, {.context = 8});
  (void)kept(words({"<pad>", "<unk>", "<s>", "</s>", "<mask>", "line", "##s"}, {},
                   {.unknown = "<unk>", .longest_word = 3, .roles = {.size = 7, .end_of_text = 3, .mask = 4, .pad = 0, .cls = 2, .sep = 3}}),
             {.context = 8, .framed = true, .types = true});
  const auto brief = words({"[UNK]", "Line", "##s"}, {.lower_case = false, .strip_accents = false}, {.longest_word = 4});
  CHECK(std::get<wordpiece_tokenizer>(kept(brief, {})).longest_word() == 4);
}

TEST_CASE("A mark that no file can spell keeps its role by the id in config.json") {
  auto model = bytes_as_bpe().model();
  model.tokens[256] = "\xff<end>", model.tokens.resize(257);
  scratch_folder folder;
  for (const text_file& file : tokenizer_files(bpe_tokenizer(model), {})) write_file(folder / file.name, file.text);
  write_file(folder / "config.json", R"({"eos_token_id": 256})");
  const any_tokenizer read = read_tokenizer(folder.path());
  CHECK(std::get<bpe_tokenizer>(read).vocabulary().end_of_text == 256);
  CHECK(std::get<bpe_tokenizer>(read).token(256) == "\xff<end>");
}

TEST_CASE("tokenizer_config.json has the class, the marks and how the model uses the tokenizer") {
  const json bytes = file_of(tokenizer_files(byte_tokenizer{}, {.context = 64}), "tokenizer_config.json");
  CHECK(bytes["tokenizer_class"] == "PreTrainedTokenizerFast");
  CHECK(bytes["model_max_length"] == 64);
  CHECK(bytes["model_input_names"] == json::array({"input_ids", "attention_mask"}));  // a GPT-2 adds token types to its words
  CHECK(bytes["eos_token"] == "<|endoftext|>");
  CHECK(bytes["pad_token"] == "<|padding|>");
  auto model = bytes_as_bpe().model();
  model.tokens.resize(257);
  CHECK(file_of(tokenizer_files(bpe_tokenizer(model), {}), "tokenizer_config.json")["pad_token"] == "<|endoftext|>");
  model.tokens.resize(256);
  const json unmarked = file_of(tokenizer_files(bpe_tokenizer(model), {}), "tokenizer_config.json");
  CHECK_FALSE(unmarked.contains("pad_token"));
  CHECK_FALSE(unmarked.contains("model_max_length"));

  const auto bert = tokenizer_files(words(all_marks, {.lower_case = true, .strip_accents = false}), {.context = 8, .framed = true, .types = true});
  const json config = file_of(bert, "tokenizer_config.json");
  CHECK(config["tokenizer_class"] == "BertTokenizer");
  CHECK(config["do_lower_case"] == true);
  CHECK(config["strip_accents"] == false);
  CHECK_FALSE(config.contains("eos_token"));
  CHECK(file_of(bert, "tokenizer.json")["post_processor"]["type"] == "TemplateProcessing");
  // BertTokenizer would cut words at its own length; readers of a BPE need the name of an unknown token, which no text gives.
  const auto brief = words(all_marks, {}, {.longest_word = 9});
  CHECK(file_of(tokenizer_files(brief, {.framed = true}), "tokenizer_config.json")["tokenizer_class"] == "PreTrainedTokenizerFast");
  CHECK(bytes["unk_token"] == "<|endoftext|>");
  CHECK(config["unk_token"] == "[UNK]");
  // Without a frame no [CLS] is added; BertTokenizer would add marks that are missing, as new ids.
  const auto bare = tokenizer_files(words({"[UNK]", "a"}), {.context = 8});
  CHECK(file_of(bare, "tokenizer.json")["post_processor"].is_null());
  CHECK(file_of(bare, "tokenizer_config.json")["tokenizer_class"] == "PreTrainedTokenizerFast");
  // A token with a line break has no line in vocab.txt.
  CHECK(file_of(tokenizer_files(words({"[UNK]", "a\nb"}), {}), "vocab.txt").is_null());
}

TEST_CASE("The tokenizer of a checkpoint is in its manifest, the model card is not") {
  scratch_folder folder;
  small_run<cpu> run("constant:2", dropped_update::frozen, {}, shape);
  run.trainer.run(corpus, {.steps = 1, .batch = 1});
  save_checkpoint(folder / "one", run.trainer, corpus.vocabulary(), {.tokenizer = {{"tokenizer.json", "{}\n"}}, .card = "# card\n"});
  CHECK(read_file(folder / "one/README.md") == "# card\n");
  replace_file(folder / "one/README.md", "# mine\n");
  load_checkpoint(folder / "one", run.trainer);
  replace_file(folder / "one/tokenizer.json", "{ }");
  CHECK(has(sentence_of<file_error>([&] { load_checkpoint(folder / "one", run.trainer); }), "tokenizer.json"));
}

TEST_CASE("config.json has the members that other readers ask for, and generation_config.json the length") {
  scratch_folder folder;
  small_run<cpu> gpt("constant:2", dropped_update::frozen, {}, shape);
  small_run<cpu, bert_block, masked_lm> bert("constant:2", dropped_update::frozen, {}, shape);
  small_run<cpu, block<gpt2_block, rms_norm>> own("constant:2", dropped_update::frozen, {}, shape);
  const auto saved = [&](const char* name, auto& run) {
    run.trainer.run(corpus, {.steps = 1, .batch = 1});
    save_checkpoint(folder / name, run.trainer, {.size = 40, .end_of_text = 39});
    return read_json(folder / name / "config.json");
  };
  const json config = saved("gpt", gpt);
  CHECK(config["n_ctx"] == 8);
  CHECK(config["dtype"] == "float32");
  CHECK_FALSE(config.contains("torch_dtype"));
  CHECK(saved("bert", bert)["position_embedding_type"] == "absolute");
  (void)saved("own", own);
  const json generation = read_json(folder / "gpt/generation_config.json");
  CHECK(generation == json{{"bos_token_id", 39}, {"eos_token_id", 39}, {"pad_token_id", 39}, {"max_length", 8}});
  CHECK_FALSE(std::filesystem::exists(folder / "bert/generation_config.json"));
  CHECK_FALSE(std::filesystem::exists(folder / "own/generation_config.json"));
}
