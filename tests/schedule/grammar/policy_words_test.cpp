// SPDX-License-Identifier: Apache-2.0
// The grammar in the header and in the documentation, and the sentence about an unknown word, name the policies of the library's list.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include <raptr/schedule/any_schedule.hpp>

using namespace raptr;

namespace {

std::string contents(const std::string& path) {
  std::ifstream file(std::string(RAPTR_TESTS_DIR) + "/../" + path);
  REQUIRE(file);
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}
/// The words in quotation marks of the rule `policy = ... ;`, with a blank after each.
std::string policies_of_grammar(const std::string& path) {
  const std::string text = contents(path);
  const std::size_t begin = text.find("policy   = "), end = text.find(" ;\n", begin);
  REQUIRE(end != text.npos);
  std::string words;
  for (std::size_t quote = text.find('"', begin); quote < end; quote = text.find('"', quote + 1)) {
    const std::size_t close = text.find('"', quote + 1);
    if (text[quote + 1] != ':') words += text.substr(quote + 1, close - quote - 1) + " ";  // ":" stands between numbers
    quote = close;
  }
  return words;
}

}  // namespace

TEST_CASE("the grammar lists every policy of the library and no other") {
  const std::string all =
      listed(library_selectors::names, " ") + " fixed: " + listed(library_profiles::names, " ") + " " + listed(library_scales::names, " ") + " once ";
  CHECK(policies_of_grammar("include/raptr/schedule/grammar/schedule_text.hpp") == all);
  CHECK(policies_of_grammar("docs/schedules.md") == all);
}

TEST_CASE("every policy of the library is described") {
  const std::string pages = contents("docs/schedules.md") + contents("docs/strategies.md");
  const auto described = [&](auto list) {
    for (const std::string_view name : list.names) {
      CAPTURE(name);
      CHECK(pages.find("`" + std::string(name)) != pages.npos);
    }
  };
  described(library_selectors{}), described(library_profiles{}), described(library_scales{});
}

TEST_CASE("an unknown policy is answered with all of them") {
  CHECK_THROWS_WITH_AS(any_schedule("layers(coin) 6-12"),
                       "raptr: schedule \"layers(coin) 6-12\": unknown word \"coin\" at position 8: allowed are exactly, bernoulli, first, fixed:, "
                       "linear, linear_from_first, unscaled, sqrt_gap, sqrt_inverse, inverse, inverse_per_branch, completep, once",
                       input_error);
}

TEST_CASE("a schedule as a type and the schedule of its text have equal rules") {
  const auto equal = [](const auto& schedule) {
    const any_schedule read(text_of(schedule));
    const run_position now = position_at(read, 0, 4, {});
    for (const drop_rule& rule : schedule.at(now)) {
      const drop_rule* const again = read.at(now).find(rule.axis);
      REQUIRE(again);
      CHECK(rule.same_policies(*again));
    }
  };
  equal(constant<layer_drop<keep<6>, bernoulli<both_ends>, sqrt_gap>>{});
  equal(constant<layer_drop<keep<6>, linear_from_first, inverse>, head_drop<keep<1, 2>, inverse, linear_in_depth, once>>{});
  equal(constant<sublayer_drop<keep<12>, completep<1, 2>>, width_slice<keep<1, 2>>, sequence_drop<keep<4>, bernoulli<>>>{});
}
