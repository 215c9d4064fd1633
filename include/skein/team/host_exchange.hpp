// SPDX-License-Identifier: Apache-2.0
//
// The level of an exchange above the host: the leaders of all hosts meet and learn what each other's ranks contribute.
//
// Who      the leader of each host, once per episode, between the arrival of its ranks and their release.
// How      recursive doubling: in round r host h swaps all it knows with host h xor 2^r. Hosts beyond the largest power of
//          two h >= 2^k first hand what they have to host h - 2^k, and get the result from it.
// Cost     ceil(log2 hosts) rounds of one message each way (and a transfer, where it exceeds Link::kSmallBytes), two more
//          when the hosts are not a power of two. A message that brings nothing but the arrival of ranks is a label without
//          bytes. Others have 24 bytes and the contributions: one payload, at most 4 log2 p folds for hosts of contiguous
//          ranks, or, where every rank needs the payloads of all, all of them.
// Order
//   [send]     what this host knows, before it waits for its partner of the round
//   [receive]  what the partner knows. The next round, and the next episode, come after it; so messages between two hosts
//              are never more than two ahead, and come in order.
// Source   recursive doubling: Thakur, Rabenseifner and Gropp, IJHPCA 19(1), 2005, doi:10.1177/1094342005051521, section 4.
#pragma once

#include <vector>

#include "skein/team/contributions.hpp"
#include "skein/team/network.hpp"
#include "skein/team/rank_map.hpp"

namespace skein {

class HostExchange {
 public:
  /// All outlive it. `memory` is Contributions::kLargestStride bytes for each rank of the team.
  HostExchange(Link& link, const RankMap& map, std::span<std::byte> memory);

  /// Begins an episode whose ranks have all arrived here. Fill contributions() before.
  void start(Episode episode, Signature signature, const Content& content);

  /// What is known: of this host at first, of all hosts when complete.
  Contributions& contributions() { return known_; }

  /// Does what can be done without waiting, folds by operators of the program among it.
  Progress advance();

  /// Whether that would be something; runs nothing of the program. May be called on any fiber of the lane.
  bool can_advance();

  /// After Progress::mismatched: the host whose signature differs, by its number in the team.
  int mismatched_host() const { return steps_[step_].host; }

  Link& link() { return *link_; }

 private:
  struct Header {
    Signature signature = 0;
    Episode episode = 0;
    std::int32_t parts = 0;
    std::int32_t need = 0;
  };
  struct Step {
    enum Kind { swap, give, get_all } kind;
    int host;
  };
  enum class Phase { sending, receiving, moving, bulk };

  /// What tells one exchange from others where the label is all that is sent: a hash of signature and episode. Of n bits, it
  /// overlooks a mismatch once in 2^n; Open MPI's tags give it 31.
  std::uint32_t label() const {
    const auto folded = static_cast<std::uint32_t>(own_.signature ^ (own_.signature >> 32U));
    return (folded ^ (static_cast<std::uint32_t>(own_.episode) * 0x9e3779b1U)) & link_->label_mask();
  }
  bool has_bytes() const { return content_.need != Content::Need::nothing; }

  static bool is_small(std::size_t bytes) { return sizeof(Header) + bytes <= Link::kSmallBytes; }
  std::size_t bytes_of(int parts) const {
    return static_cast<std::size_t>(parts) * Contributions::stride(content_.bytes);
  }
  bool send();
  Progress receive();
  void end_step();

  int run_host() const { return map_->run_host(steps_[step_].host); }

  Link* link_;
  const RankMap* map_;
  std::vector<Step> steps_;
  Contributions known_;
  Content content_;
  Header own_;
  std::uint32_t label_ = 0;
  std::size_t step_ = 0;
  Phase phase_ = Phase::sending;
  int arriving_parts_ = 0;    // in a transfer
  std::size_t may_stay_ = 0;  // transfers under way when bulk is over
  bool is_moving_ = false;    // parts, in transfers
  Message held_;              // that has come, and was not looked at
  bool is_mismatched_ = false;
};

}  // namespace skein
