// SPDX-License-Identifier: Apache-2.0
// A program that has set a language with a decimal comma: everything the library writes for people or reads has a point.
#include <doctest/doctest.h>

#include <clocale>
#include <cstdlib>
#include <locale>
#include <string>

#include <raptr/data/error.hpp>
#include <raptr/io/json.hpp>
#include <raptr/nn/error.hpp>
#include <raptr/schedule/any_schedule.hpp>
#include <raptr/train/report.hpp>

#include "scratch_folder.hpp"

using namespace raptr;

namespace {

struct comma : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

/// Sets a decimal comma for C and for C++, and what was there when it ends. A machine without such a language makes one.
class comma_language {
 public:
  comma_language() : before_(std::setlocale(LC_ALL, nullptr)), streams_(std::locale::global(std::locale(std::locale(), new comma))) {
    const auto known = [] { return std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr; };
    if (!known()) {
      const std::string make = "localedef -i de_DE -f UTF-8 '" + (folder_ / "de_DE.UTF-8").native() + "' >/dev/null 2>&1";
      if (std::system(make.c_str()) == 0) ::setenv("LOCPATH", folder_.path().c_str(), 1), (void)known();
    }
  }
  ~comma_language() {
    ::unsetenv("LOCPATH");
    std::locale::global(streams_);
    std::setlocale(LC_ALL, before_.c_str());
  }
  comma_language(const comma_language&) = delete;
  comma_language& operator=(const comma_language&) = delete;
  /// Of printf and strtod too.
  bool complete() const { return std::string(std::localeconv()->decimal_point) == ","; }

 private:
  scratch_folder folder_;
  std::string before_;
  std::locale streams_;
};

}  // namespace

TEST_CASE("a language with a decimal comma changes neither what is written nor what is read") {
  step_report report;
  report.step = 1234, report.total = 5678, report.last = 5677;
  report.loss = 123.45, report.learning_rate = 0.00125, report.gradient_norm = 1.5, report.seconds = 0.5, report.tokens = 4321, report.targets = 4321;
  report.validation_loss = 2.25;
  const auto everything = [&] {
    std::string all = report.line() + "\n";
    for (const char* schedule : {"pld:0.5", "2-0.5-full", "full for 1/4 then ramp:0.25-full", "profile:1:0.75", "layers(completep:0.5) 1/2-full"})
      all += any_schedule(schedule).text() + "\n";
    all += sentence_of<input_error>([] { any_schedule("2-0,5-full"); }) + "\n";
    all += sentence_of<input_error>([] { errors::normaliser_is_not_positive(-0.5); }) + "\n";
    all += sentence_of<input_error>([] { errors::mask_rate_is_out_of_range(1.5); }) + "\n";
    all += sentence_of<input_error>([] { errors::wrong_hold_out(1.25, 10'000); }) + "\n";
    all += json_text(parse_json(R"({"rate": 0.001, "loss": 123.45, "count": 1234567})", "c.json"), -1);
    return all;
  };
  const std::string with_points = everything();
  CHECK(has(with_points, "loss 123.4500, rate 1.25e-03, norm 1.500, 8642 tokens/s, validation loss 2.2500"));
  CHECK(has(with_points, "is -0.5: give"));
  CHECK(has(with_points, "\"loss\":123.45"));
  const comma_language german;
  if (!german.complete()) MESSAGE("no language with a decimal comma is installed, and localedef makes none: streams alone were tried");
  CHECK(everything() == with_points);
}

TEST_CASE("numbers in sentences are as short as they can be, and read back") {
  CHECK(decimal_text(0.001) == "0.001");
  CHECK(decimal_text(-1) == "-1");
  CHECK(decimal_text(1e-9) == "0.000000001");
  CHECK(decimal_text(1e20) == "1e+20");
  CHECK(decimal_text(0) == "0");
  CHECK(decimal_text(123.456, std::chars_format::fixed, 1) == "123.5");
  CHECK(decimal_text(1.7976931348623157e308, std::chars_format::fixed, 0).size() == 309);
}
