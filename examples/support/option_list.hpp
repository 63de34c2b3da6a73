// SPDX-License-Identifier: Apache-2.0
// The options of a program as one table, read by the command line, the JSON file and the help, so that a name, a range and a
// default are written once. No abbreviations; numbers are read whole and without the locale; no option twice; the error for an
// unknown name suggests the nearest one.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <raptr/base/nearest_name.hpp>
#include <raptr/io/json.hpp>

#include "process.hpp"

namespace program {

inline std::string list_of(const std::vector<std::string_view>& names, std::string_view between) {
  std::string text;
  for (const auto one : names) text += (text.empty() ? "" : std::string(between)) + std::string(one);
  return text;
}

using path_list = std::vector<std::filesystem::path>;
using option_target = std::variant<bool*, std::int64_t*, std::optional<std::int64_t>*, double*, std::optional<double>*, std::string*,
                                   std::filesystem::path*, path_list*>;

struct option {
  std::string_view name, placeholder, topic, meaning;
  option_target target;
  double least = 0, most = 0;               // of a number, both allowed
  std::vector<std::string_view> choices{};  // of a string; empty: any text
  std::string default_text{};
  bool given = false, in_file = false;
  bool may_be_empty = false;                              // a text
  bool takes_text = false;                                // a choice may have a colon and a text behind it
  std::function<std::string(std::string_view)> advice{};  // what else to do about a value that is not among the choices; "": nothing

  option& range(double from, double to) { return least = from, most = to, *this; }
  option& one_of(std::vector<std::string_view> names) { return choices = std::move(names), *this; }
  option& or_else(std::function<std::string(std::string_view)> what) { return advice = std::move(what), *this; }
  option& or_empty() { return may_be_empty = true, *this; }
  option& with_text() { return takes_text = true, *this; }
  option& default_is(std::string text) { return default_text = std::move(text), *this; }
};

namespace errors {
[[noreturn]] inline void unknown_option(std::string_view given, std::string_view nearest) {
  raptr::fail("unknown option " + raptr::shown(given) + ": the nearest is --" + std::string(nearest) + "; see --help all");
}
[[noreturn]] inline void no_option(std::string_view given) { raptr::fail("\"" + raptr::shown(given) + "\" belongs to no option: see --help all"); }
[[noreturn]] inline void wrong_value(const std::string& option, const std::string& given, const std::string& allowed) {
  raptr::fail(option + " is " + given + ": give " + allowed);
}
[[noreturn]] inline void given_twice(std::string_view name) { raptr::fail("--" + std::string(name) + " is given twice: give it once"); }
}  // namespace errors

class option_list {
 public:
  option& add(std::string_view topic, std::string_view name, std::string_view placeholder, option_target target, std::string_view meaning) {
    options_.push_back({.name = name, .placeholder = placeholder, .topic = topic, .meaning = meaning, .target = target});
    options_.back().default_text = text_of(options_.back());
    return options_.back();
  }
  const std::deque<option>& all() const { return options_; }
  option* find(std::string_view name) {
    for (option& o : options_)
      if (o.name == name) return &o;
    return nullptr;
  }
  const option* find(std::string_view name) const { return const_cast<option_list*>(this)->find(name); }
  bool given(std::string_view name) const {
    const option* o = find(name);
    return o && o->given;
  }

  /// --name value, --name=value, --flag; a list takes every word up to the next one that begins with "-". A file whose name begins so is
  /// given as ./-name or --option=-name.
  void read(int count, const char* const* words) {
    for (int i = 1; i < count; ++i) {
      const std::string_view word = words[i];
      if (!word.starts_with('-') && plain_words_) {
        plain_words_->emplace_back(at_home(std::string(word)));
        continue;
      }
      if (!word.starts_with('-') || word == "-" || word == "--") errors::no_option(word);
      const std::size_t equals = word.find('=');
      option* const o = word.starts_with("--") ? find(word.substr(2, equals == word.npos ? word.npos : equals - 2)) : nullptr;
      if (!o) errors::unknown_option(word.substr(0, equals), nearest(word.substr(0, equals)));
      const bool list = std::holds_alternative<path_list*>(o->target), flag = std::holds_alternative<bool*>(o->target);
      if (o->given && !list) errors::given_twice(o->name);
      if (flag) {
        if (equals != word.npos) errors::wrong_value(shown(*o), "\"" + raptr::shown(word.substr(equals + 1)) + "\"", "it without a value");
        *std::get<bool*>(o->target) = true;
      } else if (equals != word.npos) {
        read_text(*o, word.substr(equals + 1));
      } else {
        const bool place = list || std::holds_alternative<std::filesystem::path*>(o->target);
        const auto more = [&] { return i + 1 < count && !std::string_view(words[i + 1]).starts_with(place ? "-" : "--"); };
        if (!more()) errors::wrong_value(shown(*o), "without a value", std::string(o->placeholder) + (list ? "" : ", " + allowed(*o)));
        do read_text(*o, words[++i]);
        while (list && more());
      }
      o->given = true;
    }
  }
  /// Collects the words that belong to no option; without this call they are errors.
  void plain_words_to(path_list& list) { plain_words_ = &list; }
  /// Reads the members of an object, named like the options.
  void read(const raptr::json& object, const std::filesystem::path& file) {
    if (!object.is_object()) raptr::errors::unexpected(file, "an object with the names of options", raptr::detail::shown_json(object));
    for (const auto& [name, value] : object.items()) {
      option* const o = find(name);
      if (!o || o->topic.empty())
        raptr::fail(raptr::shown(file) + ": \"" + raptr::shown(name) + "\" is not an option that a file can set: the nearest is \"" +
                    std::string(nearest(name)) + "\"");
      read_json(*o, value, raptr::shown(file) + ", \"" + name + "\"");
      o->given = true;
    }
  }
  /// Sets one option from a JSON value.
  void set(std::string_view name, const raptr::json& value) {
    option& o = *find(name);
    o.given = false;  // a list is replaced
    read_json(o, value, shown(o));
    o.given = true;
  }
  static raptr::json json_of(const option& o) {
    return std::visit(
        []<class T>(const T* from) -> raptr::json {
          if constexpr (std::same_as<T, std::filesystem::path>) {
            return raptr::bytes_to_json(from->native());
          } else if constexpr (std::same_as<T, std::string>) {  // some strings are file names
            return raptr::bytes_to_json(*from);
          } else if constexpr (std::same_as<T, path_list>) {
            raptr::json all = raptr::json::array();
            for (const auto& one : *from) all.push_back(raptr::bytes_to_json(one.native()));
            return all;
          } else if constexpr (std::same_as<T, std::optional<std::int64_t>> || std::same_as<T, std::optional<double>>) {
            return *from ? raptr::json(**from) : raptr::json(nullptr);
          } else {
            return *from;
          }
        },
        constant(o.target));
  }
  static std::string shown(const option& o) { return "--" + std::string(o.name); }

  /// The options of one topic, 80 columns wide.
  std::string help(std::string_view topic) const {
    constexpr std::size_t indent = 29, width = 80;
    std::string page;
    for (const option& o : options_) {
      if (o.topic != topic) continue;
      std::string line = "  " + shown(o) + (o.placeholder.empty() ? "" : " " + std::string(o.placeholder));
      std::string meaning(o.meaning);
      if (!o.choices.empty()) meaning += (meaning.empty() ? "" : ": ") + list_of(o.choices, " | ");
      if (!o.default_text.empty()) meaning += " [" + o.default_text + "]";
      if (line.size() + 1 > indent) page += line + "\n", line.clear();
      line.resize(indent, ' ');
      while (!meaning.empty()) {
        const std::size_t room = width - indent;
        std::size_t cut = meaning.size() <= room ? meaning.size() : meaning.rfind(' ', room);
        if (cut == meaning.npos) cut = meaning.size();
        page += line + meaning.substr(0, cut) + "\n";
        meaning.erase(0, (std::min)(cut + 1, meaning.size()));
        line.assign(indent, ' ');
      }
    }
    return page;
  }

 private:
  void read_json(option& o, const raptr::json& value, const std::string& where) {
    const auto wrong = [&] { errors::wrong_value(where, raptr::detail::shown_json(value), allowed(o)); };
    const auto whole = [&] {
      if (!raptr::detail::json_fits<std::int64_t>(value)) wrong();
      const auto n = value.get<std::int64_t>();
      if (static_cast<double>(n) < o.least || static_cast<double>(n) > o.most) wrong();
      return n;
    };
    std::visit(
        [&]<class T>(T* to) {
          if constexpr (std::same_as<T, bool>) {
            if (!value.is_boolean()) wrong();
            *to = value.get<bool>();
          } else if constexpr (std::same_as<T, double> || std::same_as<T, std::optional<double>>) {
            if (!value.is_number()) wrong();
            const auto x = value.get<double>();
            if (!(x >= o.least && x <= o.most)) wrong();
            *to = x;
          } else if constexpr (std::same_as<T, std::string>) {
            if (!value.is_string() && !value.is_object()) wrong();
            *to = chosen(o, raptr::bytes_from_json(value, where), where);
            if (to->empty() && !o.may_be_empty) wrong();
          } else if constexpr (std::same_as<T, std::filesystem::path>) {
            *to = at_home(raptr::bytes_from_json(value, where));
          } else if constexpr (std::same_as<T, path_list>) {
            if (!o.given) to->clear();
            if (!value.is_array())
              to->push_back(at_home(raptr::bytes_from_json(value, where)));
            else
              for (const auto& one : value) to->push_back(at_home(raptr::bytes_from_json(one, where)));
          } else {
            *to = whole();
          }
        },
        o.target);
  }
  template <class... T> static std::variant<const T*...> constant(const std::variant<T*...>& target) {
    return std::visit([](auto* p) -> std::variant<const T*...> { return p; }, target);
  }
  static std::string number(double x) {
    char text[32];
    const bool whole = std::abs(x) < 1e16 && x == std::floor(x);
    return {text, whole ? std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(x)).ptr : std::to_chars(text, text + sizeof text, x).ptr};
  }
  static std::string text_of(const option& o) {
    return std::visit(
        []<class T>(const T* from) -> std::string {
          if constexpr (std::same_as<T, std::string>)
            return *from;
          else if constexpr (std::same_as<T, double>)
            return number(*from);
          else if constexpr (std::same_as<T, std::int64_t>)
            return std::to_string(*from);
          else
            return "";
        },
        constant(o.target));
  }
  static std::string allowed(const option& o) {
    if (!o.choices.empty()) return "one of " + list_of(o.choices, ", ");
    if (std::holds_alternative<bool*>(o.target)) return "true or false";
    if (std::holds_alternative<std::string*>(o.target)) return "a text that is not empty, or leave it out";
    if (std::holds_alternative<path_list*>(o.target) || std::holds_alternative<std::filesystem::path*>(o.target))
      return "the name of a file or folder";
    const bool real = std::holds_alternative<double*>(o.target) || std::holds_alternative<std::optional<double>*>(o.target);
    return (real ? "a number from " : "a whole number from ") + number(o.least) + " to " + number(o.most);
  }
  static std::string chosen(const option& o, std::string value, const std::string& where) {
    if (o.choices.empty()) return value;
    for (const auto one : o.choices)
      if (one == (o.takes_text ? value.substr(0, value.find(':')) : value)) return value;
    const std::string advice = o.advice ? o.advice(value) : "";
    errors::wrong_value(where, "\"" + raptr::shown(value) + "\"",
                        allowed(o) + (advice.empty() ? " (the nearest is " + std::string(raptr::nearest_name(value, o.choices)) + ")" : advice));
  }
  void read_text(option& o, std::string_view text) {
    const auto wrong = [&] { errors::wrong_value(shown(o), "\"" + raptr::shown(text) + "\"", allowed(o)); };
    const auto parsed = [&]<class N>(N value) {
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (code != std::errc{} || end != text.data() + text.size()) wrong();
      if (!(static_cast<double>(value) >= o.least && static_cast<double>(value) <= o.most)) wrong();  // NaN too
      return value;
    };
    std::visit(
        [&]<class T>(T* to) {
          if constexpr (std::same_as<T, std::string>) {
            if (text.find_first_not_of(" \t") == text.npos && !o.may_be_empty) wrong();
            *to = chosen(o, std::string(text), shown(o));
          } else if constexpr (std::same_as<T, double> || std::same_as<T, std::optional<double>>)
            *to = parsed(0.0);
          else if constexpr (std::same_as<T, std::int64_t> || std::same_as<T, std::optional<std::int64_t>>)
            *to = parsed(std::int64_t{0});
          else if constexpr (!std::same_as<T, bool>) {
            if (text.empty()) wrong();
            if constexpr (std::same_as<T, path_list>)
              to->emplace_back(at_home(std::string(text)));
            else
              *to = at_home(std::string(text));
          }
        },
        o.target);
  }
  std::string_view nearest(std::string_view name) const {
    std::vector<std::string_view> names;
    for (const option& o : options_) names.push_back(o.name);
    return raptr::nearest_name(name.substr((std::min)(name.find_first_not_of('-'), name.size())), names);
  }

  std::deque<option> options_;
  path_list* plain_words_ = nullptr;
};

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
      if (!topics.empty()) text += "More: --help TOPIC: " + list_of(topics, ", ") + ", all.\n";
      text += "Defaults are in [brackets].\n\n" + std::string(exit_codes_text);
    } else if (topic == "all") {
      text = options.help("");
      for (const auto one : topics) text += page(one);
    } else if (std::ranges::find(topics, topic) != topics.end()) {
      text = page(topic);
    } else {
      topics.push_back("all");
      raptr::fail("--help has no topic \"" + raptr::shown(topic) + "\": the nearest is " + std::string(raptr::nearest_name(topic, topics)));
    }
    std::fputs(text.c_str(), stdout);
    return true;
  }
  return false;
}

}  // namespace program
