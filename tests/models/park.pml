// SPDX-License-Identifier: Apache-2.0
//
// Parking: two ranks that post to each other and sleep until they are rung, and a failure that ends all waits. Either
// sequentially consistent, or with the store buffers of x86.
//
// Stands for  include/skein/sync/doorbell.hpp, include/skein/sync/waiter.hpp
// Abstracts   the word that is waited for is one counter, the polls before sleeping are one poll or none. A read-modify-
//             write and a system call wait until the own buffer is empty; nobody reads a word that he wrote by a buffered
//             store, so there is no forwarding.
// Checks      no end state but the end: a lost wake-up is a deadlock. Spurious wake-ups, time-outs and signals are a
//             configuration of their own, because they hide lost wake-ups.
//
//   -DTSO                  store buffers
//   -DSPURIOUS             futex calls may return without cause
//   -DABORT                rank 0 fails at any point
//   -DEPISODES=e
//   -DM_...                mutants, each of which must fail; M_PLAIN_... only under TSO

#ifndef EPISODES
#define EPISODES 2
#endif

// Words of memory.
#define POST(r) (r)       // the episode that rank r has posted
#define WATCHERS(r) (2 + (r))  // whether the other rank sleeps on POST(r)
#define BELL(r) (4 + (r))
#define ABORT_WORD 6

byte memory[7];
bool is_asleep[2];
byte finished = 0;

#ifdef TSO
chan buffer[2] = [2] of {byte, byte};
#define DRAINED(own) (len(buffer[own]) == 0)
#define store(own, word, value) buffer[own]!word, value
active [2] proctype memory_bus() {
  byte word, value;
end:
  do
  :: atomic { buffer[_pid]?word, value -> memory[word] = value }
  od
}
#else
#define DRAINED(own) true
#define store(own, word, value) memory[word] = value
#endif

#define exchange(own, word, value) atomic { DRAINED(own) -> memory[word] = value }
#define increment(own, word) atomic { DRAINED(own) -> memory[word] = (memory[word] + 1) % 8 }

inline ring(own, other) {
#ifdef M_WAKE_WITHOUT_RING
  skip;
#else
  increment(own, BELL(other));  // [ring]
#endif
  atomic { DRAINED(own) -> is_asleep[other] = false }
}

inline post(own, other, e) {
#ifdef M_RING_BEFORE_POST
  if
  :: memory[WATCHERS(own)] != 0 -> ring(own, other)
  :: else
  fi;
  exchange(own, POST(own), e)
#else
#ifdef M_PLAIN_POST
  store(own, POST(own), e);
#else
  exchange(own, POST(own), e);
#endif
  if
  :: memory[WATCHERS(own)] != 0 -> ring(own, other)  // [bell]
  :: else
  fi
#endif
}

#define IS_READY(other, e) (memory[POST(other)] >= (e))
#define IS_ABORTED (memory[ABORT_WORD] != 0)  /* [abort-see] */

// Each look is one load: the condition first, then the abort word, as in the code.
inline look(other, e) {
  is_over = IS_READY(other, e);
  if
  :: is_over
  :: else -> is_over = IS_ABORTED
  fi
}

inline futex_wait(own) {
  atomic {
    DRAINED(own) ->
    if
#ifdef M_SLEEP_WITHOUT_COMPARE
    :: true -> is_asleep[own] = true
#else
    :: memory[BELL(own)] == seen_bell -> is_asleep[own] = true
    :: else
#endif
    fi
  }
#ifdef SPURIOUS
  if
  :: !is_asleep[own]
  :: atomic { is_asleep[own] = false }
  fi
#else
  !is_asleep[own]
#endif
}

inline wait(own, other, e) {
  look(other, e);
  if
  :: is_over
  :: else ->
#ifndef M_LATE_ANNOUNCE
#ifdef M_PLAIN_ANNOUNCE
     store(own, WATCHERS(other), 1);
#else
     exchange(own, WATCHERS(other), 1);  // [announce]
#endif
#endif
     do
     :: true ->
#ifdef M_BELL_AFTER_LOOK
        look(other, e);
        seen_bell = memory[BELL(own)];
#else
        seen_bell = memory[BELL(own)];
        look(other, e);
#endif
        if
        :: is_over -> break
        :: else
        fi;
#ifdef M_LATE_ANNOUNCE
        exchange(own, WATCHERS(other), 1);
#endif
        futex_wait(own)
     od;
     exchange(own, WATCHERS(other), 0)  // [retract]
  fi
}

inline fail(own, other) {
#ifdef M_RING_BEFORE_ABORT
  ring(own, other);
  exchange(own, ABORT_WORD, 1)
#else
  exchange(own, ABORT_WORD, 1);
  ring(own, other)
#endif
}

proctype rank(byte own) {
  byte other = 1 - own;
  byte e = 1;
  byte seen_bell = 0;
  bool is_over = false;
  do
  :: e > EPISODES -> break
#ifdef ABORT
  :: own == 0 && e <= EPISODES -> fail(own, other); break
#endif
  :: e <= EPISODES ->
     post(own, other, e);
#ifdef ABORT
     if
     :: own == 0 -> fail(own, other); break
     :: true
     fi;
#endif
     wait(own, other, e);
     if
     :: !IS_READY(other, e) -> break  // aborted
     :: else -> e++
     fi
  od;
  finished++
}

init {
  atomic { run rank(0); run rank(1) }
}
