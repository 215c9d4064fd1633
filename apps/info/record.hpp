// SPDX-License-Identifier: Apache-2.0
//
// What one process reports: an object with the members "process", "host" and "machine", as they stand in the report, and
// "common", which is the same in all processes.
#pragma once

#include <nlohmann/json.hpp>

#include "skein/runtime/description.hpp"

namespace info {

using Json = nlohmann::ordered_json;

Json record_of(const skein::Description& run);

}  // namespace info
