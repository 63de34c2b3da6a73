// SPDX-License-Identifier: Apache-2.0
// token_lines TOKENIZER cased|uncased|- TEXT ...: writes the ids of every line of the texts, a line for each, and at the end
// the seconds that whole texts took. "-" leaves the splitting to the files of the tokenizer.
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/tokenizers/tokenizer_files.hpp>

namespace {

template <class Tokenizer> void write_ids(const Tokenizer& tokens, int count, char** files) {
  using clock = std::chrono::steady_clock;
  double seconds = 0;
  std::vector<std::int32_t> ids;
  for (int i = 0; i < count; ++i) {
    const std::string text = raptr::read_file(files[i]);
    ids.clear();
    ids.reserve(text.size());
    const auto begin = clock::now();
    tokens.encode(text, ids);
    seconds += std::chrono::duration<double>(clock::now() - begin).count();
    for (std::string_view left = text; !left.empty();) {
      const auto line = left.substr(0, left.find('\n') == left.npos ? left.size() : left.find('\n') + 1);
      left.remove_prefix(line.size());
      ids.clear();
      tokens.encode(line, ids);
      for (const auto id : ids) std::printf("%d ", id);
      std::puts("");
    }
  }
  std::printf("%.9f\n", seconds);
}

}  // namespace

int main(int count, char** words) {
  try {
    if (count < 4) raptr::fail("give a tokenizer, cased, uncased or -, and texts");
    const auto tokenizer = raptr::read_tokenizer(words[1]);
    const auto* const wordpiece = std::get_if<raptr::wordpiece_tokenizer>(&tokenizer);
    if (wordpiece && std::string_view(words[2]) != "-") {
      const bool lower = std::string_view(words[2]) == "uncased";
      write_ids(raptr::wordpiece_tokenizer(wordpiece->tokens(), {.lower_case = lower, .strip_accents = lower}), count - 3, words + 3);
    } else {
      std::visit([&](const auto& tokens) { write_ids(tokens, count - 3, words + 3); }, tokenizer);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
