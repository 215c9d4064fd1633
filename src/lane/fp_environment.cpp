// SPDX-License-Identifier: Apache-2.0
#include "skein/lane/fp_environment.hpp"

#include <fmt/format.h>

#include <array>
#include <cfenv>
#include <string_view>
#include <vector>

namespace skein {
namespace {

/// A unit that calculates, and how it is set.
struct Unit {
  std::string_view name;  ///< in front of its settings
  std::string_view rounding;
  std::vector<std::string_view> traps;

  std::string traps_text() const {
    return traps.empty() ? fmt::format("{}no traps", name) : fmt::format("{}traps on {}", name, fmt::join(traps, ", "));
  }
  std::string rounding_text() const { return fmt::format("{}rounding {}", name, rounding); }
};

#if defined(__x86_64__)

// Bits: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, sections 8.1.5 (x87) and 10.2.3 (MXCSR).
constexpr std::uint32_t kMxcsrFlags = 0x003F;
constexpr std::uint32_t kMxcsrControl = 0xFFC0;
constexpr std::uint32_t kDaz = 0x0040;
constexpr std::uint32_t kFtz = 0x8000;
constexpr unsigned kMxcsrMaskShift = 7;
constexpr unsigned kMxcsrRoundingShift = 13;
constexpr std::uint16_t kX87Control = 0x0F3F;
constexpr unsigned kX87PrecisionShift = 8;
constexpr unsigned kX87RoundingShift = 10;
constexpr unsigned kX87Shift = 32;  // of its word in FpEnvironment::bits

std::string_view rounding_name(std::uint32_t field) {
  constexpr std::array<std::string_view, 4> kNames = {"to nearest", "downward", "upward", "toward zero"};
  return kNames[field & 3U];
}

/// Both units order their exceptions alike; a mask bit that is clear is a trap.
std::vector<std::string_view> traps_of(std::uint32_t masks) {
  constexpr std::array<std::string_view, 6> kNames = {"invalid",  "subnormal operand", "division by zero",
                                                      "overflow", "underflow",         "inexact"};
  std::vector<std::string_view> traps;
  for (unsigned i = 0; i < kNames.size(); ++i) {
    if ((masks >> i & 1U) == 0) traps.push_back(kNames[i]);
  }
  return traps;
}

std::uint16_t x87_word() {
  std::uint16_t word = 0;
  asm volatile("fnstcw %0" : "=m"(word));
  return word;
}

std::uint64_t captured() {
  const std::uint64_t x87 = x87_word() & kX87Control;
  return (__builtin_ia32_stmxcsr() & kMxcsrControl) | x87 << kX87Shift;
}

void install_bits(std::uint64_t bits) {
  const std::uint32_t flags = __builtin_ia32_stmxcsr() & kMxcsrFlags;
  __builtin_ia32_ldmxcsr((static_cast<std::uint32_t>(bits) & kMxcsrControl) | flags);
  const auto wanted = static_cast<std::uint16_t>(bits >> kX87Shift);
  const std::uint16_t present = x87_word();
  if ((present & kX87Control) == wanted) return;
  const auto word = static_cast<std::uint16_t>((present & ~kX87Control) | wanted);
  asm volatile("fnclex; fldcw %0" : : "m"(word));  // x87 traps on a raised flag when its mask goes
}

Unit sse_of(std::uint64_t bits) {
  const auto mxcsr = static_cast<std::uint32_t>(bits);
  return {"", rounding_name(mxcsr >> kMxcsrRoundingShift), traps_of(mxcsr >> kMxcsrMaskShift)};
}

Unit x87_of(std::uint64_t bits) {
  const auto word = static_cast<std::uint32_t>(bits >> kX87Shift);
  return {"x87 ", rounding_name(word >> kX87RoundingShift), traps_of(word)};
}

std::string_view x87_precision(std::uint64_t bits) {
  constexpr std::array<std::string_view, 4> kNames = {"x87 precision 24 bits", "x87 precision reserved",
                                                      "x87 precision 53 bits", "x87 precision 64 bits"};
  return kNames[bits >> (kX87Shift + kX87PrecisionShift) & 3U];
}

/// The settings of `mine` in which the two differ. One that both units share, as <cfenv> sets it, is named once.
std::vector<std::string> differences(std::uint64_t mine, std::uint64_t other) {
  std::vector<std::string> result;
  const auto add = [&](std::uint64_t flag, std::string_view name) {
    if (((mine ^ other) & flag) != 0) result.push_back(fmt::format("{} {}", name, (mine & flag) != 0 ? "on" : "off"));
  };
  const auto add_setting = [&](auto setting, auto text) {
    const auto sse = setting(sse_of(mine));
    const auto x87 = setting(x87_of(mine));
    const auto other_sse = setting(sse_of(other));
    const auto other_x87 = setting(x87_of(other));
    if (sse != other_sse) result.push_back(text(sse_of(mine)));
    if (x87 != other_x87 && (x87 != sse || other_x87 != other_sse)) result.push_back(text(x87_of(mine)));
  };
  add_setting([](const Unit& unit) { return unit.rounding; }, [](const Unit& unit) { return unit.rounding_text(); });
  add(kFtz, "FTZ");
  add(kDaz, "DAZ");
  add_setting([](const Unit& unit) { return unit.traps; }, [](const Unit& unit) { return unit.traps_text(); });
  if (x87_precision(mine) != x87_precision(other)) result.emplace_back(x87_precision(mine));
  return result;
}

#else

constexpr unsigned kTrapShift = 32;

std::uint64_t captured() {
#if defined(__GLIBC__)
  const auto traps = static_cast<std::uint64_t>(fegetexcept());
#else
  const std::uint64_t traps = 0;
#endif
  return static_cast<std::uint32_t>(std::fegetround()) | traps << kTrapShift;
}

void install_bits(std::uint64_t bits) {
  std::fesetround(static_cast<int>(static_cast<std::uint32_t>(bits)));
#if defined(__GLIBC__)
  const auto traps = static_cast<int>(bits >> kTrapShift);
  fedisableexcept(FE_ALL_EXCEPT & ~traps);
  if ((traps & ~fegetexcept()) == 0) return;
  std::feclearexcept(traps);
  feenableexcept(traps);
#endif
}

Unit unit_of(std::uint64_t bits) {
  const auto rounding = static_cast<int>(static_cast<std::uint32_t>(bits));
  const auto traps = static_cast<int>(bits >> kTrapShift);
  Unit unit{"",
            rounding == FE_TONEAREST    ? "to nearest"
            : rounding == FE_DOWNWARD   ? "downward"
            : rounding == FE_UPWARD     ? "upward"
            : rounding == FE_TOWARDZERO ? "toward zero"
                                        : "in a way of its own",
            {}};
  if ((traps & FE_INVALID) != 0) unit.traps.push_back("invalid");
  if ((traps & FE_DIVBYZERO) != 0) unit.traps.push_back("division by zero");
  if ((traps & FE_OVERFLOW) != 0) unit.traps.push_back("overflow");
  if ((traps & FE_UNDERFLOW) != 0) unit.traps.push_back("underflow");
  if ((traps & FE_INEXACT) != 0) unit.traps.push_back("inexact");
  return unit;
}

std::vector<std::string> differences(std::uint64_t mine, std::uint64_t other) {
  std::vector<std::string> result;
  const Unit unit = unit_of(mine);
  const Unit theirs = unit_of(other);
  if (unit.rounding_text() != theirs.rounding_text()) result.push_back(unit.rounding_text());
  if (unit.traps_text() != theirs.traps_text()) result.push_back(unit.traps_text());
  return result;
}

#endif

}  // namespace

FpEnvironment FpEnvironment::capture() { return FpEnvironment(captured()); }

void FpEnvironment::install() const { install_bits(bits_); }

std::string FpEnvironment::unlike(const FpEnvironment& other) const {
  return fmt::format("{}", fmt::join(differences(bits_, other.bits_), ", "));
}

}  // namespace skein
