// SPDX-License-Identifier: Apache-2.0
// --help [TOPIC], the same in every program.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "option_list.hpp"
#include "process.hpp"

namespace program {

/// Prints help and returns true if --help or -h is given. head: what the program does, and examples. Options without a topic
/// are on the first page; every page fits a screen.
inline bool helped(int count, const char* const* words, const option_list& options, std::string_view head) {
  std::vector<std::string_view> topics;
  for (const option& o : options.all())
    if (!o.topic.empty() && std::ranges::find(topics, o.topic) == topics.end()) topics.push_back(o.topic);
  const auto page = [&](std::string_view topic) { return "Options of --help " + std::string(topic) + ":\n" + options.help(topic); };
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word != "--help" && word != "-h") continue;
    const std::string_view topic = i + 1 < count && words[i + 1][0] != '-' ? words[i + 1] : "";
    std::string text;
    if (topic.empty()) {
      text = std::string(head) + "\n" + options.help("") + "\n";
      if (!topics.empty()) text += "More: --help " + list_of(topics, ", --help ") + ",\n--help all. ";
      text += "Defaults are in [brackets].\n\n" + std::string(exit_codes_text);
    } else if (topic == "all") {
      text = options.help("");
      for (const auto one : topics) text += page(one);
    } else if (std::ranges::find(topics, topic) != topics.end()) {
      text = page(topic);
    } else {
      topics.push_back("all");
      raptr::fail("--help has no topic \"" + raptr::shown(topic) + "\": the nearest is " + std::string(nearest_name(topic, topics)));
    }
    std::fputs(text.c_str(), stdout);
    return true;
  }
  return false;
}

}  // namespace program
