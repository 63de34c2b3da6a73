// SPDX-License-Identifier: Apache-2.0
// What prefix_lm, span_corruption and their mixture show and ask for, against the worked examples and tables of T5 and T5X, and the laws
// of their draws.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include <raptr/data/windows.hpp>
#include <raptr/nn/objective.hpp>
#include <raptr/nn/objectives/ul2_text.hpp>

#include "scratch_folder.hpp"
#include "token_list.hpp"

using namespace raptr;

namespace {
static_assert(objective<prefix_lm> && objective<span_corruption> && objective<ul2>);

// V = 100 with sentinels 99, 98, ...; EOS = 1; modes 5, 6, 7.
constexpr vocabulary marked{.size = 100, .end_of_text = 1, .first_sentinel = 99, .last_sentinel = 80, .nlu = 5, .nlg = 6, .s2s = 7};
// 200 sentinels are enough for every table.
constexpr vocabulary large{.size = 2000, .end_of_text = 1, .first_sentinel = 1999, .last_sentinel = 1800, .nlu = 5, .nlg = 6, .s2s = 7};

std::vector<std::int32_t> counted_from(int first, int n) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < n; ++i) ids.push_back(first + i);
  return ids;
}
template <class Objective> batch made(const Objective& objective, const std::vector<std::int32_t>& tokens, std::int64_t sample,
                                      const vocabulary& ids = marked, std::uint64_t seed = 1) {
  batch b;
  objective.add(b, tokens, ids, seed, sample);
  return b;
}
/// "1110": which rows of a segment a row sees, by the indices of attention.
std::string seen_by(const batch& b, int row) {
  const group_rows at{b.segments[0], {1, 1, 1}, 0};
  std::string seen;
  for (int k = 0; k < b.segments[0].length; ++k) seen += k < at.seen(row) ? '1' : '0';
  return seen;
}
std::vector<int> target_rows(const batch& b) {
  std::vector<int> rows;
  for (const target& t : b.targets) rows.push_back(t.row);
  return rows;
}
/// The first sample whose batch is as wanted.
template <class Objective, class Wanted> batch found(const Objective& objective, const std::vector<std::int32_t>& tokens, const Wanted& wanted) {
  for (std::int64_t sample = 0; sample < 10'000; ++sample)
    if (batch b = made(objective, tokens, sample); wanted(b)) return b;
  FAIL("no sample is as wanted");
  return {};
}
/// Within 4.5 deviations of its expectation, for each of counts.
void check_uniform(const std::map<std::vector<int>, int>& counts, std::size_t kinds, double draws) {
  REQUIRE(counts.size() == kinds);
  double squares = 0;
  for (const auto& [what, n] : counts) squares += std::pow(n - draws / double(kinds), 2) / (draws / double(kinds));
  const double freedom = double(kinds) - 1;
  CHECK(squares < freedom + 4.5 * std::sqrt(2 * freedom));
}
}  // namespace

TEST_CASE("Noise is rounded in double with ties to even, and never all or none of a window") {
  CHECK(span_counts::of(10, 0.25, 3).noise == 2);
  CHECK(span_counts::of(30, 0.15, 3).noise == 4);
  CHECK(span_counts::of(190, 0.15, 3).noise == 28);
  CHECK(span_counts::of(1, 0.15, 3).tokens == 2);
  CHECK(span_counts::of(2, 0.01, 3).noise == 1);
  CHECK(span_counts::of(4, 0.99, 3).noise == 3);
  CHECK(span_counts::of(10, 0.8, 1).spans == 2);  // as many as tokens stay
  CHECK(span_counts::of(185, 0.15, 64).spans == 1);
  CHECK(span_counts::of(12, 0.25, 1.5).spans == 2);
}

TEST_CASE("The longest windows that fill the inputs of T5 are those of its tables") {
  for (const auto& [rows, density, mean, n, noise, spans, targets] : {std::tuple{512, .15, 3., 568, 85, 28, 114},
                                                                      {512, .15, 8., 588, 88, 11, 100},
                                                                      {512, .5, 3., 766, 383, 128, 512},
                                                                      {512, .5, 8., 908, 454, 57, 512},
                                                                      {512, .15, 64., 600, 90, 1, 92},
                                                                      {512, .5, 64., 1006, 503, 8, 512},
                                                                      {512, .15, 32., 598, 90, 3, 94},
                                                                      {512, .5, 32., 990, 495, 15, 511},  // T5 plans 512 targets and pads one
                                                                      {128, .15, 3., 141, 21, 7, 29},
                                                                      {128, .5, 32., 246, 123, 4, 128},
                                                                      {64, .2, 2., 70, 14, 7, 22},
                                                                      {64, .2, 1., 63, 13, 13, 27}}) {
    const span_counts c = span_counts::filling_encoder(rows, density, mean);
    CHECK(std::tuple(c.tokens, c.noise, c.spans, c.targets()) == std::tuple(n, noise, spans, targets));
    CHECK(c.inputs() <= rows);
  }
  for (int rows = 4; rows <= 185; ++rows) CHECK(span_counts::filling_encoder(rows, .15, 64).inputs() <= rows);  // T5 trims one here
  CHECK(span_counts::filling_encoder(402, .5, 3).spans == 100);
  CHECK(span_counts::filling_encoder(404, .5, 3).spans == 101);
}

TEST_CASE("The longest windows that fill a decoder are those of the table, a mode token and a first row without a token counted") {
  for (const auto& [rows, density, mean, n, noise, spans] : {std::tuple{512, .15, 3., 463, 69, 23},
                                                             {512, .5, 32., 493, 246, 8},
                                                             {256, .15, 3., 230, 34, 11},
                                                             {256, .5, 32., 245, 122, 4},
                                                             {128, .15, 3., 113, 17, 6},
                                                             {128, .5, 32., 121, 60, 2}}) {
    const span_corruption objective{mean, density, true, 0};
    CHECK(objective.window(rows, large) == n);
    const batch b = made(objective, counted_from(100, n), 3, large);
    CHECK(std::ssize(b.ids) == n + 2 * spans + 3);
    CHECK(std::ssize(b.ids) <= rows);
    CHECK(std::ssize(b.ids) >= rows - 2);
    CHECK(std::ssize(b.targets) == noise + spans + 1);
    CHECK(std::ssize(b.ids) == objective.rows_for(n));
    CHECK(objective.rows_for(n + 1) > rows);
  }
}

TEST_CASE("The worked example of span corruption, with and without a first row that reads no token") {
  const auto tokens = counted_from(10, 12);
  const std::vector<int> inputs{10, 11, 12, 13, 99, 15, 16, 17, 18, 19, 98, 1}, targets{99, 14, 98, 20, 21, 1};
  const auto is_example = [&](const batch& b) { return std::search(b.ids.begin(), b.ids.end(), inputs.begin(), inputs.end()) != b.ids.end(); };
  const batch b = found(span_corruption{1.5, .25}, tokens, is_example);
  std::vector<int> sequence = inputs;
  sequence.insert(sequence.end(), targets.begin(), targets.end());
  CHECK(b.ids == std::vector<int>(sequence.begin(), sequence.end() - 1));
  CHECK(b.segments[0].length == 17);
  CHECK(b.segments[0].prefix == 12);
  REQUIRE(b.targets.size() == 6);
  for (int k = 0; k < 6; ++k) {
    CHECK(b.targets[std::size_t(k)].row == 11 + k);
    CHECK(b.targets[std::size_t(k)].id == targets[std::size_t(k)]);
    CHECK(b.targets[std::size_t(k)].weight == 1);
  }

  const batch t5x = found(span_corruption{1.5, .25, false, 0}, tokens, is_example);
  sequence.insert(sequence.begin(), 0);
  CHECK(t5x.ids == std::vector<int>(sequence.begin(), sequence.end() - 1));
  CHECK(t5x.segments[0].length == 18);
  CHECK(t5x.segments[0].prefix == 13);
  CHECK(target_rows(t5x) == std::vector<int>{12, 13, 14, 15, 16, 17});
  CHECK(t5x.ids[12] == 1);
  CHECK(t5x.targets[0].id == 99);
}

TEST_CASE("All 16 masks of the worked example are equally likely, and each keeps the first token and hides the last") {
  const auto tokens = counted_from(10, 12);
  const span_corruption objective{1.5, .25};
  std::map<std::vector<int>, int> seen;
  constexpr int draws = 16'000;
  for (std::int64_t sample = 0; sample < draws; ++sample) {
    std::vector<int> inputs(12), targets(6), hidden;
    objective.corrupt(tokens, marked, 1, sample, inputs, targets);
    CHECK(inputs.front() == 10);
    for (const int id : targets)
      if (id >= 10 && id < 80) hidden.push_back(id);
    CHECK(hidden.size() == 3);
    CHECK(hidden.back() == 21);
    ++seen[hidden];
  }
  check_uniform(seen, 16, draws);
}

TEST_CASE("Every token of a window is on exactly one side, in its order, and sentinels count down from the last id or up from the first") {
  const auto tokens = counted_from(100, 97);
  vocabulary up = large;
  up.first_sentinel = 1800, up.last_sentinel = 1999;
  for (const vocabulary& ids : {large, up})
    for (std::int64_t sample = 0; sample < 200; ++sample) {
      const span_corruption objective{2, .3};
      const span_counts c = objective.counts(97);
      std::vector<int> inputs(std::size_t(c.inputs())), targets(std::size_t(c.targets())), all;
      objective.corrupt(tokens, ids, 1, sample, inputs, targets);
      CHECK(inputs.back() == 1);
      CHECK(targets.back() == 1);
      auto hidden = targets.begin();
      int spans = 0;
      for (const int id : inputs)
        if (id == ids.sentinel(spans)) {
          CHECK(*hidden++ == ids.sentinel(spans++));
          while (*hidden < 1800 && *hidden != 1) all.push_back(*hidden++);
        } else if (id != 1) {
          all.push_back(id);
        }
      CHECK(spans == c.spans);
      CHECK(std::equal(all.begin(), all.end(), tokens.begin(), tokens.end()));
      CHECK(ids.sentinel(0) == (ids == up ? 1800 : 1999));
      CHECK(ids.sentinel(3) == (ids == up ? 1803 : 1996));
    }
}

TEST_CASE("The smallest example of a prefix: rows, targets and what each row sees") {
  const std::vector<std::int32_t> tokens{20, 21, 22, 23};
  const auto of_two = [](int length) { return [length](const batch& b) { return b.segments[0].prefix == length; }; };
  const batch t5x = found(prefix_lm{.begin_id = 0}, tokens, of_two(3));
  CHECK(t5x.ids == std::vector<int>{0, 20, 21, 22});
  CHECK(target_rows(t5x) == std::vector<int>{2, 3});
  CHECK(t5x.targets[0].id == 22);
  CHECK(t5x.targets[1].id == 23);
  for (const auto& [row, sees] : {std::pair{0, "1110"}, {1, "1110"}, {2, "1110"}, {3, "1111"}}) CHECK(seen_by(t5x, row) == sees);

  const batch b = found(prefix_lm{}, tokens, of_two(2));
  CHECK(b.ids == std::vector<int>{20, 21, 22});
  CHECK(target_rows(b) == std::vector<int>{1, 2});
  for (const auto& [row, sees] : {std::pair{0, "110"}, {1, "110"}, {2, "111"}}) CHECK(seen_by(b, row) == sees);

  const batch eight = found(prefix_lm{.begin_id = 0}, counted_from(20, 8), of_two(4));
  CHECK(target_rows(eight) == std::vector<int>{3, 4, 5, 6, 7});
  CHECK(eight.ids.size() == 8);
}

TEST_CASE("The length of a prefix is uniform over 1 to n - 1, or leaves the last quarter") {
  const auto tokens = counted_from(20, 10);
  std::map<std::vector<int>, int> lengths;
  for (std::int64_t sample = 0; sample < 9000; ++sample) ++lengths[{made(prefix_lm{}, tokens, sample).segments[0].prefix}];
  check_uniform(lengths, 9, 9000);
  CHECK(lengths.begin()->first == std::vector<int>{1});
  CHECK(lengths.rbegin()->first == std::vector<int>{9});
  for (const auto& [n, targets] : {std::pair{2, 1}, {10, 2}, {12, 3}, {14, 4}, {512, 128}})
    CHECK(std::ssize(made(prefix_lm{prefix_split::last_quarter}, counted_from(20, n), 5, large).targets) == targets);
}

TEST_CASE("Mode tokens stand before the inputs and take a row: [NLU] for R, [NLG] for X, [S2S] for S") {
  const auto tokens = counted_from(20, 40);
  CHECK(made(span_corruption{3, .15, true}, tokens, 0).ids[0] == 5);
  CHECK(made(span_corruption{3, .5, true}, tokens, 0).ids[0] == 6);
  CHECK(made(span_corruption{32, .15, true}, tokens, 0).ids[0] == 6);
  CHECK(made(prefix_lm{.mode_token = true}, tokens, 0).ids[0] == 7);
  const batch both = made(span_corruption{3, .15, true, 0}, tokens, 0);
  CHECK(both.ids[0] == 0);
  CHECK(both.ids[1] == 5);
  const batch bare = made(span_corruption{3, .15}, tokens, 0);
  CHECK(both.segments[0].prefix == bare.segments[0].prefix + 2);
  CHECK(both.targets[0].row == bare.targets[0].row + 2);
  CHECK(std::equal(bare.ids.begin(), bare.ids.end(), both.ids.begin() + 2));
  CHECK(prefix_lm{}.window(64, marked) == 65);
  CHECK(prefix_lm{.mode_token = true, .begin_id = 0}.window(64, marked) == 63);
}

TEST_CASE("A draw depends on the seed and the sample, and not on the place in the batch") {
  const auto tokens = counted_from(100, 65);
  const ul2 mixture;
  batch b;
  mixture.add(b, tokens, large, 1, 6), mixture.add(b, tokens, large, 1, 7);
  const batch alone = made(mixture, tokens, 7, large), first = made(mixture, tokens, 6, large);
  CHECK(std::equal(alone.ids.begin(), alone.ids.end(), b.ids.begin() + std::ssize(first.ids)));
  CHECK(made(mixture, tokens, 7, large).ids == alone.ids);
  CHECK(b.segments[1].first == std::ssize(first.ids));
  CHECK(b.positions[std::size_t(b.segments[1].first)] == 0);
  std::set<std::vector<int>> by_sample, by_seed;
  for (int k = 0; k < 100; ++k)
    by_sample.insert(made(span_corruption{}, tokens, k, large).ids), by_seed.insert(made(span_corruption{}, tokens, 0, large, std::uint64_t(k)).ids);
  CHECK(by_sample.size() == 100);
  CHECK(by_seed.size() == 100);
}

TEST_CASE("Of 100,000 samples each denoiser gets its rate, and its targets carry its number") {
  for (const auto& [text, shares] : {std::pair{"", std::vector{.6, .2, .1, .1}},
                                     {"ul2r", {.5, .25, .125, .125}},
                                     {"1/1/2", {.25, .25, .25, .25}},
                                     {"original", std::vector(7, 1 / 7.)}}) {
    const ul2 mixture = read_ul2(text);
    std::vector<double> given(shares.size());
    for (std::int64_t sample = 0; sample < 100'000; ++sample) ++given[std::size_t(mixture.denoiser_of(1, sample))];
    for (std::size_t k = 0; k < shares.size(); ++k) CHECK(std::abs(given[k] - 1e5 * shares[k]) < 4.5 * std::sqrt(1e5 * shares[k] * (1 - shares[k])));
    CHECK(mixture.groups().size() == shares.size());
  }
  const ul2 mixture;
  const auto tokens = counted_from(100, 129);
  std::set<int> groups;
  for (std::int64_t sample = 0; sample < 200; ++sample)
    for (const target& t : made(mixture, tokens, sample, large).targets) {
      if (t.group != mixture.denoiser_of(1, sample)) FAIL_CHECK("sample " << sample);
      groups.insert(t.group);
    }
  CHECK(groups == std::set<int>{0, 1, 2, 3});
  CHECK(mixture.groups() == std::vector<std::string>{"causal", "prefix", "spans_3_0.15", "spans_32_0.5"});
}

TEST_CASE("A window of a mixture is that of its largest denoiser; the others get the longest piece that fits, and the pieces cover it") {
  for (const char* text : {"decoder", "decoder, modes", "original", "original, modes", "spans(3, 0.15)", "spans(3, 0.15), spans(32, 0.5)"})
    for (const int context : {32, 128, 512}) {
      const ul2 mixture = read_ul2(text);
      const int window = mixture.window(context, large);
      const auto tokens = counted_from(100, window);
      std::map<int, std::set<int>> shown;  // by denoiser, all tokens of the window that it has read or predicted
      for (std::int64_t sample = 0; sample < 150; ++sample) {
        const batch b = made(mixture, tokens, sample, large);
        const int k = mixture.denoiser_of(1, sample);
        CHECK(std::ssize(b.ids) <= context);
        std::vector<int> ids = b.ids;
        for (const target& t : b.targets) ids.push_back(t.id);
        std::erase_if(ids, [](int id) { return id < 100 || id >= 1800; });
        const std::set<int> piece(ids.begin(), ids.end());
        CHECK(*piece.rbegin() - *piece.begin() + 1 == std::ssize(piece));
        const int longest = std::visit([&](const auto& o) { return window_of(o, context, large); }, mixture.denoisers[std::size_t(k)].objective);
        if (std::string_view(text) == "spans(3, 0.15), spans(32, 0.5)")
          CHECK(std::ssize(piece) >= longest - 2);
        else
          CHECK(std::ssize(piece) == longest);
        shown[k].insert(piece.begin(), piece.end());
      }
      for (const auto& [k, piece] : shown) CHECK(std::ssize(piece) == window);
    }
  CHECK(ul2{}.window(512, large) == 513);
  CHECK(read_ul2("original").window(512, large) == 513);
  CHECK(read_ul2("original, modes").window(512, large) == 512);
}

TEST_CASE("A mixture of one denoiser is that objective, to the token") {
  const auto tokens = counted_from(100, 65);
  const auto same = [](const batch& a, const batch& b) {
    return a.ids == b.ids && a.segments[0].prefix == b.segments[0].prefix && target_rows(a) == target_rows(b) && a.targets[0].id == b.targets[0].id;
  };
  for (std::int64_t sample = 0; sample < 20; ++sample) {
    CHECK(same(made(ul2{{{causal_lm{}}}}, tokens, sample, large), made(causal_lm{}, tokens, sample, large)));
    CHECK(same(made(ul2{{{prefix_lm{}}}}, tokens, sample, large), made(prefix_lm{}, tokens, sample, large)));
    CHECK(same(made(ul2{{{span_corruption{}}}}, tokens, sample, large), made(span_corruption{}, tokens, sample, large)));
  }
  CHECK(groups_of(ul2{{{causal_lm{}}}}).empty());
  CHECK(groups_of(causal_lm{}).empty());
}

TEST_CASE("Windows of a mixture lie side by side") {
  const testing::token_list text(1000, large);
  for (const auto& [mixture, count] : {std::pair{"decoder", 31}, {"original, modes", 31}, {"spans(3, 0.15)", 34}}) {
    const ul2 objective = read_ul2(mixture);
    const windows<testing::token_list, ul2> cut(text, objective, 32);
    CHECK(cut.count() == count);
  }
}

TEST_CASE("Targets weigh the same, or those of every window together") {
  const auto tokens = counted_from(100, 129);
  ul2 mixture;
  CHECK(made(mixture, tokens, 1, large).targets[0].weight == 1);
  mixture.weights = target_weights::per_example;
  for (std::int64_t sample = 0; sample < 20; ++sample)
    CHECK(made(mixture, tokens, sample, large).target_weight() == doctest::Approx(1).epsilon(1e-5));
}

TEST_CASE("Options of denoisers that do not fit each other, the tokenizer or the context are refused with the numbers") {
  constexpr vocabulary hundred{.size = 32'100, .end_of_text = 1, .first_sentinel = 32'099, .last_sentinel = 32'000};
  const auto refused = [](auto what) { return sentence_of<input_error>(what); };
  CHECK(has(refused([&] {
              (void)span_corruption{3, .5}.window(1024, hundred);
            }),
            "spans(3, 0.5) hides 128 spans in a window of 767 tokens, but the tokenizer has 100 sentinels, so ordinary ids would mark 28"));
  CHECK(span_corruption{3, .5}.window(800, hundred) == 599);
  CHECK(has(refused([&] { (void)ul2{}.window(4096, hundred); }), "but the tokenizer has 100 sentinels"));
  CHECK(has(refused([] { (void)span_corruption{}.window(4, marked); }), "a context of 4 has no room for a window with a hidden span, which needs 5"));
  CHECK(span_corruption{}.window(5, marked) == 2);
  CHECK(has(refused([] { (void)span_corruption{3, .15, true}.window(5, marked); }), "which needs 6"));
  CHECK(has(refused([] { (void)prefix_lm{.mode_token = true}.window(1, marked); }), "a window of 1 tokens, of which a prefix leaves none"));
  CHECK(has(refused([] { span_corruption{3, 0}.check(marked); }), "density is 0"));
  CHECK(has(refused([] { span_corruption{3, 1}.check(marked); }), "density is 1"));
  CHECK(has(refused([] { span_corruption{3, NAN}.check(marked); }), "density is nan"));
  CHECK(has(refused([] { span_corruption{.5, .15}.check(marked); }), "mean span is 0.5"));
  CHECK(has(refused([] { span_corruption{NAN, .15}.check(marked); }), "mean span is nan"));
  CHECK(has(refused([] { span_corruption{}.check({.size = 300, .end_of_text = 2}); }), "tokenizer of 300 ids has no special token <extra_id_0>"));
  CHECK(has(refused([] { span_corruption{}.check({.size = 300, .first_sentinel = 9, .last_sentinel = 5}); }), "300 ids has none"));
  static constexpr vocabulary modeless{.size = 300, .end_of_text = 2, .first_sentinel = 9, .last_sentinel = 5};
  CHECK(has(refused([] { span_corruption{3, .15, true}.check(modeless); }), "[NLU]"));
  CHECK(has(refused([] { span_corruption{3, .5, true}.check(modeless); }), "[NLG]"));
  CHECK(has(refused([] { prefix_lm{.mode_token = true}.check(modeless); }), "[S2S]"));
  CHECK(has(refused([] { prefix_lm{.begin_id = 300}.check(modeless); }), "begin_id is 300"));
  CHECK(has(refused([] { span_corruption{.begin_id = 300}.check(modeless); }), "begin_id is 300"));
  CHECK(has(refused([] { ul2{{}}.check(marked); }), "a mixture of denoisers has none"));
  for (const double rate : {0.0, -1.0, double(NAN), double(INFINITY)})
    CHECK(has(refused([&] { ul2{ul2::decoder_mixture(1, rate, 1)}.check(marked); }), "the rate of the denoiser prefix is " + decimal_text(rate)));
  CHECK(has(refused([] { ul2{{{causal_lm{}}, {prefix_lm{}}, {causal_lm{}}}}.check(marked); }), "has the denoiser causal twice"));
  CHECK(has(refused([] { ul2{}.check({.size = 300, .end_of_text = 2}); }), "<extra_id_0>"));
  CHECK(refused([] { ul2{}.check(marked); }) == "nothing was thrown");
}

TEST_CASE("Mixtures as text are read as they are written") {
  for (const auto& [text, written] :
       {std::pair{"", "causal 0.6, prefix 0.2, spans(3, 0.15) 0.1, spans(32, 0.5) 0.1"},
        {"decoder", "causal 0.6, prefix 0.2, spans(3, 0.15) 0.1, spans(32, 0.5) 0.1"},
        {" 0.5 / 0.25/1 ", "causal 0.5, prefix 0.25, spans(3, 0.15) 0.5, spans(32, 0.5) 0.5"},
        {"ul2r, per_example", "prefix 0.5, spans(3, 0.15) 0.25, spans(32, 0.15) 0.125, spans(3, 0.5) 0.125, per_example"},
        {"prefix(mode),spans( 8,0.15 )2, last_quarter", "prefix(last_quarter, mode) 1, spans(8, 0.15) 2"},
        {"modes, causal, prefix, spans(3, 0.15, begin 4) 0.5", "causal 1, prefix(mode) 1, spans(3, 0.15, mode, begin 4) 0.5"},
        {"original", "spans(3, 0.15) 1, spans(8, 0.15) 1, prefix 1, spans(3, 0.5) 1, spans(8, 0.5) 1, spans(64, 0.15) 1, spans(64, 0.5) 1"}}) {
    CHECK(read_ul2(text).settings() == written);
    CHECK(read_ul2(written) == read_ul2(text));
  }
  CHECK(read_ul2("").denoisers == ul2{}.denoisers);
  for (const auto& [text, sentence] : {std::pair{"0.6/0.2", "expected a / between three rates at position 8, found the end"},
                                       {"0.6/x/1", "expected a rate at position 5, found \"x/1\""},
                                       {"spans", "expected ( and the mean span at position 6, found the end"},
                                       {"spans(3)", "expected a comma and the density at position 8, found \")\""},
                                       {"spans(3, 0.15, last_quarter)", "expected mode or begin at position 16"},
                                       {"prefix(3)", "expected last_quarter, mode or begin at position 8"},
                                       {"causal, decoder", "expected a denoiser or an option, as the mixture has begun at position 9"},
                                       {"decoder, causal", "expected an option, as the mixture is complete at position 10"},
                                       {"modes", "expected a mixture, a denoiser, or three rates"},
                                       {"decoder x", "expected a comma or the end at position 9, found \"x\""},
                                       {"causal -1", "expected a comma or the end at position 8"},
                                       {"ul2", "expected decoder, original, ul2r, causal"},
                                       {"spans(1e999, 0.15)", "expected the mean span at position 7"},
                                       {"causal,", "position 8, found the end"}})
    CHECK(has(sentence_of<input_error>([given = text] { (void)read_ul2(given); }), sentence));
}
