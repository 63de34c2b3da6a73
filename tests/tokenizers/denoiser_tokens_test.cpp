// SPDX-License-Identifier: Apache-2.0
// Sentinels and mode tokens: appended to any tokenizer, recognised by name in the files of others.
#include <doctest/doctest.h>

#include <variant>
#include <vector>

#include <raptr/tokenizers/denoiser_tokens.hpp>

#include "scratch_folder.hpp"
#include "tokenizer_fixtures.hpp"

using namespace raptr;

namespace {
vocabulary ids_of(const any_tokenizer& tokenizer) {
  return std::visit([](const auto& t) { return t.vocabulary(); }, tokenizer);
}
std::string name_of(const any_tokenizer& tokenizer) {
  return std::visit([](const auto& t) { return std::string(t.name()); }, tokenizer);
}
std::vector<std::int32_t> encoded(const any_tokenizer& tokenizer, std::string_view text) {
  return std::visit([&](const auto& t) { return fixtures::encoded(t, text); }, tokenizer);
}
/// As a checkpoint holds it.
any_tokenizer written_and_read(const any_tokenizer& tokenizer) {
  const scratch_folder folder;
  for (const text_file& file : tokenizer_files(tokenizer, {.context = 64})) write_file(folder / file.name, file.text);
  return read_tokenizer(folder.path());
}
bpe_tokenizer bytes_and(const std::vector<std::string>& names) {
  bpe_model model = bytes_as_bpe().model();
  model.tokens.insert(model.tokens.end(), names.begin(), names.end());
  return bpe_tokenizer(std::move(model));
}
}  // namespace

TEST_CASE("sentinels and mode tokens stand behind the ids of any tokenizer, <extra_id_0> last, and its files have them") {
  const std::string text = "Every [NLU] <extra_id_0> word, and\nnumbers: 12";
  for (const any_tokenizer& tokenizer : {any_tokenizer(byte_tokenizer{}), any_tokenizer(read_bpe(fixtures::folder() / "bpe")),
                                         any_tokenizer(read_wordpiece(fixtures::folder() / "wordpiece"))}) {
    const vocabulary before = ids_of(tokenizer);
    const any_tokenizer longer = with_denoiser_tokens(tokenizer, {.sentinels = 12, .modes = true});
    const vocabulary after = ids_of(longer);
    CHECK(after.size == before.size + 15);
    CHECK(after.first_sentinel == after.size - 1);
    CHECK(after.last_sentinel == after.size - 12);
    CHECK(after.sentinels() == 12);
    CHECK(after.sentinel(2) == after.size - 3);
    CHECK(after.nlu == before.size);
    CHECK(after.nlg == before.size + 1);
    CHECK(after.s2s == before.size + 2);
    vocabulary same = after;
    same.size = before.size, same.first_sentinel = same.last_sentinel = same.nlu = same.nlg = same.s2s = -1;
    CHECK(same == before);
    CHECK(encoded(longer, text) == encoded(tokenizer, text));
    for (int id = before.size; id < after.size; ++id) CHECK(after.is_special(id));
    CHECK_FALSE(after.is_special(before.size - 4));
    CHECK_FALSE(after.is_special(after.size));

    CHECK(name_of(with_denoiser_tokens(tokenizer, {})) == name_of(tokenizer));
    CHECK(name_of(longer) != name_of(tokenizer));
    CHECK(name_of(with_denoiser_tokens(longer, {.sentinels = 12, .modes = true})) == name_of(longer));
    CHECK(name_of(without_denoiser_tokens(longer)) == name_of(tokenizer));
    CHECK(ids_of(without_denoiser_tokens(longer)) == before);
    CHECK(name_of(without_denoiser_tokens(tokenizer)) == name_of(tokenizer));
    const any_tokenizer again = written_and_read(longer);
    CHECK(name_of(again) == name_of(longer));
    CHECK(ids_of(again) == after);
    CHECK(encoded(again, text) == encoded(tokenizer, text));
    CHECK(sentence_of<input_error>([&] { (void)with_denoiser_tokens(longer, {.sentinels = 100}); }) ==
          "raptr: the tokenizer has 12 sentinels, <extra_id_0> to <extra_id_11>, and 100 are wanted: ask for 12, or for none to use its own");
  }
}

TEST_CASE("sentinels of a tokenizer are those named in order without a gap, up or down") {
  const auto sentinels = [](const std::vector<std::string>& names) {
    const vocabulary ids = bytes_and(names).vocabulary();
    return std::tuple(ids.first_sentinel, ids.last_sentinel, ids.sentinels());
  };
  CHECK(sentinels({}) == std::tuple(-1, -1, 0));
  CHECK(sentinels({"<extra_id_0>"}) == std::tuple(259, 259, 1));
  CHECK(sentinels({"<extra_id_0>", "<extra_id_1>", "<extra_id_2>"}) == std::tuple(259, 261, 3));
  CHECK(sentinels({"<extra_id_2>", "<extra_id_1>", "<extra_id_0>"}) == std::tuple(261, 259, 3));
  CHECK(sentinels({"<extra_id_0>", "<extra_id_1>", "<x>", "<extra_id_2>"}) == std::tuple(259, 260, 2));
  CHECK(sentinels({"<extra_id_1>", "<extra_id_2>"}) == std::tuple(-1, -1, 0));
  CHECK(bytes_and({"<extra_id_r>", "[NLG]"}).vocabulary().nlu == 259);
  CHECK(bytes_and({"<extra_id_r>", "[NLG]"}).vocabulary().nlg == 260);
  CHECK(bytes_and({"<extra_id_r>", "[NLG]"}).vocabulary().s2s == -1);
}
