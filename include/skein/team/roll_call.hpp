// SPDX-License-Identifier: Apache-2.0
//
// The roll-call: one line per rank that says which Skein call the rank made last, and from where. Written by its rank in
// every call, polled by nobody, read when somebody asks what a run is doing: in reports of failures, by the watchdog, at
// SIGUSR2. It lies in the segment and holds no addresses, so that every process can read all of it.
//
// Cost   four stores to a line that the rank's core keeps; two more for calls with arguments. Names are copied when they
//        differ from those of the call before.
//
// Edges
//   [call]     relaxed store of an odd count of calls, release stores of the words, release store of the even count
//   [called]   acquire load of the count, acquire loads of the words, and of the count again: who has read a word of a later
//              call reads a later count behind it
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skein/sync/waiter.hpp"
#include "skein/team/call.hpp"

namespace skein {

/// A short text as a plain value, which reading a line makes without allocating.
template <std::size_t kBytes>
class ShortText {
 public:
  ShortText() = default;
  ShortText(std::string_view text) {  // NOLINT(google-explicit-constructor): as std::string
    text.substr(text.size() - std::min(text.size(), kBytes)).copy(bytes_.data(), kBytes);
  }
  std::string_view view() const { return {bytes_.data(), strnlen(bytes_.data(), kBytes)}; }
  std::array<char, kBytes>& bytes() { return bytes_; }

 private:
  std::array<char, kBytes> bytes_{};
};

/// A short text in words. What does not fit loses its begin: of a path the end says most.
template <class Policy, std::size_t kWords>
class SharedText {
 public:
  static constexpr std::size_t kBytes = kWords * sizeof(std::uint64_t);

  void store(std::string_view text) {
    ShortText<kBytes> short_text(text);
    const std::array<char, kBytes>& bytes = short_text.bytes();
    for (std::size_t i = 0; i < kWords; ++i) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i * sizeof(word), sizeof(word));
      words_[i].store(word, std::memory_order_release);
    }
  }

  ShortText<kBytes> load() const {
    ShortText<kBytes> text;
    std::array<char, kBytes>& bytes = text.bytes();
    for (std::size_t i = 0; i < kWords; ++i) {
      const std::uint64_t word = words_[i].load(std::memory_order_acquire);
      std::memcpy(bytes.data() + i * sizeof(word), &word, sizeof(word));
    }
    return text;
  }

 private:
  typename Policy::template Atomic<std::uint64_t> words_[kWords]{};
};

/// Where a rank is with the function that it runs.
enum class RunState : std::uint64_t { not_started, inside, left };

inline constexpr std::size_t kOperatorWords = 3;
inline constexpr std::size_t kFileWords = 14;

template <class Policy>
struct alignas(kStride) RollCallLine {
  using Word = typename Policy::template Atomic<std::uint64_t>;

  // Every call writes the first three.
  Word count{0};    ///< twice the calls; odd while a call is being written
  Word episode{0};  ///< of the call's first exchange
  Word what{0};     ///< operation, line of source and root, packed
  Word team{0};     ///< TeamName; written when it is another than before
  WaitNotice<Policy> wait;
  Word element_bytes{0};
  Word elements{0};
  Word run{0};  ///< runs that the rank has begun, and its RunState
  SharedText<Policy, kOperatorWords> operator_name;
  SharedText<Policy, kFileWords> file;
};

/// A line as plain values.
struct RollCallEntry {
  std::uint64_t count = 0;
  TeamName team = 0;
  Episode episode = 0;
  Operation operation = Operation::none;
  unsigned line = 0;
  int root = kNoRoot;
  std::size_t element_bytes = 0;
  std::size_t elements = 0;
  ShortText<kOperatorWords * sizeof(std::uint64_t)> operator_name;
  ShortText<kFileWords * sizeof(std::uint64_t)> file;
  std::uint64_t runs = 0;
  RunState state = RunState::not_started;
  std::int64_t waiting_since_ns = 0;  ///< 0: it does not wait, or not for long yet

  bool waits() const { return waiting_since_ns != 0; }

  /// Nothing has happened between the two.
  bool is_same_as(const RollCallEntry& other) const {
    return count == other.count && waiting_since_ns == other.waiting_since_ns && runs == other.runs &&
           state == other.state;
  }
};

/// A rank's side of its line.
template <class Policy>
class RollCall {
 public:
  /// `mark` is kNonblocking for a rank's operations.
  explicit RollCall(RollCallLine<Policy>& line, std::uint8_t mark = 0) : line_(&line), mark_(mark) {}

  [[gnu::always_inline]] inline void enter(const Call& call, const CallId& id) {
    RollCallLine<Policy>& line = *line_;  // which stores with an order would have loaded again
    const std::uint64_t count = count_;
    count_ = count + 2;
    line.count.store(count + 1, std::memory_order_relaxed);  // [call]
    line.episode.store(id.episode, std::memory_order_release);
    if (id.team != team_) [[unlikely]]
      line.team.store(team_ = id.team, std::memory_order_release);
    line.what.store(pack(call), std::memory_order_release);
    if (has_elements(call.operation)) {
      line.element_bytes.store(call.element_bytes, std::memory_order_release);
      line.elements.store(call.count, std::memory_order_release);
      if (call.operator_name.data() != operator_name_) [[unlikely]]
        copy_operator(call.operator_name);
    }
    if (call.where.file_name() != file_) [[unlikely]]
      copy_file(call.where.file_name());
    line.count.store(count + 2, std::memory_order_release);
  }

  void begin_run() {
    enter({}, {});
    set_run(++runs_, RunState::inside);
  }
  void end_run() { set_run(runs_, RunState::left); }

 private:
  std::uint64_t pack(const Call& call) const {
    return static_cast<std::uint64_t>(call.operation) | mark_ | std::uint64_t{call.where.line() & 0xffffffU} << 8U |
           std::uint64_t{static_cast<std::uint32_t>(call.root)} << 32U;
  }
  [[gnu::noinline]] void copy_operator(std::string_view name) {
    operator_name_ = name.data();
    line_->operator_name.store(name);
  }
  [[gnu::noinline]] void copy_file(const char* file) {
    file_ = file;
    line_->file.store(file);
  }
  void set_run(std::uint64_t runs, RunState state) {
    line_->run.store(runs << 2U | static_cast<std::uint64_t>(state), std::memory_order_release);
  }

  RollCallLine<Policy>* line_;
  std::uint64_t mark_;
  std::uint64_t count_ = 0;
  const char* file_ = nullptr;  ///< this, the team and the name of the operator are what the line holds
  TeamName team_ = 0;
  const char* operator_name_ = nullptr;
  std::uint64_t runs_ = 0;
};

/// Allocates nothing. Nothing when the rank wrote meanwhile.
template <class Policy>
std::optional<RollCallEntry> try_to_read_entry(const RollCallLine<Policy>& line) {
  RollCallEntry entry;
  entry.count = line.count.load(std::memory_order_acquire);  // [called]
  entry.waiting_since_ns = line.wait.since_ns();
  const std::uint64_t run = line.run.load(std::memory_order_acquire);
  entry.runs = run >> 2U;
  entry.state = static_cast<RunState>(run & 3U);
  entry.team = line.team.load(std::memory_order_acquire);
  entry.episode = line.episode.load(std::memory_order_acquire);
  const std::uint64_t what = line.what.load(std::memory_order_acquire);
  entry.operation = static_cast<Operation>(what & 0xffU);
  entry.line = static_cast<unsigned>(what >> 8U & 0xffffffU);
  entry.root = static_cast<int>(static_cast<std::uint32_t>(what >> 32U));
  entry.element_bytes = line.element_bytes.load(std::memory_order_acquire);
  entry.elements = line.elements.load(std::memory_order_acquire);
  entry.operator_name = line.operator_name.load();
  entry.file = line.file.load();
  const bool is_still = line.wait.since_ns() == entry.waiting_since_ns;
  if (entry.count % 2 != 0 || !is_still || line.count.load(std::memory_order_acquire) != entry.count) {
    return std::nullopt;
  }
  return entry;
}

/// Whether the rank last made that call or a later one of its team. Allocates nothing.
template <class Policy>
bool has_come_to(const RollCallLine<Policy>& line, const CallId& call) {
  const auto entry = try_to_read_entry(line);
  return entry && entry->team == call.team && entry->episode >= call.episode;
}

/// Allocates nothing. Nothing when the rank is between calls so quickly that no attempt found it still.
template <class Policy>
std::optional<RollCallEntry> read_entry(const RollCallLine<Policy>& line) {
  constexpr int kAttempts = 100;
  for (int i = 0; i < kAttempts; ++i) {
    if (const auto entry = try_to_read_entry(line)) return entry;
  }
  return std::nullopt;
}

/// " of team 4.1"; nothing for the run's first team.
std::string of_team(TeamName team);

/// One rank in a report.
struct RankStatus {
  int rank = 0;
  std::optional<RollCallEntry> call;  ///< nothing when it could not be read
  bool is_inside = false;             ///< the call cannot be over, because not all have come
  std::int64_t age_ns = -1;           ///< for how long nothing has changed; negative: not known
};

/// What the ranks do, those that do the same in one line: "  ranks 0-2,4 (4 of 8) wait in ...". `size` is that of the team.
/// At most `longest` bytes.
std::string describe(std::vector<RankStatus> ranks, int size, std::size_t longest);

}  // namespace skein
