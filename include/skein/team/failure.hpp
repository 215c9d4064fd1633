// SPDX-License-Identifier: Apache-2.0
//
// The one path of failure. The first error of a host wins a compare-and-swap, writes its record into the segment, sets
// the abort word and rings every bell; every rank then leaves its next Skein call with TeamAborted.
//
// Edges
//   [claim]   acq_rel compare-and-swap of `state`: one writer
//   [record]  release store of `state`: publishes the record to [read]
//   [abort]   seq_cst store of the abort word, after the record: pairs with [abort-see] of waiter.hpp, and with
//             [flag] of readers.hpp
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "skein/base/error.hpp"
#include "skein/sync/claim.hpp"
#include "skein/sync/waiter.hpp"
#include "skein/team/line.hpp"

namespace skein {

/// Written by the first failing rank, read by all when they leave.
template <class Policy>
struct alignas(kStride) FailureRecord {
  static constexpr std::size_t kMessageBytes = 4096;

  enum State : std::uint32_t { none, written, being_written };  ///< the last by its writer's process: plus that number

  typename Policy::template Atomic<std::uint32_t> state{none};
  Claim<Policy> report;
  typename Policy::template Atomic<std::uint32_t> failures{0};
  std::int32_t rank = 0;
  std::int32_t host = 0;
  std::int32_t exit_code = 0;
  std::int32_t lists_calls = 0;
  CallId call;
  char message[kMessageBytes]{};
};

/// A failure as plain values. `rank` is -1 when the process failed outside its ranks; `host` is kThisHost unless another
/// host told of it.
struct Failure {
  static constexpr int kThisHost = -1;

  int rank = 0;
  ExitCode code = ExitCode::parallel;
  std::string message;
  int host = kThisHost;
  bool lists_calls = false;  ///< the message says what the ranks of its host have called
  CallId call = {};          ///< if so, the one that could not be completed
};

/// What fits of a text, as a C string.
inline void copy_text(std::string_view text, std::span<char> room) {
  room[text.copy(room.data(), room.size() - 1)] = '\0';
}

/// Writes a failure into a record that nobody else writes or reads.
template <class Policy>
void write_record(FailureRecord<Policy>& record, const Failure& failure) {
  record.rank = failure.rank;
  record.host = failure.host;
  record.exit_code = static_cast<std::int32_t>(failing_code(failure.code));
  record.lists_calls = failure.lists_calls ? 1 : 0;
  record.call = failure.call;
  copy_text(failure.message, record.message);
}

/// The same, for others to read from then on.
template <class Policy>
void publish(FailureRecord<Policy>& record, const Failure& failure) {
  write_record(record, failure);
  record.state.store(FailureRecord<Policy>::written, std::memory_order_release);  // [record]
}

template <class Policy>
Failure read_record(const FailureRecord<Policy>& record) {
  return {record.rank, static_cast<ExitCode>(record.exit_code), record.message, record.host, record.lists_calls != 0,
          record.call};
}

/// Whether it may be read.
template <class Policy>
bool is_published(const FailureRecord<Policy>& record) {
  return record.state.load(std::memory_order_acquire) == FailureRecord<Policy>::written;  // [read]
}

/// How long after a failure ranks may take to come to a Skein call, or to the end of an operator.
inline constexpr std::chrono::nanoseconds kLeaveGrace = std::chrono::seconds(2);

/// One host's failure state: the record, the abort word, and the bells to ring.
template <class Policy>
class FailurePath {
 public:
  FailurePath(FailureRecord<Policy>& record, AbortWord<Policy>& abort, Bells<Policy>& bells, int process = 0)
      : record_(&record), abort_(&abort), bells_(&bells), process_(process) {}

  /// Records the failure if it is the first, and ends every wait of the host. Does not block.
  void fail(const Failure& failure) {
    record_->failures.fetch_add(1, std::memory_order_relaxed);
    // The first failure ends the waits.
    if (claim_from(FailureRecord<Policy>::none)) write(failure);
  }

  /// The same for one who has seen that another process ended: it may have ended anywhere between claiming the record and
  /// ringing the last bell, and then this one does what is left.
  void fail_for(int ended_process, const Failure& failure) {
    if (claim_from(FailureRecord<Policy>::none) || claim_from(claimed_by(ended_process))) {
      record_->failures.store(1, std::memory_order_relaxed);
      write(failure);
    } else if (is_recorded()) {
      end_waits();
    }
  }

  /// For a rank that is being left by an exception which it cannot name yet: ends every wait, if it is the first; complete() says
  /// what it was.
  bool begin() {
    record_->failures.fetch_add(1, std::memory_order_relaxed);
    if (!claim_from(FailureRecord<Policy>::none)) return false;
    end_waits();
    return true;
  }
  void complete(const Failure& failure) { write(failure); }

  bool is_aborted() const { return abort_->is_set(); }

  /// A failure is recorded, or about to be.
  bool has_begun() const {
    return record_->state.load(std::memory_order_acquire) != FailureRecord<Policy>::none;  // [read]
  }

  /// Whether what was begun is complete.
  bool is_recorded() const { return is_published(*record_); }

  /// The first failure. Needs is_aborted().
  Failure first() const {
    return is_recorded() ? read_record(*record_) : Failure{.rank = -1, .message = "a rank fails, and has not said how"};
  }

  /// True for one caller of the host, who then prints the report.
  bool claim_report() { return record_->report.take(); }

  /// Failures that came after the first.
  int further_failures() const { return static_cast<int>(record_->failures.load(std::memory_order_relaxed)) - 1; }

 private:
  static std::uint32_t claimed_by(int process) {
    return FailureRecord<Policy>::being_written + static_cast<std::uint32_t>(process);
  }

  bool claim_from(std::uint32_t state) {
    return record_->state.compare_exchange_strong(state, claimed_by(process_), std::memory_order_acq_rel);  // [claim]
  }

  void write(const Failure& failure) {
    publish(*record_, failure);
    end_waits();
  }

  void end_waits() {
    abort_->word.store(1, std::memory_order_seq_cst);  // [abort]
    bells_->ring_all();
  }

  FailureRecord<Policy>* record_;
  AbortWord<Policy>* abort_;
  Bells<Policy>* bells_;
  int process_;
};

/// "rank 3 failed: message".
std::string describe(const Failure& failure);

}  // namespace skein
