// SPDX-License-Identifier: Apache-2.0
// One name for one thing, and plain sentences: words and phrases that have been replaced do not come back into headers, help
// pages, messages and documents, wrapped over two lines or not.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/io/file.hpp>

namespace {

namespace fs = std::filesystem;

const fs::path root = fs::path(RAPTR_TESTS_DIR).parent_path();

struct replaced {
  std::string_view text, by;
  std::string_view in = "";  // part of the path; empty: everywhere
};
// Whole words, in lower case; the case of the text does not count.
constexpr replaced list[] = {
    // terms
    {"walk", "elementwise pass"},
    {"walks", "elementwise passes"},
    {"walk_list", "param_ranges"},
    {"walk_range", "param_range"},
    {"row program", "row kernel"},
    {"row programs", "row kernels"},
    {"nothing{}", "no_epilogue{}"},
    {"price", "cost"},
    {"prices", "costs"},
    {"priced", "costed"},
    {"pricing", "cost estimate"},
    {"foretell", "estimate"},
    {"foretells", "estimates"},
    {"foretold", "estimated"},
    {"pieces(", "ceil_div("},
    {"share", "probability", "attention_"},
    {"shares", "probabilities", "attention_"},
    {"share", "probability", "cpu/attention"},
    {"top", "row_max", "attention"},
    {"least", "negative_infinity", "attention"},
    {"anywhere", "unaligned", "backend/cpu"},
    {"start::", "initializer::"},
    {"deep", "stride", "backend/"},
    {"on.ops", "call.ops", "include/"},
    {"on_", "ctx_", "include/"},
    {"moment_at", "position_at"},
    {"const moment&", "const run_position&"},
    {"now.now.step", "report.step"},
    {"trainer.rule()", "trainer.optimizer()"},
    {"io/steps.hpp", "checkpoint/retention.hpp", "include/"},
    {"io/folder.hpp", "io/atomic_folder.hpp", "include/"},
    {"io/event_file.hpp", "io/tensorboard_events.hpp", "include/"},
    {"tests/house", "tests/packaging"},
    {"tests/wrong", "tests/compile_fail"},
    {"tests/field", "tests/regressions"},
    {"tests/long", "tests/soak"},
    {"in_turn", "then"},
    {"during<", "lasting<"},
    {"together<", "with<"},
    // sentences
    {"of one's own", "user-defined"},
    {"so many", "a number"},
    {"that cannot be.", "invalid"},
    {"that cannot be,", "invalid"},
    {"that cannot be:", "invalid"},
    {"at the begin", "at the start"},
    {"at hand", "current"},
    {"go round", "skip"},
    {"goes round", "skips"},
    {"is told", "gets, is passed"},
    {"nobody", "no one in particular: say what happens"},
    {"nobody's", "ignored"},
    {"somebody", "the user, another process"},
    {"answers", "returns"},
    {"tensors that are none", "tensors this model does not have"},
    {"goes over it", "takes precedence"},
    {"is the measure", "is the baseline"},
    {"one is possible", "only one is allowed"},
    {"good for nothing", "to be discarded"},
    {"at the latest", "by release(), or with"},
    {"than the processor remembers", "than the TLB covers"},
    {"read and forgotten", "temporaries"},
    {"torn", "incomplete"},
    {"passed over", "skipped"},
    {"quieter runs", "otherwise idle"},
};

bool is_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// Whether `line` has `text` as whole words.
bool has(const std::string& line, std::string_view text) {
  for (auto at = line.find(text); at != line.npos; at = line.find(text, at + 1)) {
    const auto end = at + text.size();
    if (is_letter(text.front()) && at > 0 && is_letter(line[at - 1])) continue;
    if (is_letter(text.back()) && end < line.size() && is_letter(line[end])) continue;
    return true;
  }
  return false;
}
std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return text;
}
/// A renaming in the changelog, which names the old word: `old -> new`, or a row of a table.
bool is_renaming(const std::string& line) { return line.find("->") != line.npos || line.find_first_not_of(' ') == line.find('|'); }
/// A line and the next one as one, without the mark of a comment or the quotes of a literal between them.
std::string joined(const std::string& line, const std::string& next) {
  return line.substr(0, line.find_last_not_of(" \"") + 1) + " " + next.substr(std::min(next.find_first_not_of(" /#\""), next.size()));
}
/// Every line of a text that has a replaced word, or begins a phrase that ends in the next line, with what to say instead.
std::vector<std::string> found_in(const std::string& file, const std::string& text) {
  std::vector<std::string> lines, found;
  std::istringstream cut(lower(text));
  for (std::string line; std::getline(cut, line);) lines.push_back(file == "CHANGELOG.md" && is_renaming(line) ? "" : line);
  lines.emplace_back();
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    const std::string both = joined(lines[i], lines[i + 1]);
    for (const replaced& r : list) {
      if (file.find(r.in) == file.npos) continue;
      const bool wrapped = has(both, r.text) && !has(lines[i + 1], r.text);
      if (has(lines[i], r.text) || wrapped)
        found.push_back(file + ":" + std::to_string(i + 1) + ": \"" + std::string(r.text) + "\", say \"" + std::string(r.by) + "\"");
    }
  }
  return found;
}

TEST_CASE("headers, programs and documents use the field's terms and plain sentences") {
  std::vector<std::string> found;
  int files = 0;
  const auto read = [&](const fs::path& path) {
    ++files;
    for (auto& line : found_in(path.lexically_relative(root).generic_string(), raptr::read_file(path))) found.push_back(std::move(line));
  };
  for (const char* folder : {"include", "examples", "docs", "benchmarks"})
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const auto ending = entry.path().extension();
      if (ending == ".hpp" || ending == ".cuh" || ending == ".cpp" || ending == ".cu" || ending == ".md" || ending == ".sh") read(entry.path());
    }
  for (const char* page : {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "tests/README.md"}) read(root / page);
  CHECK(files > 230);
  for (const std::string& line : found) FAIL_CHECK(line);
}

TEST_CASE("a replaced word is found as a whole word, in any case, and only where it is meant") {
  CHECK(found_in("docs/x.md", "a\nIt Answers the loss.\n") == std::vector<std::string>{"docs/x.md:2: \"answers\", say \"returns\""});
  CHECK(found_in("docs/x.md", "unanswerable walking walker_ shareholder").empty());
  CHECK(found_in("include/raptr/backend/cuda/attention_tile.cuh", "T share = 1;").size() == 1);
  CHECK(found_in("include/raptr/schedule/stages.hpp", "a share of the steps").empty());
  CHECK(found_in("README.md", "pieces(a, b) and trainer.rule()").size() == 2);
  CHECK(found_in("CHANGELOG.md", "  - `in_turn` -> `then`\n  | `in_turn.hpp` | `then.hpp` |\n").empty());
  CHECK(found_in("CHANGELOG.md", "a\n- The report is told at every step.\n").size() == 1);
  CHECK(found_in("README.md", "`in_turn` -> `then`").size() == 1);
}

TEST_CASE("a phrase wrapped over two lines is found once, at the first of them") {
  for (const char* begin :
       {"// the rows at\n// hand", "  /// The rows At\n  /// hand", "# rows at\n#   hand", "rows at\nhand", "\"rows at \"\n    \"hand\""})
    CHECK(found_in("docs/x.md", "a\n" + std::string(begin) + ", again\n") == std::vector<std::string>{"docs/x.md:2: \"at hand\", say \"current\""});
  CHECK(found_in("docs/x.md", "a\nrows at hand\nb\n").size() == 1);
  CHECK(found_in("docs/x.md", "rows at hand\nlook at\nhand\n").size() == 2);
  CHECK(found_in("docs/x.md", "look at\n\nhand\n").empty());
  CHECK(found_in("docs/x.md", "look at\nhandles\n").empty());
}

}  // namespace
