// SPDX-License-Identifier: Apache-2.0
// docs/design.md describes the existing tree: every folder of the headers with its level, and where to find each idea. A word of
// the idea is in the name of its first file.
#include "levels.hpp"

#include <doctest/doctest.h>

#include <cctype>
#include <sstream>

namespace {

namespace fs = std::filesystem;

const fs::path root = fs::path(RAPTR_TESTS_DIR).parent_path();

/// Cells of the rows of the first table after a heading, without the head of the table.
std::vector<std::vector<std::string>> table_after(const std::string& heading) {
  std::ifstream page(root / "docs/design.md");
  std::vector<std::vector<std::string>> rows;
  bool found = false;
  for (std::string line; std::getline(page, line);) {
    if (line == heading) found = true;
    if (!found || !line.starts_with("|")) {
      if (!rows.empty()) break;
      continue;
    }
    std::vector<std::string> cells;
    std::istringstream cut(line.substr(1));
    for (std::string cell; std::getline(cut, cell, '|');) {
      const auto first = cell.find_first_not_of(' '), last = cell.find_last_not_of(' ');
      cells.push_back(first == cell.npos ? "" : cell.substr(first, last - first + 1));
    }
    rows.push_back(cells);
  }
  REQUIRE(rows.size() > 2);
  rows.erase(rows.begin(), rows.begin() + 2);
  return rows;
}

/// Lower case without signs and the plural s: "GPT-2" is gpt2, "row kernels" has the words row and kernel.
std::string plain(const std::string& word) {
  std::string text;
  for (const char c : word)
    if (std::isalnum(static_cast<unsigned char>(c))) text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (text.size() > 3 && text.ends_with('s')) text.pop_back();
  return text;
}

TEST_CASE("docs/design.md lists every folder of the headers with its level") {
  std::map<std::string, int> listed;
  for (const auto& row : table_after("## The tree")) {
    std::string folder = row.at(1).substr(1, row.at(1).size() - 2);  // without the `
    CHECK(row.at(2).size() > 10);
    listed[folder == "raptr.hpp" ? "" : folder.substr(0, folder.size() - 1)] = std::stoi(row.at(0));
  }
  std::map<std::string, int> there{{"", levels::level_of_folder.at("")}};
  for (const auto& entry : fs::recursive_directory_iterator(root / "include/raptr"))
    if (entry.is_directory()) {
      const fs::path folder = entry.path().lexically_relative(root / "include/raptr");
      there[folder.generic_string()] = levels::level_of_folder.at(folder.begin()->string());
    }
  CHECK(listed == there);
}

TEST_CASE("each idea is found by the name of its first file") {
  std::set<std::string> found;
  for (const auto& row : table_after("## Where to find")) {
    const std::string idea = row.at(0), cell = row.at(1);
    INFO("idea: ", idea);
    found.insert(idea);
    int files = 0;
    for (auto at = cell.find("]("); at != cell.npos; at = cell.find("](", at + 2), ++files) {
      const std::string link = cell.substr(at + 2, cell.find(')', at) - at - 2),
                        shown = cell.substr(cell.rfind('[', at) + 1, at - cell.rfind('[', at) - 1);
      INFO("link: ", link);
      CHECK(fs::is_regular_file(root / "docs" / link));
      CHECK(link.ends_with(shown));
      if (files > 0) continue;
      bool named = false;  // by one of the words of the idea
      std::istringstream words(idea);
      for (std::string word; words >> word;)
        named = named || (plain(word).size() >= 3 && plain(word) != "the" && plain(fs::path(shown).stem()).find(plain(word)) != std::string::npos);
      CHECK(named);
    }
    CHECK(files > 0);
  }
  for (const char* idea : {"AdamW",
                           "SGD",
                           "GPT-2",
                           "BERT",
                           "PLD",
                           "stacking",
                           "EST",
                           "stages",
                           "the text of schedules",
                           "TensorBoard",
                           "retention",
                           "atomic write",
                           "matrix products (matmul)",
                           "precision",
                           "clipping",
                           "Hugging Face names",
                           "resume",
                           "BPE",
                           "WordPiece",
                           "shards",
                           "norm",
                           "attention",
                           "scales",
                           "selectors",
                           "learning rate",
                           "metrics",
                           "row kernels",
                           "documents",
                           "windows",
                           "errors"})
    CHECK_MESSAGE(found.contains(idea), idea);
}

}  // namespace
