// SPDX-License-Identifier: Apache-2.0
// The logs of runs as one table for spreadsheets and data frames: one row per step, one column per field. Quoting as in RFC
// 4180, lines end with LF, decimal points in every locale; a field that a step lacks is an empty cell.
#pragma once

#include <algorithm>

#include <raptr/run/metrics.hpp>
#include <raptr/run/run_files.hpp>

namespace program {

using namespace raptr;

inline std::string csv_cell(std::string text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  for (std::size_t at = 0; (at = text.find('"', at)) != text.npos; at += 2) text.insert(at, 1, '"');
  return '"' + text + '"';
}

/// The cells of a line of metrics.jsonl, in order; "active": {"heads": 1} is the cell active.heads.
inline std::vector<std::pair<std::string, std::string>> csv_cells(const raptr::json& line) {
  std::vector<std::pair<std::string, std::string>> cells;
  const auto add = [&](const std::string& name, const raptr::json& value) {
    cells.emplace_back(name, value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump());
  };
  for (const auto& [name, value] : line.items()) {
    if (value.is_object())
      for (const auto& [part, one] : value.items()) add(name + "." + part, one);
    else
      add(name, value);
  }
  return cells;
}

/// The first column is the folder of the run as given; the others are all fields that any step has.
inline std::string csv_text(const std::vector<std::filesystem::path>& runs) {
  std::vector<std::string> columns;
  const auto each_line = [&](const auto& use) {
    for (const auto& run : runs)
      for_each_line(run_files{run}.metrics(), [&](const raptr::json& line, std::uint64_t, std::uint64_t) { use(run, csv_cells(line)); });
  };
  each_line([&](const auto&, const auto& cells) {
    for (const auto& [name, value] : cells)
      if (std::ranges::find(columns, name) == columns.end()) columns.push_back(name);
  });
  std::string text = "run";
  for (const std::string& name : columns) text.append(",").append(csv_cell(name));
  text += "\n";
  each_line([&](const std::filesystem::path& run, const auto& cells) {
    text += csv_cell(run.native());
    for (const std::string& name : columns) {
      const auto found = std::ranges::find(cells, name, [](const auto& cell) { return cell.first; });
      text.append(",").append(found == cells.end() ? "" : csv_cell(found->second));
    }
    text += "\n";
  });
  return text;
}

}  // namespace program
