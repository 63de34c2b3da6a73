// SPDX-License-Identifier: Apache-2.0
// Where the library rounds on purpose, under flags that allow a compiler to fold (x + c) - c into x: the functions of base/math.hpp, in
// loops as the kernels have them, and the mean of a layer norm, against the same in double. Says what is wrong.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <utility>
#include <vector>

#include <raptr/base/math.hpp>
#include <raptr/nn/layers/norm.hpp>
#include <raptr/nn/step_results.hpp>

namespace {

constexpr int count = 1 << 16;
bool right = true;

/// The largest error of f on from .. to, in units in the last place. Smaller results than the smallest normal number are left out:
/// the start-up code that these flags link sets the processor to flush them to zero.
template <class F, class G> void within(const char* name, double allowed, float from, float to, F f, G exact) {
  std::vector<float> x(count), y(count);
  for (int i = 0; i < count; ++i) x[std::size_t(i)] = from + (to - from) * (float(i) + 0.3f) / float(count);
  for (int i = 0; i < count; ++i) y[std::size_t(i)] = f(x[std::size_t(i)]);
  double most = 0;
  for (int i = 0; i < count; ++i) {
    const double want = exact(double(x[std::size_t(i)]));
    if (std::abs(want) < 1.2e-38 || std::abs(want) > 3.4e38) continue;
    const double error = std::abs(double(y[std::size_t(i)]) - want) / std::ldexp(1.0, std::ilogb(want) - 23);
    most = error <= most ? most : error;
  }
  std::printf("%s on %g .. %g: %.2f\n", name, double(from), double(to), most);
  if (!(most < allowed)) right = false, std::printf("  allowed: %g\n", allowed);
}

void layer_norm_at(float far) {
  constexpr int n = 16;
  float x[n], y[n], scale;
  double mean = 0, variance = 0, most = 0;
  for (int i = 0; i < n; ++i) x[i] = far + float(i) / 1000, mean += double(x[i]) / n;
  for (int i = 0; i < n; ++i) variance += (double(x[i]) - mean) * (double(x[i]) - mean) / n;
  raptr::a_team_has_each_sum_max_add team;
  raptr::layer_norm::forward(team, x, y, &scale, n, 1e-5f);
  for (int i = 0; i < n; ++i) most = std::max(most, std::abs(double(y[i]) - (double(x[i]) - mean) / std::sqrt(variance + 1e-5)));
  std::printf("layer norm around %g: first %.6f, largest error %.1e\n", double(far), double(y[0]), most);
  if (!(most < 2e-6)) right = false, std::puts("  allowed: 2e-6");
}

void nothing_passes_that_is_not_finite() {
  volatile double values[] = {1, std::numeric_limits<double>::quiet_NaN(), HUGE_VAL, -HUGE_VAL};
  for (int loss = 0; loss < 4; ++loss)
    for (int norm = 0; norm < 4; ++norm)
      for (const double clip : {0.0, 1.0}) {
        double data[] = {values[loss], values[norm]};
        if (raptr::step_results(data).usable(clip) == (loss == 0 && norm == 0)) continue;
        right = false, std::printf("a loss of %g and a squared norm of %g\n", data[0], data[1]);
      }
}

}  // namespace

int main() {
  namespace math = raptr::math;
  const auto exp = [](float x) { return math::exp(x); };
  const auto exact = [](double x) { return std::exp(x); };
  within("exp", 1.1, -87, -1, exp, exact);
  within("exp", 1.1, -1, 1, exp, exact);
  within("exp", 1.1, 1, 88, exp, exact);
  within("exp", 1.1, 88, 88.72f, exp, exact);
  within(
      "tanh", 2, -9, 9, [](float x) { return math::tanh(x); }, [](double x) { return std::tanh(x); });
  within(
      "erf", 2, -4, 4, [](float x) { return math::erf(x); }, [](double x) { return std::erf(x); });
  for (const auto& [from, to] : {std::pair{1e-37f, 1e-30f}, {1e-30f, 1.0f}, {1.0f, 1e10f}, {1e10f, 3.4e38f}})
    within(
        "sqrt", 1, from, to, [](float x) { return math::sqrt(x); }, [](double x) { return std::sqrt(x); });
  for (const float far : {0.0f, 100.0f, 10000.0f, -3000.0f}) layer_norm_at(far);
  nothing_passes_that_is_not_finite();
  return right ? 0 : 1;
}
