// SPDX-License-Identifier: Apache-2.0
// A mean loss, and those of the groups of targets that the objective tells apart. It converts from and to a number, so what needs the
// loss alone, or has no groups, does not see them.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <raptr/base/number_text.hpp>
#include <raptr/nn/batch.hpp>

namespace raptr {

/// The mean over the targets of one group, such as those of a denoiser. weight: of these targets; 0: there is none, and no loss.
struct group_loss {
  std::string name{};
  double weight = 0, loss = 0;
};

/// The mean over all targets. groups: empty if the objective does not tell them apart.
struct mean_loss {
  double loss = 0;
  std::vector<group_loss> groups{};

  mean_loss(double all = 0, std::vector<group_loss> of_groups = {}) : loss(all), groups(std::move(of_groups)) {}
  operator double() const { return loss; }
};

/// Groups of these names without targets.
inline std::vector<group_loss> empty_groups(const std::vector<std::string>& names) {
  std::vector<group_loss> groups;
  for (const std::string& name : names) groups.push_back({name});
  return groups;
}
inline void add_weights(std::vector<group_loss>& groups, const batch& data) {
  if (groups.empty()) return;
  for (const target& t : data.targets)
    if (const auto k = static_cast<std::size_t>(t.group); k < groups.size()) groups[k].weight += double(t.weight);
}
inline double weight_of(const std::vector<group_loss>& groups) {
  double sum = 0;
  for (const group_loss& g : groups) sum += g.weight;
  return sum;
}
/// sums: of the losses of each group, divided by `normaliser`.
inline void set_losses(std::vector<group_loss>& groups, const double* sums, double normaliser) {
  for (std::size_t k = 0; k < groups.size(); ++k)
    if (groups[k].weight > 0) groups[k].loss = sums[k] * (normaliser / groups[k].weight);
}
/// " (causal 3.2010, prefix -)"; empty without groups.
inline std::string groups_text(const std::vector<group_loss>& groups) {
  std::string list;
  for (const group_loss& g : groups) list += (list.empty() ? " (" : ", ") + g.name + " " + (g.weight > 0 ? fixed_text(g.loss, 4) : "-");
  return list.empty() ? list : list + ")";
}

}  // namespace raptr
