// SPDX-License-Identifier: Apache-2.0
//
// How far a run is: a bar that redraws itself on a terminal, a plain line per 10 % anywhere else.
//
// Who      one rank, as often as it likes: update() reads the clock and prints only when something would change.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace support {

class Progress {
 public:
  enum class Style { bar, lines };

  /// A bar if standard error is a terminal. (Standard output is no sign: MPI launchers give programs a false one.)
  static Style style_here();

  /// `total` steps are to be done. Output goes to `print`: standard error for the bar, standard output for lines.
  Progress(std::int64_t total, Style style);
  Progress(std::int64_t total, Style style, std::function<void(const std::string&)> print);

  /// True if update() would print, which spares making its note. Cheap.
  bool due(std::int64_t done) const { return done >= next_; }

  /// `note` is shown at the end, such as a current value.
  void update(std::int64_t done, const std::string& note);

  /// Ends the bar's line, also after a failure.
  ~Progress();

 private:
  using Clock = std::chrono::steady_clock;
  void draw_bar(std::int64_t done, double elapsed_s, double left_s, const std::string& note);

  std::int64_t total_;
  Style style_;
  std::function<void(const std::string&)> print_;
  std::int64_t next_ = 0;
  bool bar_open_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_ = start_;
};

/// "12.3 s", "4 min 05 s", "3 h 20 min".
std::string duration_text(double seconds);

}  // namespace support
