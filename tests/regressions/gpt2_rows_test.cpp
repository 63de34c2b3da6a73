// SPDX-License-Identifier: Apache-2.0
// Texts that ports of GPT-2's tokenizer got wrong, with the ids of the published vocabulary (tests/regressions/gpt2_rows.py). The
// fixture has the merges that these texts need; ids are renumbered, so a table leads back to GPT-2's.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <raptr/data/documents.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/io/json.hpp>
#include <raptr/tokenizers/bpe_files.hpp>

#include "scratch_folder.hpp"

using id_list = std::vector<std::int32_t>;

namespace {

struct gpt2_part {
  raptr::json table = raptr::read_json(std::filesystem::path(RAPTR_TESTS_DIR) / "regressions/fixtures/gpt2_rows.json");
  id_list published;  // the id of GPT-2 for each of ours
  raptr::bpe_tokenizer tokens;

  gpt2_part() : tokens(model()) {}
  id_list ids(std::string_view text) const {
    id_list all;
    tokens.encode(text, all);
    return all;
  }
  id_list published_ids(id_list all) const {
    for (auto& id : all) id = published.at(static_cast<std::size_t>(id));
    return all;
  }

 private:
  raptr::bpe_model model() {
    raptr::bpe_model m;
    std::map<std::string, std::int32_t> number;
    const auto add = [&](const std::string& token, const raptr::json& id) {
      number.emplace(token, static_cast<std::int32_t>(m.tokens.size()));
      m.tokens.push_back(token), published.push_back(id.get<std::int32_t>());
    };
    for (std::size_t byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(static_cast<unsigned char>(byte))), table["bytes"][byte]);
    for (const auto& merge : table["merges"]) {
      const std::string left = *raptr::bytes_spelled(merge[0].get<std::string>()), right = *raptr::bytes_spelled(merge[1].get<std::string>());
      m.merges.push_back({number.at(left), number.at(right)});
      add(left + right, merge[2]);
    }
    m.tokens.push_back("<|endoftext|>"), published.push_back(50256);
    return m;
  }
};
const gpt2_part& gpt2() {
  static const gpt2_part one;
  return one;
}
std::string text_of(const raptr::json& row) { return raptr::bytes_from_json(raptr::json{{"hex", row["hex"]}}, "gpt2_rows.json"); }

}  // namespace

TEST_CASE("texts that other tokenizers got wrong have the ids of GPT-2 and come back byte for byte") {
  int rows = 0;
  for (const auto& row : gpt2().table["rows"]) {
    const std::string text = text_of(row);
    const id_list ours = gpt2().ids(text);
    CHECK_MESSAGE(gpt2().published_ids(ours) == row["ids"].get<id_list>(), row["kind"].get<std::string>());
    CHECK(gpt2().tokens.decode(ours) == text);
    ++rows;
  }
  CHECK(rows == 28);
}

TEST_CASE("a hundred thousand letters without a space have the ids of GPT-2") {
  for (const auto& row : gpt2().table["repeated"]) {
    const auto times = row["times"].get<std::int64_t>();
    const std::string text(static_cast<std::size_t>(times), row["text"].get<std::string>().front());
    const id_list ours = gpt2().published_ids(gpt2().ids(text));
    id_list wanted;
    for (const auto& run : row["runs"]) wanted.insert(wanted.end(), run[1].get<std::size_t>(), run[0].get<std::int32_t>());
    CHECK(ours == wanted);
  }
  CHECK(gpt2().ids(std::string(100'000, 'a')).size() == 25'000);
}

TEST_CASE("a mark that is spelled out is text; GPT-2's 50256 stands between documents only") {
  const std::vector<std::string_view> documents{"a<|endoftext|>b", "<|endoftext|>"};
  const raptr::token_stream stream(gpt2().tokens, documents);
  id_list all(static_cast<std::size_t>(stream.size()));
  stream.read(0, all);
  CHECK(gpt2().published_ids(all) == id_list{64, 27, 91, 437, 1659, 5239, 91, 29, 65, 50256, 27, 91, 437, 1659, 5239, 91, 29, 50256});
}

TEST_CASE("ids do not depend on where a read of the file ends: every text through a pipe, cut at every byte") {
  const scratch_folder in;
  const auto pipe = in / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const auto& row : gpt2().table["rows"]) {
    const std::string text = text_of(row);
    if (text.starts_with("\xef\xbb\xbf")) continue;  // a byte order mark at the begin of a file goes
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      std::thread writer([&] {
        std::ofstream to(pipe, std::ios::binary);
        to.write(text.data(), static_cast<std::streamsize>(cut)).flush();
        to.write(text.data() + cut, static_cast<std::streamsize>(text.size() - cut));
      });
      id_list all;
      raptr::read_documents(raptr::text_files{{pipe}, {}}, raptr::documents::whole_file,
                            [&](std::string_view document, const std::filesystem::path&) { gpt2().tokens.encode(document, all); });
      writer.join();
      CHECK(gpt2().published_ids(all) == row["ids"].get<id_list>());
    }
  }
}
