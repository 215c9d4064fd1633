// SPDX-License-Identifier: Apache-2.0
#include "skein/team/failure.hpp"

#include <fmt/format.h>

namespace skein {

std::string describe(const Failure& failure) {
  if (failure.rank < 0) return failure.message;
  return fmt::format("rank {} failed: {}", failure.rank, failure.message);
}

}  // namespace skein
