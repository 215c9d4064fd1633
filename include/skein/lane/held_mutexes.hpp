// SPDX-License-Identifier: Apache-2.0
//
// How many mutexes a thread holds. It is counted by functions that stand in for those of pthreads, through which all mutexes
// go, std::mutex and its relatives too. Only programs that call sees_mutexes() have them: others keep theirs as they are.
#pragma once

namespace skein {

/// Mutexes and read-write locks that the calling thread has locked, less those that it has unlocked. 0 where they are not
/// seen.
int held_mutexes();

/// Whether they are counted in this program. Not under sanitizers, which stand in for the same functions, and not with a
/// shared Skein.
bool sees_mutexes();

}  // namespace skein
