// SPDX-License-Identifier: Apache-2.0
// Checkpoints of a run by step: step-000120. They are ordered by number, never as text (step 1080000 is newer than
// 960000), an incomplete one is reported and skipped, and old ones are removed only when a newer one is complete.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <raptr/checkpoint/error.hpp>
#include <raptr/io/atomic_folder.hpp>
#include <raptr/io/manifest.hpp>

namespace raptr {

struct step_folder {
  std::int64_t step = 0;
  std::filesystem::path path;
};

/// step-000120: at least six digits. step >= 0.
inline std::string step_name(std::int64_t step) {
  auto digits = std::to_string(step);
  if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
  return "step-" + digits;
}
/// nullopt for any name that step_name() does not return.
inline std::optional<std::int64_t> step_of_name(std::string_view name) {
  std::int64_t step = 0;
  if (!name.starts_with("step-")) return std::nullopt;
  const auto [end, code] = std::from_chars(name.data() + 5, name.data() + name.size(), step);
  if (code != std::errc{} || end != name.data() + name.size() || step < 0 || step_name(step) != name) return std::nullopt;
  return step;
}

/// The step folders in `parent`, complete or not, newest first; empty when `parent` does not exist.
inline std::vector<step_folder> step_folders(const std::filesystem::path& parent) {
  std::vector<step_folder> found;
  std::error_code code;
  for (std::filesystem::directory_iterator at(parent, code), end; !code && at != end; at.increment(code))
    if (const auto step = step_of_name(at->path().filename().native())) found.push_back({*step, at->path()});
  if (code && code != std::errc::no_such_file_or_directory) errors::system_refused("list the folder", parent, code.value());
  std::ranges::sort(found, std::greater{}, &step_folder::step);
  return found;
}

inline constexpr auto any_step_folder = [](const step_folder&, const folder_manifest&) {};

/// The newest step folder whose every byte passes verification. Throws stopped on a request.
///
///   report(const step_folder&, const std::string& reason)    called for each one that is skipped
///   check(const step_folder&, const folder_manifest&)        throws file_error for a whole one that is not wanted
template <std::invocable<const step_folder&, const std::string&> Report,
          std::invocable<const step_folder&, const folder_manifest&> Check = decltype(any_step_folder)>
std::optional<step_folder> newest_good(const std::filesystem::path& parent, Report&& report, Check check = any_step_folder,
                                       const std::stop_token& stop = {}) {
  for (auto& one : step_folders(parent)) {
    try {
      check(std::as_const(one), verify_folder(one.path, verification::contents, stop));
      return std::move(one);
    } catch (const file_error& error) {
      const std::string reason = error.what();
      report(std::as_const(one), reason);
    }
  }
  return std::nullopt;
}

/// Which step folders are kept: the `last` newest complete ones (1 or more), and those whose step is a multiple of `every`
/// (0: no others).
struct retention {
  int last = 2;
  std::int64_t every = 0;
};

inline constexpr auto every_step = [](std::int64_t) { return true; };

/// Removes the step folders before `newest` that the rule does not keep. Call it after commit(). Removes nothing unless
/// the folder of `newest` is complete. Incomplete folders are not counted and are left for inspection, and so are those of another
/// run than that of `newest`, and steps after it. Returns the removed steps.
///
///   regular(step)  whether the rule is about this step; others, as that of a stop, are removed
template <std::predicate<std::int64_t> Regular = decltype(every_step)>
std::vector<std::int64_t> remove_old_steps(const std::filesystem::path& parent, std::int64_t newest, retention keep, Regular regular = every_step) {
  if (keep.last < 1 || keep.every < 0) errors::wrong_retention(keep.last, keep.every);
  const std::string run = verify_folder(parent / step_name(newest), verification::sizes).run;
  const auto ours = [&](const step_folder& one) {
    try {
      return verify_folder(one.path, verification::sizes).run == run;
    } catch (const file_error&) {
      return false;
    }
  };
  std::vector<std::int64_t> removed;
  int kept = 1;  // the newest one
  for (const auto& one : step_folders(parent)) {
    if (one.step >= newest || !ours(one)) continue;
    const bool counts = regular(one.step);
    if (counts && kept < keep.last) {
      ++kept;
    } else if (!counts || keep.every == 0 || one.step % keep.every != 0) {
      remove_folder(one.path);
      removed.push_back(one.step);
    }
  }
  return removed;
}

}  // namespace raptr
