// SPDX-License-Identifier: Apache-2.0
// Strict JSON: rejects duplicate keys, nesting deeper than 64, NUL bytes (which nlohmann-json takes for the end) and
// numbers that do not fit. Objects keep their order, so that equal contents give equal bytes. The only header that
// includes nlohmann-json, and correct in any locale.
#pragma once

#include <locale.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <raptr/io/file.hpp>

namespace raptr {

using json = nlohmann::ordered_json;

inline constexpr std::size_t json_depth_limit = 64;

namespace detail {

/// nlohmann-json parses numbers with strtod, which uses the decimal point of the locale; within this scope it is '.'.
class c_locale {
 public:
  c_locale() : c_(::newlocale(LC_ALL_MASK, "C", locale_t{})), before_(::uselocale(c_)) {}
  ~c_locale() {
    ::uselocale(before_);
    if (c_ != locale_t{}) ::freelocale(c_);
  }
  c_locale(const c_locale&) = delete;
  c_locale& operator=(const c_locale&) = delete;

 private:
  locale_t c_, before_;
};

/// An iterator over text that records how far the parser has read.
struct tracked_text {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  const char* at;
  const char** furthest;
  reference operator*() const { return *at; }
  tracked_text& operator++() {
    *furthest = ++at;
    return *this;
  }
  tracked_text operator++(int) {
    const auto before = *this;
    ++*this;
    return before;
  }
  bool operator==(const tracked_text& other) const { return at == other.at; }
};

/// Receives the parser's events and builds the value. The parser keeps its own stack, so nesting needs no recursion.
class strict_json {
 public:
  using number_integer_t = json::number_integer_t;
  using number_unsigned_t = json::number_unsigned_t;
  using number_float_t = json::number_float_t;
  using string_t = json::string_t;
  using binary_t = json::binary_t;

  strict_json(std::string_view text, const std::filesystem::path& file, std::uint64_t first_byte, std::vector<std::uint64_t>* keys)
      : text_(text), furthest_(text.data()), file_(file), first_byte_(first_byte), key_places_(keys) {}

  json parse() {
    const c_locale scope;
    end_ = std::min(text_.find('\0'), text_.size());
    json::sax_parse(tracked_text{text_.data(), &furthest_}, tracked_text{text_.data() + end_, &furthest_}, this);
    refuse_nul();
    return std::move(result_);
  }

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(number_integer_t value) { return put(value); }
  bool number_unsigned(number_unsigned_t value) { return put(value); }
  bool number_float(number_float_t value, const string_t&) { return put(value); }
  bool string(string_t& value) { return put(std::move(value)); }
  bool binary(binary_t&) { return false; }
  bool start_object(std::size_t) { return open(json::object()); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(string_t& name) {
    if (!levels_.back().names.insert(name).second) wrong("the key \"" + shown(name) + "\" a second time");
    if (key_places_ != nullptr && levels_.size() == 1) key_places_->push_back(first_byte_ + place());
    levels_.back().next = std::move(name);
    return true;
  }
  template <class Exception> bool parse_error(std::size_t position, const std::string&, const Exception& error) {
    if (position > end_) refuse_nul();  // the parser needs more input
    std::string sentence = error.what();
    sentence.erase(0, sentence.find("] ") + 2);
    if (sentence.starts_with("parse error at ")) sentence.erase(0, sentence.find(": ") + 2);
    wrong(shown(sentence));
  }

 private:
  struct level {
    json value;
    std::set<std::string> names;
    std::string next;
  };

  std::uint64_t place() const { return static_cast<std::uint64_t>(furthest_ - text_.data()); }
  /// A NUL byte ends the text for the parser, but not for other readers.
  void refuse_nul() const {
    if (end_ < text_.size()) wrong_at(end_, "a NUL byte");
  }
  [[noreturn]] void wrong(const std::string& sentence) const {
    wrong_at(static_cast<std::size_t>(place() > 0 ? place() - 1 : 0), sentence);  // reports the last byte read
  }
  [[noreturn]] void wrong_at(std::size_t byte, const std::string& sentence) const {
    const auto before = text_.substr(0, byte);
    const auto line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
    const auto column = before.size() - (before.rfind('\n') + 1) + 1;
    errors::wrong_json(file_, line, column, first_byte_ + before.size(), sentence);
  }
  bool open(json empty) {
    if (levels_.size() == json_depth_limit) wrong("nesting deeper than " + std::to_string(json_depth_limit));
    levels_.push_back({std::move(empty), {}, {}});
    return true;
  }
  bool close() {
    json done = std::move(levels_.back().value);
    levels_.pop_back();
    return put(std::move(done));
  }
  bool put(json value) {
    if (levels_.empty()) {
      result_ = std::move(value);
    } else if (auto& in = levels_.back(); in.value.is_array()) {
      in.value.push_back(std::move(value));
    } else {  // append to the vector of members directly: names are known to differ
      json::object_t::Container& members = in.value.get_ref<json::object_t&>();
      members.emplace_back(std::move(in.next), std::move(value));
    }
    return true;
  }

  std::string_view text_;
  std::size_t end_ = 0;
  const char* furthest_;
  const std::filesystem::path& file_;
  std::uint64_t first_byte_;
  std::vector<std::uint64_t>* key_places_;
  std::vector<level> levels_;
  json result_;
};

}  // namespace detail

/// Throws file_error with file, line, column and byte.
///
///   file        named in errors
///   first_byte  place of the text in that file
///   key_places  if given, receives the byte after each key of the outermost object
inline json parse_json(std::string_view text, const std::filesystem::path& file, std::uint64_t first_byte = 0,
                       std::vector<std::uint64_t>* key_places = nullptr) {
  return detail::strict_json(text, file, first_byte, key_places).parse();
}
inline json read_json(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 26) {
  return parse_json(read_file(path, limit), path);
}

/// Text for a file or, with indent -1, for one line. Never throws: in strings, bytes that are not UTF-8 become U+FFFD
/// (bytes_to_json() preserves them); NaN and Inf, which JSON lacks, become null.
inline std::string json_text(const json& value, int indent = 2) { return value.dump(indent, ' ', false, json::error_handler_t::replace) + "\n"; }

/// Bytes as JSON, restored by bytes_from_json(): a string if they are UTF-8, else an object {"hex": "61ff"}. Use it for
/// paths.
inline json bytes_to_json(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string hex;
  for (const char c : bytes)
    for (const int shift : {4, 0}) hex += "0123456789abcdef"[(static_cast<unsigned char>(c) >> shift) & 15];
  return json{{"hex", hex}};
}

namespace detail {

inline std::string shown_json(const json& value) {
  const auto text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= 80 ? shown(text) : shown(text.substr(0, 80)) + "...";
}
template <class T> std::string json_kind() {
  if constexpr (std::same_as<T, bool>)
    return "true or false";
  else if constexpr (std::same_as<T, std::string>)
    return "a string";
  else if constexpr (std::floating_point<T>)
    return std::same_as<T, float> ? "a number that fits a float" : "a number";
  else if constexpr (std::integral<T>)
    return "a whole number from " + std::to_string((std::numeric_limits<T>::min)()) + " to " + std::to_string((std::numeric_limits<T>::max)());
  else
    return "a value";
}
template <class T> bool json_fits(const json& value) {
  if constexpr (std::same_as<T, bool>)
    return value.is_boolean();
  else if constexpr (std::same_as<T, std::string>)
    return value.is_string();
  else if constexpr (std::floating_point<T>)
    return value.is_number() && std::abs(value.get<double>()) <= static_cast<double>((std::numeric_limits<T>::max)());
  else if constexpr (std::integral<T>)
    return value.is_number_unsigned() ? std::in_range<T>(value.get<std::uint64_t>())
                                      : value.is_number_integer() && std::in_range<T>(value.get<std::int64_t>());
  else
    return true;
}

}  // namespace detail

/// A member of an object as T. Throws file_error if it is missing, of another kind, or a number that does not fit T.
///
///   T     bool, an integer, float, double, std::string, or json for any value
///   file  named in errors
template <class T> T json_member(const json& object, std::string_view name, const std::filesystem::path& file) {
  if (!object.is_object()) errors::wrong_member(file, name, "an object that has it", detail::shown_json(object));
  const auto found = object.find(std::string(name));
  if (found == object.end()) errors::wrong_member(file, name, detail::json_kind<T>(), "nothing");
  if (!detail::json_fits<T>(*found)) errors::wrong_member(file, name, detail::json_kind<T>(), detail::shown_json(*found));
  return found->template get<T>();
}

/// Throws if the object has a member that is not in `known`, so that nothing is silently ignored.
inline void refuse_other_members(const json& object, std::initializer_list<std::string_view> known, const std::filesystem::path& file) {
  for (const auto& [name, value] : object.items()) {
    bool is_known = false;
    std::string list;
    for (const auto one : known) {
      is_known = is_known || one == name;
      list += (list.empty() ? "" : ", ") + std::string(one);
    }
    if (!is_known) errors::wrong_member(file, name, "one of " + list, "this");
  }
}

/// The inverse of bytes_to_json().
inline std::string bytes_from_json(const json& value, const std::filesystem::path& file) {
  if (value.is_string()) return value.get<std::string>();
  const auto hex = json_member<std::string>(value, "hex", file);
  refuse_other_members(value, {"hex"}, file);
  std::string bytes;
  if (hex.size() % 2 != 0 || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
    errors::wrong_member(file, "hex", "an even number of digits 0 to 9 and a to f", detail::shown_json(hex));
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return bytes;
}

}  // namespace raptr
