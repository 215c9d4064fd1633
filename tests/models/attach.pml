// SPDX-License-Identifier: Apache-2.0
//
// How the segment's descriptor reaches the other processes of a host: the first listens, then all learn where, those who
// can connect do, all learn how many that were, and the first answers as many.
//
// Stands for  src/mpi/share_segment.cpp
// Abstracts   MPI's allgather, which is a meeting of all; a process that cannot connect takes the other way, through /proc.
//             A peer may die once it has connected; the first then runs out of patience.
// Checks      nobody connects to a socket that does not listen; every connection is answered; no end state but the end.
//
//   -DPEERS=n
//   -DDEATHS           peers may die; a configuration of its own, because a death hides a lost answer
//   -DM_...            mutants, each of which must fail

#ifndef PEERS
#define PEERS 3
#endif

bool is_listening = false;
byte offered = 0;  // processes at the first allgather
byte told = 0;     // processes at the second
byte connected = 0;
bool has_answer[PEERS];
bool is_connected[PEERS];

inline allgather(counter) {
  counter++;
  counter == PEERS + 1
}

proctype first() {
  byte to_answer = 0;
  byte i = 0;
#ifndef M_LISTEN_AFTER_OFFER
  is_listening = true;  // [listen]
#endif
  allgather(offered);  // [offer]
#ifdef M_LISTEN_AFTER_OFFER
  is_listening = true;
#endif
#ifdef M_COUNT_BEFORE_ALL_KNOW
  to_answer = connected;
  allgather(told);
#else
  allgather(told);  // [count]
  to_answer = connected;
#endif
#ifdef M_ANSWER_ALL
  to_answer = PEERS;
#endif
  do
  :: i < PEERS && to_answer > 0 ->
     if
     :: is_connected[i] -> has_answer[i] = true; to_answer--  // [serve]
     :: else
     fi;
     i++
  :: to_answer == 0 -> break
  od
}

proctype peer(byte own) {
  bool has_connection = false;
  allgather(offered);
  if
  :: assert(is_listening); has_connection = true
  :: true  // sockets are forbidden here
  fi;
  if
  :: has_connection -> atomic { is_connected[own] = true; connected++ }
  :: else
  fi;
  allgather(told);
  if
  :: !has_connection -> goto attached  // through /proc
  :: else
  fi;
  if
  :: has_answer[own]
#ifdef DEATHS
  :: true  // dies
#endif
  fi;
attached:
  skip
}

init {
  byte i = 0;
  atomic {
    run first();
    do
    :: i < PEERS -> run peer(i); i++
    :: else -> break
    od
  }
}
