// SPDX-License-Identifier: Apache-2.0
// The log of a run, and the numbers and tables that people read.
#include <doctest/doctest.h>

#include <raptr/base/number_text.hpp>
#include <raptr/base/text_table.hpp>
#include <raptr/run/metrics.hpp>

#include "../support/scratch_folder.hpp"

TEST_CASE("numbers for people") {
  CHECK(raptr::count_text(0) == "0");
  CHECK(raptr::count_text(-1234567) == "-1,234,567");
  CHECK(raptr::count_text(999) == "999");
  CHECK(raptr::scaled_text(1.234e13) == "12.3 T");
  CHECK(raptr::scaled_text(999.6) == "1.00 k");
  CHECK(raptr::tick_text(5e12, 1.6e13) == "5 T");
  CHECK(raptr::tick_text(1000, 5000) == "1000");
  CHECK(raptr::tick_text(0, 1e9) == "0");
  CHECK(raptr::bytes_text(1536) == "1.5 KiB");
  CHECK(raptr::duration_text(3.21) == "3.2 s");
  CHECK(raptr::duration_text(0.9996) == "1.0 s");
  CHECK(raptr::duration_text(0.134) == "134 ms");
  CHECK(raptr::duration_text(0.0012) == "1.2 ms");
  CHECK(raptr::duration_text(3599.7) == "1 h 0 min");
  CHECK(raptr::duration_text(NAN) == "-");
}

TEST_CASE("a table lines up") {
  raptr::text_table table({"run", "x"});
  table.add({"a", "100"});
  CHECK(table.plain() == "run    x\na    100\n");
  CHECK(table.markdown() == "| run |   x |\n| --- | --: |\n| a   | 100 |\n");
}

TEST_CASE("the losses of denoisers are members of a line, null where there is no target, and curves of the event file") {
  raptr::step_report r;
  r.loss = 2, r.targets = 3, r.losses = {{"causal", 3, 2}, {"prefix", 0, 0}};
  r.validation_loss = 1.5, r.validation_losses = {{"causal", 1, 1}, {"prefix", 1, NAN}};
  CHECK(has(raptr::metrics_line(r), R"("losses":{"causal":2.0,"prefix":null},)"));
  CHECK(has(raptr::metrics_line(r), R"("validation_loss":1.5,"validation_losses":{"causal":1.0,"prefix":null}})"));
  CHECK(has(r.line(), "loss 2.0000 (causal 2.0000, prefix -), rate"));
  CHECK(has(r.line(), ", validation loss 1.5000 (causal 1.0000, prefix -)"));
  r.nonfinite = "gradient";
  CHECK(has(raptr::metrics_line(r), R"("losses":{"causal":null,"prefix":null},)"));
  CHECK_FALSE(has(raptr::metrics_line({}), "losses"));
}

TEST_CASE("metrics are read back, and a line that was being written is left out") {
  scratch_folder scratch;
  raptr::step_report r;
  r.loss = 0.1, r.targets = 3, r.tokens = 4, r.total_flops = 1e10, r.validation_loss = 2.5;
  std::string text = raptr::metrics_line(r);
  r.step = 1, r.nonfinite = "loss", r.loss = NAN, r.gradient_norm = INFINITY, r.validation_loss = NAN;
  text += raptr::metrics_line(r);
  CHECK_FALSE(has(text, "nan"));
  CHECK(has(text, R"("skipped":"loss is not finite")"));
  raptr::write_file(scratch / "m", text + "{\"step\":3,");
  const auto read_back = raptr::read_metrics(scratch / "m");
  REQUIRE(read_back.steps.size() == 2);
  CHECK(read_back.ends[1] == text.size());
  CHECK(read_back.steps[0].loss == 0.1);
  CHECK_FALSE(read_back.steps[1].loss);
  const auto sums = raptr::sums_of(read_back.steps);
  CHECK(sums.tokens == 8);
  CHECK(sums.skipped == 1);
  CHECK(sums.total_flops == 2e10);
  CHECK(sums.loss == 0.1);
  CHECK(sums.validation_loss == 2.5);
  raptr::write_file(scratch / "m", text + text);
  CHECK(has(sentence_of([&] { raptr::read_metrics(scratch / "m"); }), "expected step 3, got step 1"));
}
