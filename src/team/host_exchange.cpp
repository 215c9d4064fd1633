// SPDX-License-Identifier: Apache-2.0
#include "skein/team/host_exchange.hpp"

#include <bit>
#include <utility>

namespace skein {

HostExchange::HostExchange(Link& link, const RankMap& map, std::span<std::byte> memory)
    : link_(&link), map_(&map), known_(memory) {
  const int host = map.own_host();
  const int hosts = map.hosts();
  const int paired = static_cast<int>(std::bit_floor(static_cast<unsigned>(hosts)));
  if (host >= paired) {
    steps_ = {{Step::give, host - paired}, {Step::get_all, host - paired}};
    return;
  }
  const bool has_extra = host + paired < hosts;
  if (has_extra) steps_.push_back({Step::get_all, host + paired});
  for (int bit = 1; bit < paired; bit *= 2) steps_.push_back({Step::swap, host ^ bit});
  if (has_extra) steps_.push_back({Step::give, host + paired});
}

void HostExchange::start(Episode episode, Signature signature, const Content& content) {
  content_ = content;
  own_ = {.signature = signature, .episode = episode, .parts = 0, .need = static_cast<std::int32_t>(content.need)};
  label_ = label();
  step_ = 0;
  phase_ = Phase::sending;
  arriving_parts_ = 0;
  held_ = {};
}

Progress HostExchange::advance() {
  if (is_mismatched_) return Progress::mismatched;  // its message has been taken; it does not come again
  while (true) {
    switch (phase_) {
      case Phase::sending:
        if (steps_[step_].kind != Step::get_all && !send()) return Progress::pending;
        phase_ = Phase::receiving;
        [[fallthrough]];
      case Phase::receiving: {
        const Progress progress = steps_[step_].kind == Step::give ? Progress::complete : receive();
        if (progress != Progress::complete) return progress;
        phase_ = Phase::moving;
        [[fallthrough]];
      }
      case Phase::moving:
        if (is_moving_ && !link_->transfers_done()) return Progress::pending;
        end_step();
        if (phase_ != Phase::bulk) continue;
        if (content_.bulk != nullptr) may_stay_ = content_.bulk->start(*link_);
        [[fallthrough]];
      case Phase::bulk:
        if (content_.bulk != nullptr && !link_->transfers_done(may_stay_)) return Progress::pending;
        return Progress::complete;
    }
  }
}

bool HostExchange::can_advance() {
  switch (phase_) {
    case Phase::sending:
      return is_mismatched_ || steps_[step_].kind == Step::get_all || link_->outgoing(run_host()) != nullptr;
    case Phase::receiving:
      if (is_mismatched_ || steps_[step_].kind == Step::give) return true;
      if (held_.bytes == nullptr) held_ = link_->try_receive(run_host());
      return held_.bytes != nullptr;
    case Phase::moving:
      return !is_moving_ || link_->transfers_done();
    case Phase::bulk:
      return content_.bulk == nullptr || link_->transfers_done(may_stay_);
  }
  return true;
}

bool HostExchange::send() {  // [send]
  const int to = run_host();
  std::byte* message = link_->outgoing(to);
  if (message == nullptr) return false;
  if (!has_bytes()) {
    link_->send(to, label_, 0);
    return true;
  }
  own_.parts = known_.count();
  const std::span<const std::byte> parts = known_.packed();
  std::memcpy(message, &own_, sizeof(own_));
  if (!is_small(parts.size())) {
    link_->send(to, label_, sizeof(own_));
    link_->start_sending(to, parts);
    is_moving_ = true;
    return true;
  }
  if (!parts.empty()) std::memcpy(message + sizeof(own_), parts.data(), parts.size());
  link_->send(to, label_, sizeof(own_) + parts.size());
  return true;
}

Progress HostExchange::receive() {  // [receive]
  const Message message = held_.bytes != nullptr ? std::exchange(held_, {}) : link_->try_receive(run_host());
  if (message.bytes == nullptr) return Progress::pending;
  is_mismatched_ = message.label != label_;
  Header theirs;
  if (has_bytes() && !is_mismatched_) {
    std::memcpy(&theirs, message.bytes, sizeof(theirs));
    is_mismatched_ = theirs.signature != own_.signature || theirs.episode != own_.episode || theirs.need != own_.need;
  }
  if (is_mismatched_) return Progress::mismatched;
  if (!has_bytes()) return Progress::complete;
  // From a host that knows more than this one, what it knows includes what this one gave.
  if (step_ > 0 && steps_[step_].kind == Step::get_all) known_.reset(content_.bytes);
  if (is_small(bytes_of(theirs.parts))) {
    known_.append({message.bytes + sizeof(theirs), bytes_of(theirs.parts)});
  } else {
    arriving_parts_ = theirs.parts;
    is_moving_ = true;
    link_->start_receiving(run_host(), known_.room(theirs.parts));
  }
  return Progress::complete;
}

void HostExchange::end_step() {
  known_.grow(arriving_parts_);
  arriving_parts_ = 0;
  is_moving_ = false;
  if (content_.need == Content::Need::fold && steps_[step_].kind != Step::give) known_.fold_blocks(content_);
  phase_ = ++step_ == steps_.size() ? Phase::bulk : Phase::sending;
}

}  // namespace skein
