// SPDX-License-Identifier: Apache-2.0
//
// The report for people.
#pragma once

#include <string>

#include "record.hpp"

namespace info {

std::string to_text(const Json& report);

}  // namespace info
