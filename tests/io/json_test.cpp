// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <clocale>
#include <limits>
#include <string>

#include <raptr/io/json.hpp>

#include "scratch_folder.hpp"

using raptr::json;
using raptr::parse_json;

namespace {

std::string refused(std::string_view text) {
  return sentence_of([&] { parse_json(text, "c.json"); });
}

}  // namespace

TEST_CASE("JSON keeps values, order and doubles exactly") {
  const auto value = parse_json(R"( {"b": 1, "a": [true, null, -3, 18446744073709551615, 0.1, "ü\n"], "c": {}} )", "c.json");
  CHECK(value.dump() == "{\"b\":1,\"a\":[true,null,-3,18446744073709551615,0.1,\"ü\\n\"],\"c\":{}}");
  for (const double number : {0.1, 1e-310, 1.7976931348623157e308, 123456789.123456789, -0.0}) {
    const auto again = parse_json(raptr::json_text(json(number), -1), "c.json").get<double>();
    CHECK(std::to_string(again) == std::to_string(number));
    CHECK(again == number);
  }
  CHECK(parse_json("3", "c.json") == 3);
}

TEST_CASE("wrong JSON is refused with file, line, column and byte") {
  CHECK(has(refused("{\"a\": 1,\n  \"b\": x}"), "raptr: c.json, line 2, column 8 (byte 16): "));
  CHECK(has(refused("{\"a\": 1,\n  \"b\": x}"), "invalid literal"));
  CHECK(has(refused(""), "c.json, line 1, column 1 (byte 0): "));
  CHECK(has(refused("{\"a\": 1} x"), "end of input"));
  for (const char* text :
       {"{", "[1,]", "{\"a\":}", "{\"a\" 1}", "01", "+1", ".5", "1.", "NaN", "Infinity", "'a'", "\"a", "\"\t\"", "// c\n1", "[1 2]", "\"\\ud800\""})
    CHECK_MESSAGE(has(refused(text), "c.json, line"), text);
}

TEST_CASE("JSON that other readers let pass is refused") {
  CHECK(has(refused("{\"a\": 1,\n \"a\": 2}"), "line 2, column 4 (byte 12): the key \"a\" a second time"));
  CHECK(has(refused("{\"x\": {\"a\": 1, \"\\u0061\": 2}}"), "the key \"a\" a second time"));
  CHECK_NOTHROW(parse_json("{\"a\": {\"a\": {\"a\": 1}}, \"b\": [{\"a\": 1}, {\"a\": 2}]}", "c.json"));
  CHECK(has(refused(std::string_view("{}\0 rest", 8)), "NUL"));
  CHECK(has(refused(std::string_view("{}\0", 3)), "NUL"));
  CHECK(has(refused("\"\xff\""), "UTF-8"));
  CHECK(has(refused("1e999"), "overflow"));
}

TEST_CASE("nesting is limited, and a hundred thousand levels do no harm") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK_NOTHROW(parse_json(nested(raptr::json_depth_limit), "c.json"));
  CHECK(has(refused(nested(raptr::json_depth_limit + 1)), "line 1, column 65 (byte 64): nesting deeper than 64"));
  CHECK(has(refused(nested(100'000)), "nesting deeper than 64"));
  CHECK(has(refused(std::string(100'000, '[')), "nesting deeper than 64"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK(has(refused(objects), "nesting deeper than 64"));
}

TEST_CASE("a decimal comma of the locale changes nothing") {
  // Not every machine has one of these; the test says so rather than pass in silence.
  const std::string before = std::setlocale(LC_ALL, nullptr);
  const bool comma = std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr || std::setlocale(LC_ALL, "fr_FR.UTF-8") != nullptr;
  if (!comma) MESSAGE("no locale with a decimal comma is installed");
  CHECK(parse_json("123.45", "c.json").get<double>() == 123.45);
  CHECK(raptr::json_text(json(123.45), -1) == "123.45\n");
  if (comma) CHECK(std::string(std::localeconv()->decimal_point) == ",");  // the caller's locale is as it was
  std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("writing never throws: bytes that are not UTF-8 and numbers that are none") {
  CHECK(raptr::json_text(json("a\xff"), -1) == "\"a\xef\xbf\xbd\"\n");
  CHECK(raptr::json_text(json(std::numeric_limits<double>::quiet_NaN()), -1) == "null\n");
}

TEST_CASE("a path is found again whatever its bytes") {
  for (const std::string path : {"plain", "\xc3\xbc \xe6\xbc\xa2", "line\nend \"quoted\" \\", "not utf-8 \xff\xfe", "\xed\xa0\x80", ""}) {
    const auto text = raptr::json_text(raptr::bytes_to_json(path));
    CHECK(raptr::is_utf8(text));
    CHECK(raptr::bytes_from_json(parse_json(text, "c.json"), "c.json") == path);
  }
  CHECK(raptr::bytes_to_json("a\xff").dump() == R"({"hex":"61ff"})");
  for (const char* wrong : {"{\"hex\": \"6\"}", "{\"hex\": \"6G\"}", "{\"hex\": 1}", "{}", "7", "{\"hex\": \"61\", \"x\": 1}"})
    CHECK_MESSAGE(has(sentence_of([&] { raptr::bytes_from_json(parse_json(wrong, "c.json"), "c.json"); }), "c.json, "), wrong);
}

TEST_CASE("a member is read whole or refused with what was expected and what is there") {
  const auto value =
      parse_json(R"({"n": 300, "neg": -1, "big": 18446744073709551615, "huge": 1e39, "x": 0.5, "s": "t", "b": true, "l": [1]})", "c.json");
  CHECK(raptr::json_member<int>(value, "n", "c.json") == 300);
  CHECK(raptr::json_member<std::uint64_t>(value, "big", "c.json") == ~std::uint64_t{0});
  CHECK(raptr::json_member<double>(value, "x", "c.json") == 0.5);
  CHECK(raptr::json_member<float>(value, "n", "c.json") == 300.0f);
  CHECK(raptr::json_member<std::string>(value, "s", "c.json") == "t");
  CHECK(raptr::json_member<bool>(value, "b", "c.json"));
  CHECK(raptr::json_member<json>(value, "l", "c.json").size() == 1);
  const auto said = [&]<class T>(T, std::string_view name) { return sentence_of([&] { raptr::json_member<T>(value, name, "c.json"); }); };
  CHECK(said(std::int8_t{}, "n") == "raptr: c.json, \"n\": expected a whole number from -128 to 127, got 300");
  CHECK(said(std::uint32_t{}, "neg") == "raptr: c.json, \"neg\": expected a whole number from 0 to 4294967295, got -1");
  CHECK(has(said(std::int64_t{}, "big"), "got 18446744073709551615"));
  CHECK(has(said(int{}, "x"), "a whole number"));
  CHECK(has(said(int{}, "s"), "got \"t\""));
  CHECK(has(said(float{}, "huge"), "a number that fits a float, got 1e+39"));
  CHECK(raptr::json_member<double>(value, "huge", "c.json") == 1e39);
  CHECK(has(said(bool{}, "n"), "true or false"));
  CHECK(has(said(double{}, "s"), "a number"));
  CHECK(has(said(std::string{}, "n"), "a string"));
  CHECK(has(said(int{}, "none"), "got nothing"));
  CHECK(has(sentence_of([&] { raptr::json_member<int>(value.at("l"), "n", "c.json"); }), "an object that has it"));
  CHECK_NOTHROW(raptr::refuse_other_members(value, {"n", "neg", "big", "huge", "x", "s", "b", "l"}, "c.json"));
  CHECK(has(sentence_of([&] { raptr::refuse_other_members(value, {"n"}, "c.json"); }), "\"neg\": expected one of n, got this"));
}

TEST_CASE("many keys cost no time that grows with their square") {
  std::string text = "{";
  for (int i = 0; i < 50'000; ++i) text += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":" + std::to_string(i);
  CHECK(parse_json(text + "}", "c.json").size() == 50'000);
}
