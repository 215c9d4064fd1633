// SPDX-License-Identifier: Apache-2.0
#include "debugger.hpp"

#include <unistd.h>

#include <mutex>

SkeinDebuggerLane* skein_debugger_lanes = nullptr;

namespace skein {
namespace {

std::mutex lanes_mutex;  // guards the list

}  // namespace

KnownToDebuggers::KnownToDebuggers(SkeinDebuggerLane lane) : lane_(lane) {
  lane_.thread = gettid();
  const std::lock_guard lock(lanes_mutex);
  lane_.next = skein_debugger_lanes;
  skein_debugger_lanes = &lane_;
}

KnownToDebuggers::~KnownToDebuggers() {
  const std::lock_guard lock(lanes_mutex);
  SkeinDebuggerLane** link = &skein_debugger_lanes;
  while (*link != &lane_) link = &(*link)->next;
  *link = lane_.next;
}

}  // namespace skein
