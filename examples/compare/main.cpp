// SPDX-License-Identifier: Apache-2.0
// raptr-compare: two or more finished runs side by side, as a table and as curves, and the logs of any runs as CSV. The first
// run is the baseline.
#include <cmath>

#include <raptr/base/text_table.hpp>
#include <raptr/run/metrics.hpp>
#include <raptr/run/run_files.hpp>

#include "../support/curves.hpp"
#include "../support/option_list.hpp"
#include "differences.hpp"
#include "rate_curves.hpp"

namespace {

using namespace program;

constexpr std::string_view head =
    "raptr-compare compares training runs; the first run is the baseline.\n\n"
    "  raptr-compare RUN RUN ... --out FOLDER\n"
    "  raptr-compare RUN ... --csv FILE\n\n"
    "It writes FOLDER/report.md and FOLDER/curves.svg. With --csv it writes every step\n"
    "as a row of FILE; the runs need not be finished.\n";

struct settings {
  path_list runs;
  std::filesystem::path out, csv;
};

struct measured_run {
  std::string name, schedule;
  std::int64_t steps = 0;
  std::vector<run_fact> facts;
  raptr::json hashes;                            // of its texts
  std::optional<double> unigram, visible_token;  // losses without context, on the targets of the validation loss
  run_curve curve;
  run_sums sums;
  /// The lower of the two, if there is one.
  std::optional<double> floor() const { return visible_token ? visible_token : unigram; }
};

measured_run read_run(const std::filesystem::path& folder) {
  const run_files files{folder};
  files.refuse_checkpoint();
  std::error_code ignored;
  if (!std::filesystem::exists(files.summary(), ignored))
    raptr::fail<raptr::file_error>(raptr::shown(folder) +
                                   " has no summary.json: it is not a run, or not finished; finish it with raptr-pretrain --resume " +
                                   raptr::shown(folder));
  const raptr::json summary = raptr::read_json(files.summary());
  measured_run run;
  run.name = raptr::shown((folder.has_filename() ? folder : folder.parent_path()).filename());
  run.schedule = raptr::json_member<std::string>(summary, "schedule", files.summary());
  run.steps = raptr::json_member<std::int64_t>(summary, "steps", files.summary());
  const auto maybe = [&](const char* name) -> std::optional<double> {
    if (!summary.contains(name) || summary[name].is_null()) return std::nullopt;  // runs of older versions have none
    return raptr::json_member<double>(summary, name, files.summary());
  };
  run.unigram = maybe("unigram_loss"), run.visible_token = maybe("visible_token_loss");
  const raptr::json config = raptr::read_json(files.config());
  run.hashes = raptr::json_member<raptr::json>(config, "hashes", files.config());
  run.facts = facts_of(raptr::json_member<raptr::json>(config, "options", files.config()), run.hashes, summary.value("parameters", std::int64_t{0}));
  run.hashes.erase("tokenizer");  // its ids are in the hash of the text, and runs of earlier versions do not have it
  run.hashes.erase("from");       // of the initial weights
  run.curve = {run.name, read_metrics(files.metrics()).steps};
  run.sums = sums_of(run.curve.steps);
  return run;
}

text_table table_of(const std::vector<measured_run>& runs) {
  std::vector<std::string> titles{"run", "schedule", "steps", "block FLOPs", "total FLOPs", "training time", "validation loss"};
  bool unigram = false, visible = false;
  for (const measured_run& r : runs) unigram = unigram || r.unigram, visible = visible || r.visible_token;
  if (unigram) titles.push_back("unigram loss");
  if (visible) titles.push_back("visible token");
  const auto loss_text = [](const std::optional<double>& loss) { return loss ? fixed_text(*loss, 4) : "-"; };
  text_table table(titles);
  const run_sums& first = runs[0].sums;
  for (const measured_run& r : runs) {
    const auto ratio = [&](double mine, double measure) { return &r == &runs[0] || measure <= 0 ? "" : " (" + fixed_text(mine / measure, 3) + ")"; };
    const run_sums& s = r.sums;
    std::vector<std::string> cells{
        r.name,
        r.schedule,
        count_text(r.steps),
        scaled_text(s.block_flops) + ratio(s.block_flops, first.block_flops),
        scaled_text(s.total_flops) + ratio(s.total_flops, first.total_flops),
        duration_text(s.seconds) + ratio(s.seconds, first.seconds),
        s.validation_loss ? fixed_text(*s.validation_loss, 4) + ratio(*s.validation_loss, first.validation_loss.value_or(0)) : "-"};
    if (unigram) cells.push_back(loss_text(r.unigram));
    if (visible) cells.push_back(loss_text(r.visible_token));
    table.add(cells);
  }
  return table;
}

/// The validation losses of the groups of targets, such as denoisers, that at least two runs tell apart; nullopt: there are none.
std::optional<text_table> groups_table_of(const std::vector<measured_run>& runs) {
  const auto loss_in = [](const measured_run& r, const std::string& name) -> const named_loss* {
    const auto found = std::ranges::find(r.sums.validation_losses, name, &named_loss::name);
    return found == r.sums.validation_losses.end() ? nullptr : &*found;
  };
  std::vector<std::string> names;
  for (const measured_run& r : runs)
    for (const named_loss& group : r.sums.validation_losses)
      if (std::ranges::find(names, group.name) == names.end() &&
          std::ranges::count_if(runs, [&](const measured_run& other) { return loss_in(other, group.name) != nullptr; }) >= 2)
        names.push_back(group.name);
  if (names.empty()) return std::nullopt;
  std::vector<std::string> titles{"validation loss of"};
  titles.insert(titles.end(), names.begin(), names.end());
  text_table table(titles);
  for (const measured_run& r : runs) {
    std::vector<std::string> cells{r.name};
    for (const std::string& name : names) {
      const named_loss* const group = loss_in(r, name);
      cells.push_back(group && group->loss ? fixed_text(*group->loss, 4) : "-");
    }
    table.add(cells);
  }
  return table;
}

/// The runs of equal steps and those of equal cost, with their losses, as one sentence; empty if no two are equal.
std::string comparisons_line(const std::vector<measured_run>& runs) {
  std::vector<std::pair<std::string, std::string>> groups;  // what is equal, the runs
  const auto add_groups = [&](const std::string& what, const auto& value, double tolerance, const auto& shown) {
    std::vector<bool> listed(runs.size(), false);
    for (std::size_t i = 0; i < runs.size(); ++i) {
      std::string members;
      for (std::size_t k = i; k < runs.size(); ++k) {
        if (listed[k] || std::abs(value(runs[k]) - value(runs[i])) > tolerance * value(runs[i])) continue;
        listed[k] = true;
        members += (k > i ? ", " : "") + runs[k].name;
        if (runs[k].sums.validation_loss) members += " " + fixed_text(*runs[k].sums.validation_loss, 4);
      }
      if (members.find(',') == members.npos) continue;
      const std::string equal = what + " (" + shown(value(runs[i])) + ")";
      if (!groups.empty() && groups.back().second == members)
        groups.back().first += " and " + equal;
      else
        groups.emplace_back(equal, members);
    }
  };
  add_groups(
      "equal steps", [](const measured_run& r) { return double(r.steps); }, 0, [](double n) { return count_text(std::int64_t(n)); });
  add_groups(
      "equal block FLOPs", [](const measured_run& r) { return r.sums.block_flops; }, 0.01, [](double n) { return scaled_text(n); });
  std::string line;
  for (const auto& [equal, members] : groups) line += (line.empty() ? "At " : "; at ") + equal + ": " + members;
  return line.empty() ? line : line + ".\n";
}

// CSV: quoting as in RFC 4180, lines end with LF, decimal points in every locale; a field that a step lacks is an empty cell.
std::string csv_cell(std::string text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  for (std::size_t at = 0; (at = text.find('"', at)) != text.npos; at += 2) text.insert(at, 1, '"');
  return '"' + text + '"';
}

/// The cells of a line of metrics.jsonl, in order; "active": {"heads": 1} is the cell active.heads.
std::vector<std::pair<std::string, std::string>> csv_cells(const raptr::json& line) {
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
std::string csv_text(const std::vector<std::filesystem::path>& runs) {
  for (const auto& run : runs) run_files{run}.refuse_checkpoint();
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

void write_csv(const settings& s) {
  if (s.runs.empty()) raptr::fail("--csv needs one or more runs, and 0 given: name the folders of runs");
  raptr::replace_file(s.csv, csv_text(s.runs));
  std::printf("Steps: %s\n", raptr::shown(s.csv).c_str());
}

void write_report(const settings& s) {
  if (s.runs.size() < 2)
    raptr::fail("--out needs two or more runs, and " + std::to_string(s.runs.size()) + " given: name the folders of finished runs");
  std::vector<measured_run> runs;
  for (const auto& folder : s.runs) runs.push_back(read_run(folder));
  const text_table table = table_of(runs);
  const std::optional<text_table> groups = groups_table_of(runs);
  std::vector<run_curve> curves;
  for (const measured_run& r : runs) curves.push_back(r.curve);

  std::string remarks = "In parentheses: relative to " + runs[0].name + ".\n" + comparisons_line(runs);
  for (const measured_run& r : runs)
    if (r.hashes != runs[0].hashes) remarks += r.name + " was trained on another text than " + runs[0].name + ": their losses are not comparable.\n";
  for (const measured_run& r : runs) remarks += differences(r.name, r.facts, runs[0].name, runs[0].facts);
  for (const measured_run& r : runs) remarks += rate_remark(r.name, r.curve.steps, runs[0].name, runs[0].curve.steps);

  for (const measured_run& r : runs)
    if (r.sums.validation_loss && r.floor() && *r.sums.validation_loss >= *r.floor())
      remarks += r.name + " has learnt nothing from context: its validation loss " + fixed_text(*r.sums.validation_loss, 4) + " is not below " +
                 fixed_text(*r.floor(), 4) + ", that of the best predictor without context.\n";

  raptr::make_folders(s.out);
  raptr::replace_file(s.out / "curves.svg", curves_svg("Training runs compared", curves));
  raptr::replace_file(
      s.out / "report.md",
      "# Training runs compared\n\n" + table.markdown() + "\n" + (groups ? groups->markdown() + "\n" : "") + remarks +
          "The validation loss is that of the full network after the last step. Total FLOPs include embedding, head and\n"
          "optimizer, which never shrink. The training time excludes validation and checkpoints. The unigram loss is that of a\n"
          "predictor that only knows how often each token occurs in the training text, and visible token that of the best one\n"
          "that also sees what a masked row shows, both on the validation targets: only below them is something learnt from context.\n\n"
          "![loss against steps and against FLOPs](curves.svg)\n");
  std::printf("%s%s%sReport: %s\n", table.plain().c_str(), groups ? groups->plain().c_str() : "", remarks.c_str(),
              raptr::shown(s.out / "report.md").c_str());
}

int start(int count, char** words) {
  settings s;
  option_list options;
  options.plain_words_to(s.runs);
  options.add("", "out", "FOLDER", &s.out, "for report.md and curves.svg; created if it does not exist");
  options.add("", "csv", "FILE", &s.csv, "for all steps of the runs, one column per field of metrics.jsonl");
  if (helped(count, words, options, head)) return done;
  options.read(count, words);
  if (s.out.empty() && s.csv.empty()) raptr::fail("--out is missing: name a folder for report.md and curves.svg, or a file with --csv");
  if (!s.csv.empty()) write_csv(s);
  if (!s.out.empty()) write_report(s);
  return done;
}

}  // namespace

int main(int count, char** words) {
  return program::guarded([&] { return start(count, words); });
}
