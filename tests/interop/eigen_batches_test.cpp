// SPDX-License-Identifier: Apache-2.0
// Rows of a matrix of ids are the sequences of a batch, whatever its storage order and type.
#include <doctest/doctest.h>

#include <cstdint>
#include <tuple>

#include <raptr/backend/cpu.hpp>
#include <raptr/backend/eigen.hpp>
#include <raptr/interop/eigen.hpp>

#include "scratch_folder.hpp"
#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

constexpr vocabulary eleven{.size = 11, .end_of_text = 8, .mask = 9, .pad = 10};

/// That of the objective's own add(), sequence by sequence.
template <class Model> batch added(const Model& model, const std::vector<std::vector<std::int32_t>>& rows, std::uint64_t seed, std::int64_t first) {
  batch data;
  for (const auto& row : rows) model.objective().add(data, row, eleven, seed, first++);
  data.normaliser = data.target_weight();
  return data;
}
bool same(const batch& a, const batch& b) {
  const auto equal = [](const auto& x, const auto& y, auto key) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), [&](const auto& p, const auto& q) { return key(p) == key(q); });
  };
  return a.ids == b.ids && a.positions == b.positions && a.sequences == b.sequences && a.normaliser == b.normaliser &&
         equal(a.segments, b.segments, [](const segment& s) { return std::tuple(s.first, s.length, s.prefix); }) &&
         equal(a.targets, b.targets, [](const target& t) { return std::tuple(t.row, t.id, t.weight); });
}

}  // namespace

TEST_CASE_TEMPLATE("Both storage orders, every whole type and an expression give the batch of the objective", Device, cpu, eigen) {
  const transformer<gpt2_block, causal_lm, Device> model(tiny);
  Eigen::MatrixXi columns(2, 5);
  columns << 1, 2, 3, 4, 5, 6, 7, 0, 1, 2;
  const Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = columns.cast<std::int64_t>();
  const Eigen::Array<std::uint8_t, 2, 5> bytes = columns.cast<std::uint8_t>().array();
  const batch expected = added(model, {{1, 2, 3, 4, 5}, {6, 7, 0, 1, 2}}, 0, 0);
  CHECK(expected.ids == std::vector<int>{1, 2, 3, 4, 6, 7, 0, 1});
  CHECK(expected.normaliser == 8);
  CHECK(same(batch_of(model, columns, eleven), expected));
  CHECK(same(batch_of(model, rows, eleven), expected));
  CHECK(same(batch_of(model, bytes, eleven), expected));
  CHECK(same(batch_of(model, Eigen::MatrixXi(columns.transpose()).transpose(), eleven), expected));
  CHECK(same(batch_of(model, columns.array() + 0, eleven), expected));
  CHECK(same(batch_of(model, columns.block(0, 1, 2, 3), eleven), added(model, {{2, 3, 4}, {7, 0, 1}}, 0, 0)));
}

TEST_CASE("Masks are those of the seed and of the number of the sample") {
  const transformer<bert_block, masked_lm, eigen> model(tiny, {}, {.rate = 0.4});
  const Eigen::MatrixXi ids = Eigen::MatrixXi::NullaryExpr(4, 8, [](Eigen::Index r, Eigen::Index c) { return int((3 * r + c) % 8); });
  std::vector<std::vector<std::int32_t>> rows;
  for (int r = 0; r < 4; ++r) {
    rows.emplace_back();
    for (int c = 0; c < 8; ++c) rows.back().push_back(ids(r, c));
  }
  CHECK(same(batch_of(model, ids, eleven, 7, 100), added(model, rows, 7, 100)));
  CHECK(!same(batch_of(model, ids, eleven, 7, 104), added(model, rows, 7, 100)));
}

TEST_CASE("An id outside the vocabulary is refused with its place, also one that an int does not hold") {
  const transformer<gpt2_block, causal_lm, cpu> model(tiny);
  Eigen::Matrix<std::int64_t, 2, 3> ids = Eigen::Matrix<std::int64_t, 2, 3>::Ones();
  const auto refused = [&](std::int64_t id, const char* sentence) {
    ids(1, 2) = id;
    CHECK(has(sentence_of<input_error>([&] { (void)batch_of(model, ids, eleven); }), sentence));
  };
  refused(11, "the id 11 in row 1, column 2 is not in a vocabulary of 11: ids are 0 to 10");
  refused(-1, "the id -1 in row 1, column 2 is not in a vocabulary of 11");
  refused((std::int64_t{1} << 32) + 5, "the id 4294967301 in row 1, column 2");
  const Eigen::Matrix<std::uint64_t, 1, 2> large = Eigen::Matrix<std::uint64_t, 1, 2>::Constant(~std::uint64_t{0});
  CHECK(has(sentence_of<input_error>([&] { (void)batch_of(model, large, eleven); }), "the id 18446744073709551615 in row 0, column 0"));
}
