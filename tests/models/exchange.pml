// SPDX-License-Identifier: Apache-2.0
//
// The exchange: arrivals, ascents and releases over rings of lines, under sequential consistency.
//
// Stands for  include/skein/team/exchange.hpp
// Abstracts   a wait is blocked, not looping (park.pml has the waiting); the payload of episode e is e; a host only.
// Checks      nobody retires an episode before all have posted it; what is read of an episode is what was posted for it;
//             no end state but the end (a program of finite length has no cycles, so this is progress as well).
//
//   -DALL_TO_ALL | -DGATHER_RELEASE | -DLEVELS      the formation; levels: groups {0,1} and {2,3}, led by 0 and 2
//   -DRANKS=n -DEPISODES=e
//   -DM_...                                         mutants, each of which must fail

#ifndef RANKS
#define RANKS 3
#endif
#ifndef EPISODES
#define EPISODES 5
#endif

#ifdef M_SHORT_RING
#define RING 1
#else
#define RING 2
#endif

#define CHANNELS 3 * RANKS
#define ARRIVAL(r) (r)
#define ASCENT(r) (RANKS + (r))
#define RELEASE(r) (2 * RANKS + (r))
#define AT(channel, e) ((channel) * RING + (e) % RING)

byte posted_episode[CHANNELS * RING];
byte posted_payload[CHANNELS * RING];
byte arrived[RANKS];  // ghost: the last episode each rank has posted

inline post(channel, e) {
#ifdef M_EPISODE_FIRST
  posted_episode[AT(channel, e)] = e;
  posted_payload[AT(channel, e)] = e;
#else
  posted_payload[AT(channel, e)] = e;
  posted_episode[AT(channel, e)] = e;
#endif
}

inline see(channel, e) { posted_episode[AT(channel, e)] == e }

inline read_payload(channel, e) { assert(posted_payload[AT(channel, e)] == e) }

// All-to-all, in which every rank sees all others for itself.
inline see_all(e) {
  i = 0;
  do
  :: i < RANKS -> see(ARRIVAL(i), e); i++  // [see]
  :: else -> break
  od;
  i = 0
}

// What may be read once the episode is complete, until the next arrival: the lines of all ranks.
inline combine(e) {
  i = 0;
  do
  :: i < RANKS -> read_payload(ARRIVAL(i), e); i++
  :: else -> break
  od;
  i = 0
}

inline assert_all_arrived(e) {
  d_step {
    i = 0;
    do
    :: i < RANKS -> assert(arrived[i] >= e || posted_episode[AT(ARRIVAL(i), e)] == e); i++
    :: else -> break
    od;
    i = 0
  }
}

proctype rank(byte own) {
  byte mine = 0;
  byte i = 0;
  do
  :: mine == EPISODES -> break
  :: mine < EPISODES ->
     mine++;
     post(ARRIVAL(own), mine);  // [post]
     arrived[own] = mine;
#ifdef ALL_TO_ALL
     see_all(mine);
     combine(mine);
#endif
#ifdef GATHER_RELEASE
     if
     :: own == 0 ->
        i = 1;
        do
#ifdef M_SKIP_CHILD
        :: i < RANKS - 1 -> see(ARRIVAL(i), mine); i++
#else
        :: i < RANKS -> see(ARRIVAL(i), mine); i++  // [see]
#endif
        :: else -> break
        od;
        combine(mine);
        post(RELEASE(0), mine)  // [release]
     :: else ->
        see(RELEASE(0), mine);  // [free]
        read_payload(RELEASE(0), mine);
        combine(mine)
     fi;
#endif
#ifdef LEVELS
     if
     :: own == 0 ->
        see(ARRIVAL(1), mine);  // [see]
#ifdef M_EARLY_RELEASE
        post(RELEASE(0), mine);
        see(ASCENT(2), mine);
#else
        see(ASCENT(2), mine);  // [see]
#endif
        combine(mine);
        post(RELEASE(1), mine);  // to the leader of the other group [release]
#ifndef M_EARLY_RELEASE
        post(RELEASE(0), mine)   // to its own group [release]
#endif
     :: own == 2 ->
#ifdef M_EARLY_ASCEND
        post(ASCENT(2), mine);
        see(ARRIVAL(3), mine);
#else
        see(ARRIVAL(3), mine);   // [see]
        post(ASCENT(2), mine);   // [ascend]
#endif
        see(RELEASE(1), mine);   // [free]
        read_payload(RELEASE(1), mine);
        post(RELEASE(2), mine)   // [release]
     :: own == 1 ->
        see(RELEASE(0), mine);   // [free]
        read_payload(RELEASE(0), mine)
     :: own == 3 ->
        see(RELEASE(2), mine);   // [free]
        read_payload(RELEASE(2), mine)
     fi;
#endif
     assert_all_arrived(mine)
  od
}

init {
  byte e = 0;
  atomic {
    do
    :: e < RANKS -> run rank(e); e++
    :: else -> break
    od
  }
}
