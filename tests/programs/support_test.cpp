// SPDX-License-Identifier: Apache-2.0
// The small parts that the programs share.
#include <doctest/doctest.h>

#include "../../examples/compare/differences.hpp"
#include "../../examples/generate/prompt_reading.hpp"
#include "../../examples/generate/sampler.hpp"
#include "../../examples/support/curves.hpp"
#include "../../examples/support/option_list.hpp"
#include "../../examples/support/process.hpp"
#include "../../examples/support/whole_characters.hpp"
#include "../support/scratch_folder.hpp"

namespace {

struct values {
  std::int64_t steps = 10;
  std::optional<std::int64_t> warmup;
  double rate = 0.5;
  std::string kind = "exactly";
  program::path_list text;
  bool plan = false;
};
program::option_list options_of(values& v) {
  program::option_list o;
  o.add("a", "steps", "N", &v.steps, "").range(1, 100);
  o.add("a", "warmup", "N", &v.warmup, "").range(0, 100);
  o.add("a", "rate", "X", &v.rate, "").range(0, 1);
  o.add("a", "kind", "NAME", &v.kind, "").one_of({"exactly", "bernoulli"});
  o.add("a", "text", "FILE ...", &v.text, "");
  o.add("", "plan", "", &v.plan, "");
  return o;
}
std::string read(std::vector<const char*> words) {
  values v;
  words.insert(words.begin(), "program");
  return sentence_of<raptr::input_error>([&] { options_of(v).read(int(words.size()), words.data()); });
}

}  // namespace

TEST_CASE("options are read whole and in range, lists take several words") {
  values v;
  program::option_list o = options_of(v);
  const char* words[] = {"program", "--steps", "7", "--text", "a", "./-b", "--plan", "--rate=1e-3", "--text=--c", "--warmup", "0"};
  o.read(int(std::size(words)), words);
  CHECK(v.steps == 7);
  CHECK(v.rate == 1e-3);
  CHECK(v.plan);
  CHECK(v.warmup == 0);
  CHECK(v.text == program::path_list{"a", "./-b", "--c"});
  CHECK(o.given("steps"));
  CHECK_FALSE(o.given("kind"));
}

TEST_CASE("a wrong option is answered with the nearest name, a wrong value with what is allowed") {
  CHECK(has(read({"--step", "3"}), "--steps"));
  CHECK(has(read({"-steps", "3"}), "--steps"));
  CHECK(has(read({"--text", "a", "-steps", "3"}), "unknown option -steps: the nearest is --steps"));
  CHECK(has(read({"--text", "a", "b", "-s", "3"}), "unknown option -s: the nearest is --steps"));
  CHECK(has(read({"--text", "-rate", "3"}), "--text is without a value"));
  CHECK(has(read({"--text", "-"}), "--text is without a value"));
  CHECK(has(read({"--ra", "3"}), "--rate"));
  CHECK(has(read({"--kind", "exact"}), "the nearest is exactly"));
  for (const char* number : {"3x", "3.5", "1e1", "+3", " 3", "3 ", "", "0", "101", "-3", "0x3", "99999999999999999999"}) {
    CAPTURE(number);
    CHECK(has(read({"--steps", number}), "a whole number from 1 to 100"));
  }
  for (const char* number : {"nan", "inf", "-0.1", "1.1", "0,5", "1e", "0.5f"}) {
    CAPTURE(number);
    CHECK(has(read({"--rate", number}), "a number from 0 to 1"));
  }
  CHECK(has(read({"--steps"}), "without a value"));
  CHECK(has(read({"--steps", "3", "--steps", "3"}), "twice"));
  CHECK(has(read({"--plan=yes"}), "without a value"));
  CHECK(has(read({"stray"}), "belongs to no option"));
  CHECK(has(read({"--"}), "belongs to no option"));
}

TEST_CASE("options survive JSON, odd file names included") {
  values v, w;
  program::option_list from = options_of(v), to = options_of(w);
  v = {.steps = 3, .warmup = 4, .rate = 0.1, .kind = "bernoulli", .text = {"a b", "\xff\n", "\xc3\xbc"}, .plan = false};
  raptr::json object;
  for (const program::option& o : from.all())
    if (!o.topic.empty()) object[std::string(o.name)] = program::option_list::json_of(o);
  to.read(raptr::parse_json(raptr::json_text(object), "memory"), "memory");
  CHECK(w.steps == 3);
  CHECK(w.warmup == 4);
  CHECK(w.rate == 0.1);
  CHECK(w.kind == "bernoulli");
  CHECK(w.text == v.text);
  CHECK(has(sentence_of<raptr::input_error>([&] { to.read({{"plan", true}}, "memory"); }), "not an option that a file can set"));
}

TEST_CASE("an error is one line whatever is in it") { CHECK(program::one_line("a\n  b\tc  c \r\nd\x1b") == "a b c  c d"); }

TEST_CASE("a word for the shell comes back from the shell") {
  for (const std::string text : {"plain/name-1.txt", "a b", "it's", "$x`y`", "line\nend's \\ \x01"}) {
    CAPTURE(text);
    scratch_folder scratch;
    const std::string command = "bash -c 'eval \"printf %s $(cat)\"' < " + (scratch / "word").native() + " > " + (scratch / "back").native();
    raptr::write_file(scratch / "word", program::shell_word(text));
    REQUIRE(std::system(command.c_str()) == 0);
    CHECK(raptr::read_file(scratch / "back") == text);
  }
}

TEST_CASE("a sampler draws with the probabilities of the logits, and only from what top-k and top-p leave") {
  const float logits[] = {std::log(0.5f), std::log(0.1f), std::log(0.4f)};
  const auto share = [&](const program::sampler& draw, int id) {
    int n = 0;
    for (int i = 0; i < 4000; ++i) n += draw(logits, i) == id;
    return n / 4000.0;
  };
  CHECK(share({1, 0, 1, 1}, 0) == doctest::Approx(0.5).epsilon(0.06));  // 3.5 standard deviations are 0.028
  CHECK(share({1, 0, 1, 1}, 1) == doctest::Approx(0.1).epsilon(0.17));
  CHECK(share({1, 2, 1, 1}, 1) == 0);
  CHECK(share({1, 2, 1, 1}, 2) == doctest::Approx(0.4 / 0.9).epsilon(0.07));
  CHECK(share({1, 0, 0.6, 1}, 1) == 0);
  CHECK(share({1, 0, 0.45, 1}, 0) == 1);
  CHECK(share({0, 0, 1, 1}, 0) == 1);
  CHECK(share({1, 1, 1, 1}, 0) == 1);
  CHECK(share({100, 0, 1, 1}, 1) == doctest::Approx(1 / 3.0).epsilon(0.09));
}

TEST_CASE("curves are drawn of any run, also of none, of one step and of a flat one") {
  for (const int steps : {0, 1, 2, 1000}) {
    program::run_curve run{"a<b", {}};
    for (int k = 0; k < steps; ++k)
      run.steps.push_back(
          {.step = k + 1, .stage = 1 + k / 600, .active_blocks = 2 + k / 600, .loss = 3.0, .validation_loss = {}, .total_flops = 1e9});
    const std::string svg = program::curves_svg("t", {run, run});
    CHECK(svg.starts_with("<svg"));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK_FALSE(has(svg, "nan"));
    CHECK_FALSE(has(svg, "inf"));
    CHECK_FALSE(has(svg, "a<b"));
    CHECK(svg.size() < 40'000);
  }
}

TEST_CASE("a ~ at the beginning of the name of a file is the home folder, wherever the name comes from") {
  ::setenv("HOME", "/home/me", 1);
  values v;
  program::option_list o = options_of(v);
  const char* words[] = {"program", "--text", "~/a", "~", "~/b/~", "~other/c", "a~", "./~/d", "--text=~/e"};
  o.read(int(std::size(words)), words);
  CHECK(v.text == program::path_list{"/home/me/a", "/home/me", "/home/me/b/~", "~other/c", "a~", "./~/d", "/home/me/e"});
  o.set("text", raptr::json::array({"~/f", "g"}));
  CHECK(v.text == program::path_list{"/home/me/f", "g"});
  ::unsetenv("HOME");
  CHECK(has(sentence_of<raptr::input_error>([&] { o.set("text", "~/f"); }), "the variable HOME is not set"));
}

TEST_CASE("bytes become whole characters, wherever they are cut") {
  const std::string text = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\xa6\x96\xed\x9f\xbf\xf4\x8f\xbf\xbfz\xe0\xa0\x80";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    program::whole_characters out;
    std::string all;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      const std::string now = out.add(std::string_view(text).substr(at, piece));
      CHECK(raptr::is_utf8(now));
      all += now;
    }
    CHECK(all == text);
    CHECK(out.waiting().empty());
  }
  const auto one = [](std::string_view bytes) {
    program::whole_characters out;
    return out.add(bytes) + "|" + out.waiting();
  };
  const std::string bad = "\xef\xbf\xbd";
  CHECK(one("") == "|");
  CHECK(one("a\xf0\x9f\xa6") == "a|\xf0\x9f\xa6");        // cut
  CHECK(one("\xf0\x9f\xa6z") == bad + bad + bad + "z|");  // never ends
  CHECK(one("\x80\xff"
            "a\xc0\xaf") == bad + bad + "a" + bad + bad + "|");
  CHECK(one("\xed\xa0") == bad + bad + "|");  // half of a surrogate
  CHECK(one("\xf4\x90") == bad + bad + "|");  // above U+10FFFF
  CHECK(one("\xe0") == "|\xe0");
}

TEST_CASE("a prompt is read as the model was trained: both ways behind its marks after prefixes, forward otherwise") {
  const raptr::vocabulary ids{.size = 20, .end_of_text = 0, .nlu = 17, .nlg = 18, .s2s = 19}, plain{.size = 20, .end_of_text = 0};
  const auto reading = [&](const char* objective, const char* mixture, const char* mode, const raptr::vocabulary& of) {
    raptr::json own = {{"objective", objective}};
    if (mixture) own["objective_settings"] = mixture;
    return program::learnt_objective("checkpoint", own).reading(mode, of);
  };
  const std::vector<int> none{}, s2s{19}, nlu{17}, begin_and_s2s{5, 19};
  CHECK_FALSE(program::learnt_objective("checkpoint", {}).reading("automatic", ids).both_ways);
  CHECK_FALSE(reading("causal_lm", nullptr, "automatic", ids).both_ways);
  CHECK_FALSE(reading("ul2", "causal 0.5, spans(3, 0.15) 0.5", "automatic", ids).both_ways);
  CHECK(reading("prefix_lm", nullptr, "automatic", plain).both_ways);
  CHECK(reading("ul2", "causal 0.5, prefix 0.5", "automatic", ids).both_ways);
  CHECK(reading("ul2", "causal 0.5, prefix 0.5", "automatic", ids).marks == none);
  CHECK(reading("ul2", "causal 0.5, prefix(mode, begin 5) 0.5", "automatic", ids).marks == begin_and_s2s);
  CHECK(reading("ul2", "causal 0.5, prefix(mode) 0.5", "none", ids).marks == none);
  CHECK(reading("ul2", "causal 0.5, prefix(mode) 0.5", "nlu", ids).marks == nlu);
  CHECK(reading("ul2", nullptr, "automatic", ids).marks == s2s);  // of an earlier version
  CHECK(reading("ul2", nullptr, "automatic", plain).marks == none);

  const auto refusal = [&](auto... arguments) { return sentence_of<raptr::input_error>([&] { (void)reading(arguments...); }); };
  CHECK(has(refusal("ul2", "spans(3, 0.15) 1", "automatic", ids), "the objective ul2:spans(3, 0.15) 1, which fills gaps and cannot continue a text"));
  CHECK(has(refusal("span_corruption", nullptr, "automatic", ids), "which fills gaps and cannot continue a text"));
  CHECK(has(refusal("ul2", "prefix 1", "s2s", plain), "--mode is s2s, but the tokenizer has no such mode token"));
  CHECK(has(refusal("causal_lm", nullptr, "s2s", ids), "--mode is s2s, but the objective of the model is causal_lm, which has no mode tokens"));

  const std::vector<std::int32_t> text{1, 2, 3, 4, 5};  // a prompt of three
  const program::prompt_reading forward{}, both{true, {19}};
  CHECK(forward.batch_of(text, 3, 8).segments[0].prefix == 0);
  const raptr::batch all = both.batch_of(text, 3, 8), last = both.batch_of(text, 3, 4), gone = both.batch_of(text, 3, 3);
  CHECK(all.ids == std::vector<int>{19, 1, 2, 3, 4, 5});
  CHECK(all.segments[0].prefix == 4);
  CHECK(all.targets[0].row == 5);
  CHECK(last.ids == std::vector<int>{19, 3, 4, 5});
  CHECK(last.segments[0].prefix == 2);
  CHECK(gone.ids == std::vector<int>{19, 4, 5});
  CHECK(gone.segments[0].prefix == 1);
}

TEST_CASE("a comparison names what differs between two runs, by what either recorded") {
  const raptr::json one = {{"objective", "ul2"}, {"validation-windows", 256}, {"context", 16}, {"batch", 2}, {"accumulate", 1}};
  const auto said = [&](raptr::json other, std::int64_t parameters = 100) {
    return program::differences("b", program::facts_of(other, {}, parameters), "a", program::facts_of(one, {}, 100));
  };
  const auto with = [&](const char* name, const raptr::json& value) {
    raptr::json other = one;
    other[name] = value;
    return other;
  };
  CHECK(said(one).empty());
  CHECK(said(with("objective", "ul2:decoder")).empty());  // the same mixture
  CHECK(said(with("schedule", "6-12")).empty());
  CHECK(has(said(with("objective", "causal_lm")), "b differs from a in objective, causal_lm instead of ul2: their losses are not comparable.\n"));
  CHECK(has(said(with("objective", "ul2:prefix")), "b differs from a in options of the objective, prefix 1 instead of causal 0.6, prefix 0.2"));
  CHECK(has(said(with("validation-windows", 8)), "b differs from a in validation windows, 8 instead of 256: their losses are not comparable.\n"));
  CHECK(has(said(with("context", 32)), "b differs from a in context, 32 instead of 16: their losses are not comparable.\n"));
  CHECK(has(said(with("accumulate", 4)), "b differs from a in tokens per step, 128 instead of 32: equal steps are not equal tokens.\n"));
  CHECK(program::differences("b", program::facts_of(one, {{"from", "abcd"}}, 100), "a", program::facts_of(one, {}, 100)) ==
        "b differs from a in initial weights, those of --from (abcd) instead of random ones: they start elsewhere.\n");
  CHECK(has(said(one, 101), "b differs from a in parameters, 101 instead of 100"));
  const raptr::json of_program = {
      {"objective", "ul2"}, {"objective_settings", raptr::ul2{}.settings()}, {"context", 16}, {"batch", 2}, {"accumulate", 1}};
  CHECK(said(of_program).empty());
}
