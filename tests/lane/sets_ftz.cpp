// SPDX-License-Identifier: Apache-2.0
// A library that does to the thread that loads it what those linked with -ffast-math do.
#if defined(__x86_64__)
[[gnu::constructor]] static void flush_subnormals() {
  constexpr unsigned kFtzAndDaz = 0x8040;
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | kFtzAndDaz);
}
#endif
