// SPDX-License-Identifier: Apache-2.0
// A table for a terminal or for Markdown: the first column is left-aligned, the others right-aligned.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace raptr {

class text_table {
 public:
  explicit text_table(std::vector<std::string> head) : rows_{std::move(head)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  std::string plain() const { return lines("", "  ", "", false); }
  std::string markdown() const {
    text_table escaped = *this;
    for (auto& row : escaped.rows_)
      for (auto& cell : row) cell = plain_in_markdown(cell);
    return escaped.lines("| ", " | ", " |", true);
  }

 private:
  /// Escapes Markdown: the name of a run may look like a tag or contain a bar.
  static std::string plain_in_markdown(const std::string& text) {
    std::string all;
    for (const char c : text) {
      if (std::string_view("\\`*[<&|~").find(c) != std::string_view::npos) all += '\\';
      all += c;
    }
    return all;
  }
  std::string lines(const char* begin, const char* between, const char* end, bool rule) const {
    std::vector<std::size_t> width(rows_[0].size(), 0);
    for (const auto& row : rows_)
      for (std::size_t c = 0; c < row.size(); ++c) width[c] = (std::max)(width[c], row[c].size());
    std::string text;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      text += begin;
      for (std::size_t c = 0; c < width.size(); ++c) {
        const std::size_t pad = width[c] - rows_[r][c].size();
        if (c)
          text.append(between).append(pad, ' ').append(rows_[r][c]);
        else
          text.append(rows_[r][c]).append(pad, ' ');
      }
      text.append(end).append("\n");
      if (!rule || r > 0) continue;
      text += "|";
      for (std::size_t c = 0; c < width.size(); ++c) text.append(" ").append(width[c] - (c ? 1 : 0), '-').append(c ? ": |" : " |");
      text += "\n";
    }
    return text;
  }
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace raptr
