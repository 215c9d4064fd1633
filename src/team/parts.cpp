// SPDX-License-Identifier: Apache-2.0
#include "skein/team/parts.hpp"

#include "skein/team/call.hpp"

namespace skein {

Parts::Part Parts::of(int rank) const {
  Part result;
  for_each([&](int i, Part part) {
    if (i == rank) result = part;
  });
  return result;
}

std::string_view Parts::problem(int ranks, std::size_t values) const {
  if (counts_.size != static_cast<std::size_t>(ranks)) return "there must be one count for each rank";
  if (has_begins_ && begins_.size != counts_.size) return "there must be as many begins as counts";
  bool fits = true;
  for_each([&](int, Part part) { fits = fits && part.count <= values && part.begin <= values - part.count; });
  return fits ? "" : "the parts must lie inside the buffer: a begin or a count is negative, or too large";
}

std::uint64_t Parts::hash() const {
  Hash hash;
  for_each([&](int, Part part) { hash.mix(part.count); });
  return hash.value();
}

std::size_t Parts::total() const {
  std::size_t total = 0;
  for_each([&](int, Part part) { total += part.count; });
  return total;
}

}  // namespace skein
