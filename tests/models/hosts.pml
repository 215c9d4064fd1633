// SPDX-License-Identifier: Apache-2.0
//
// The exchange between hosts: recursive doubling among leaders, episode after episode, over channels that keep the order
// between two hosts and nothing else.
//
// Stands for  include/skein/team/host_exchange.hpp
// Abstracts   what a host knows is the set of hosts whose ranks it knows to have arrived; a host is its leader.
// Checks      nobody completes an episode before all hosts have come to it; a message belongs to the episode and the round
//             that expects it; two hosts are never more than two messages ahead of each other, so a few slots are enough;
//             no end state but the end.
//
//   -DHOSTS=n -DPAIRED=the largest power of two up to n -DEPISODES=e
//   -DM_...            mutants, each of which must fail

#ifndef HOSTS
#define HOSTS 3
#define PAIRED 2
#endif
#ifndef EPISODES
#define EPISODES 3
#endif
#ifndef MOST_AHEAD
#define MOST_AHEAD 2
#endif
#define ALL ((1 << HOSTS) - 1)

chan link[HOSTS * HOSTS] = [4] of {byte, byte};  // from * HOSTS + to: episode, known hosts
byte started[HOSTS];                             // ghost

inline send(to) {  // [send]
  atomic {
    link[own * HOSTS + (to)]!episode, known;
    assert(len(link[own * HOSTS + (to)]) <= MOST_AHEAD)
  }
}

inline receive(from) {  // [receive]
  link[(from) * HOSTS + own]?theirs, heard;
  assert(theirs == episode);
  known = known | heard
}

proctype leader(byte own) {
  byte episode = 0;
  byte known, theirs, heard, distance, i;
  bool has_extra = own + PAIRED < HOSTS;
  do
  :: episode == EPISODES -> break
  :: else ->
     episode++;
     started[own] = episode;
     known = 1 << own;
     if
     :: own >= PAIRED ->
        send(own - PAIRED);
#ifndef M_NO_ANSWER
        receive(own - PAIRED)
#endif
     :: else ->
        if
        :: has_extra -> receive(own + PAIRED)
        :: else
        fi;
        distance = 1;
        do
        :: distance < PAIRED ->
#ifdef M_RECEIVE_FIRST
           receive(own ^ distance);
           send(own ^ distance);
#else
           send(own ^ distance);
           receive(own ^ distance);
#endif
#ifdef M_STOP_A_ROUND_EARLY
           if
           :: distance * 4 >= PAIRED -> break
           :: else
           fi;
#endif
           distance = distance * 2
        :: else -> break
        od;
        if
#ifndef M_NO_ANSWER
        :: has_extra -> send(own + PAIRED)
#endif
        :: else
        fi
     fi;
#ifdef M_NO_ANSWER
     known = (own >= PAIRED -> ALL : known);
#endif
     d_step {
       assert(known == ALL);
       i = 0;
       do
       :: i < HOSTS -> assert(started[i] >= episode); i++
       :: else -> break
       od
     }
  od
}

init {
  byte h = 0;
  atomic {
    do
    :: h < HOSTS -> run leader(h); h++
    :: else -> break
    od
  }
}
