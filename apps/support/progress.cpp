// SPDX-License-Identifier: Apache-2.0
#include "support/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

namespace support {
namespace {

constexpr std::int64_t kLineParts = 10;
constexpr std::int64_t kBarParts = 500;  // the bar looks at the clock this often ...
constexpr double kRedraw_s = 0.05;       // ... and draws no faster than this
constexpr int kBarWidth = 30;

}  // namespace

std::string duration_text(double seconds) {
  if (seconds < 99.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 5940) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

Progress::Style Progress::style_here() { return ::isatty(STDERR_FILENO) == 1 ? Style::bar : Style::lines; }

Progress::Progress(std::int64_t total, Style style)
    : Progress(total, style, [style](const std::string& text) {
        std::FILE* stream = style == Style::bar ? stderr : stdout;
        std::fputs(text.c_str(), stream);
        std::fflush(stream);
      }) {}

Progress::Progress(std::int64_t total, Style style, std::function<void(const std::string&)> print)
    : total_(std::max<std::int64_t>(total, 1)), style_(style), print_(std::move(print)) {
  if (style_ == Style::lines) next_ = (total_ + kLineParts - 1) / kLineParts;
}

Progress::~Progress() {
  if (bar_open_) print_("\n");
}

void Progress::update(std::int64_t done, const std::string& note) {
  if (!due(done)) return;
  const auto now = Clock::now();
  const double elapsed_s = std::chrono::duration<double>(now - start_).count();
  const double left_s = done > 0 ? elapsed_s * static_cast<double>(total_ - done) / static_cast<double>(done) : 0;
  if (style_ == Style::lines) {
    print_(fmt::format("{:3} %  {:>9} passed, {:>9} left  {}\n", done * 100 / total_, duration_text(elapsed_s),
                       duration_text(left_s), note));
    const std::int64_t part = done * kLineParts / total_ + 1;
    next_ = part > kLineParts ? total_ + 1 : (total_ * part + kLineParts - 1) / kLineParts;
    return;
  }
  next_ = done + std::max<std::int64_t>(total_ / kBarParts, 1);
  if (done < total_) next_ = std::min(next_, total_);
  const bool soon = std::chrono::duration<double>(now - drawn_).count() < kRedraw_s;
  if (bar_open_ && soon && done < total_) return;
  drawn_ = now;
  draw_bar(done, elapsed_s, left_s, note);
}

void Progress::draw_bar(std::int64_t done, double elapsed_s, double left_s, const std::string& note) {
  const double share = static_cast<double>(done) / static_cast<double>(total_);
  const double filled = share * kBarWidth;
  std::string bar;
  for (int cell = 0; cell < kBarWidth; ++cell) {
    constexpr const char* kEighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    bar += kEighths[static_cast<int>(std::clamp(filled - cell, 0.0, 1.0) * 8)];
  }
  const std::string time = done < total_ ? duration_text(left_s) + " left" : duration_text(elapsed_s);
  print_(fmt::format("\r{:3.0f} % ▕{}▏ {}  {}\x1b[K", share * 100, bar, time, note));
  bar_open_ = true;
}

}  // namespace support
