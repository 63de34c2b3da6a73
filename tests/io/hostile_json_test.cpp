// SPDX-License-Identifier: Apache-2.0
// JSON and manifests that a careless or ill-meaning hand made: what each is answered with.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include <raptr/io/manifest.hpp>

#include "scratch_folder.hpp"

namespace {

std::string refused(std::string_view text) {
  return sentence_of([&] { raptr::parse_json(text, "c.json"); });
}
/// What is said of a manifest with these lines and the right sum.
std::string manifest_refused(std::string body) {
  body =
      "{\n  \"format\": \"raptr checkpoint manifest\",\n  \"version\": 1,\n  \"checksum\": \"crc32c\",\n  \"block_bytes\": 1048576,\n" + body + ",\n";
  const auto sum = raptr::crc_text(raptr::crc32c(raptr::bytes_of(body)));
  body.append(raptr::detail::manifest_sum_key).append(sum).append(raptr::detail::manifest_end);
  return sentence_of([&] { raptr::parse_manifest(body, "run/manifest.json"); });
}

}  // namespace

TEST_CASE("a NUL byte is told as one, with its place, wherever it stands") {
  CHECK(refused(std::string_view("{}\0", 3)) == "raptr: c.json, line 1, column 3 (byte 2): a NUL byte");
  CHECK(refused(std::string_view("\0", 1)) == "raptr: c.json, line 1, column 1 (byte 0): a NUL byte");
  CHECK(refused(std::string_view("{\"a\0b\": 1}", 10)) == "raptr: c.json, line 1, column 4 (byte 3): a NUL byte");
  CHECK(refused(std::string_view("[1,\n\0]", 6)) == "raptr: c.json, line 2, column 1 (byte 4): a NUL byte");
  CHECK(refused(std::string_view("[1,,\0]", 6)) != "raptr: c.json, line 1, column 5 (byte 4): a NUL byte");  // the comma comes first
}

TEST_CASE("a manifest whose sum is right is still read with care") {
  const std::string name = "\"name\": \"a\"", bytes = "\"bytes\": 5", blocks = "\"blocks\": [\"00000000\"]";
  const auto file = [&](const std::string& members) { return "  \"files\": [{" + members + "}]"; };
  CHECK(manifest_refused(file(name + "," + bytes + "," + blocks)) == "nothing was thrown");
  CHECK(manifest_refused("  \"files\": []") == "nothing was thrown");
  CHECK(manifest_refused("  \"files\": null") == "raptr: run/manifest.json, \"files\": expected a list, got null");
  CHECK(manifest_refused("  \"files\": {}") == "raptr: run/manifest.json, \"files\": expected a list, got {}");
  CHECK(has(manifest_refused("  \"files\": [3]"), "\"name\": expected an object that has it, got 3"));
  CHECK(
      has(manifest_refused(file(name + "," + bytes + ",\"blocks\":{\"a\":\"00000000\"}")), "\"blocks\": expected a list, got {\"a\":\"00000000\"}"));
  CHECK(has(manifest_refused(file(name + "," + bytes + ",\"blocks\":[\"0\"]")),
            "\"blocks\": expected sums of eight digits 0 to 9 and a to f, got \"0\""));
  CHECK(has(manifest_refused(file(name + "," + bytes + ",\"blocks\":[]")), "\"blocks\": expected 1 sums for the 5 bytes of a, got 0"));
  CHECK(has(manifest_refused(file(name + ",\"bytes\":18446744073709551615," + blocks)), "expected 17592186044416 sums"));
  CHECK(has(manifest_refused(file(name + ",\"bytes\":-1," + blocks)), "\"bytes\": expected a whole number from 0"));
  CHECK(has(manifest_refused(file(name + "," + bytes + "," + blocks + ",\"mode\":1")), "\"mode\": expected one of name, bytes, blocks, got this"));
  CHECK(has(manifest_refused("  \"files\": [],\n  \"more\": 1"), "\"more\": expected one of format"));
  for (const std::string wrong : {"", ".", "..", "a/b", "manifest.json", "a\\u0000b"})
    CHECK_MESSAGE(has(manifest_refused(file("\"name\": \"" + wrong + "\"," + bytes + "," + blocks)), "is not a valid file name in a checkpoint"),
                  wrong);
}

TEST_CASE("what begins like a control character and ends there is shown, and nothing behind it is read") {
  const std::string bytes{'a', '\xc2'};
  const std::vector<char> alone(bytes.begin(), bytes.end());  // without the NUL byte that a string has behind it
  CHECK(raptr::shown(std::string_view(alone.data(), alone.size())) == "a\\xc2");
  CHECK(raptr::shown(std::string("\xc2\x85\xc2\xa0")) == "\\xc2\\x85\xc2\xa0");
}
