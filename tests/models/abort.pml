// SPDX-License-Identifier: Apache-2.0
//
// A failure at any point, while others read the failing rank's memory: who leaves waits until nobody reads any more.
// Either sequentially consistent, or with the store buffers of x86.
//
// Stands for  include/skein/team/failure.hpp, include/skein/team/readers.hpp
// Abstracts   the exchange is a counter, waits are blocked; each rank publishes one buffer, and reads those of all others in
//             bounded pieces, in any order. The one word that a rank reads after it wrote it by a buffered store is the abort word.
// Checks      nobody reads memory of a rank that has left; who sees the abort finds the record written, by one rank only;
//             no end state but the end.
//
//   -DTSO               store buffers
//   -DRANKS=n -DPIECES=k
//   -DM_...             mutants, each of which must fail; M_PLAIN_... only under TSO

#ifndef RANKS
#define RANKS 3
#endif
#ifndef PIECES
#define PIECES 2
#endif

// Words of memory.
#define FLAG(r) (r)
#define ABORT_WORD RANKS
#define RECORD RANKS + 1  // none, being written, written

#define NONE 0
#define BEING_WRITTEN 1
#define WRITTEN 2

byte memory[RANKS + 2];
bool is_alive[RANKS];  // ghost: the buffer
byte arrived = 0;      // of the exchange that announces the buffers
byte closed = 0;       // of the exchange that keeps them until all have read
byte recorders = 0;    // ghost

#ifdef TSO
chan buffer[RANKS] = [2] of {byte, byte};
#define DRAINED(own) (len(buffer[own]) == 0)
#define store(own, word, value) buffer[own]!word, value
active [RANKS] proctype memory_bus() {
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

// A seq_cst store, which is an exchange on x86.
#define store_seq_cst(own, word, value) atomic { DRAINED(own) -> memory[word] = value }

#define IS_ABORTED (memory[ABORT_WORD] != 0)

inline fail() {
  atomic {  // a read-modify-write [claim]
    DRAINED(own) ->
    if
#ifdef M_TWO_RECORDERS
    :: true -> has_claimed = true
#else
    :: memory[RECORD] == NONE -> memory[RECORD] = BEING_WRITTEN; has_claimed = true
    :: else -> has_claimed = false
#endif
    fi
  };
  if
  :: has_claimed ->
     recorders++;
#ifdef M_ABORT_BEFORE_RECORD
     store_seq_cst(own, ABORT_WORD, 1);
     store(own, RECORD, WRITTEN)
#else
     store(own, RECORD, WRITTEN);       // [record]
#ifdef M_PLAIN_ABORT
     store(own, ABORT_WORD, 1)
#else
     store_seq_cst(own, ABORT_WORD, 1)  // [abort]
#endif
#endif
  :: else
  fi
}

// Of a rank that failed or has seen the abort: nobody may read its buffer when it is gone.
inline leave() {
#ifndef M_LEAVE_AT_ONCE
#ifdef M_QUIET_BEFORE_ABORT
  skip;
#else
  has_claimed || IS_ABORTED;  // the own store is seen at once; another rank may be about to set the word
#endif
  i = 0;
  do
  :: i < RANKS -> memory[FLAG(i)] == 0; i++  // [quiet]
  :: else -> break
  od;
#endif
  is_alive[own] = false
}

proctype rank(byte own) {
  byte i = 0;
  byte peer;
  byte piece = 0;
  bool has_claimed = false;
  bool sees_abort = false;
  is_alive[own] = true;
  if
  :: fail(); goto leaving
  :: true
  fi;
  arrived++;
  if
  :: arrived == RANKS
  :: IS_ABORTED -> goto seen
  fi;
  do
  :: piece == PIECES -> break
  :: piece < PIECES ->
     select(peer : 0 .. RANKS - 1);
#ifdef M_LOOK_BEFORE_FLAG
     sees_abort = IS_ABORTED;
     store_seq_cst(own, FLAG(own), 1);
#else
#ifdef M_PLAIN_FLAG
     store(own, FLAG(own), 1);
#else
     store_seq_cst(own, FLAG(own), 1);  // [flag]
#endif
     sees_abort = IS_ABORTED;
#endif
     if
     :: sees_abort
     :: else ->
        assert(is_alive[peer]);  // touches it
        assert(is_alive[peer])
     fi;
     store(own, FLAG(own), 0);  // [unflag]
     if
     :: sees_abort -> goto seen
     :: else -> piece++
     fi;
     if
     :: fail(); goto leaving
     :: true
     fi
  od;
#ifndef M_NO_CLOSING_EXCHANGE
  closed++;
  if
  :: closed == RANKS
  :: IS_ABORTED -> goto seen
  fi;
#endif
  is_alive[own] = false;
  goto end;
seen:
  assert(memory[RECORD] == WRITTEN);
leaving:
  leave();
end:
  assert(recorders <= 1)
}

init {
  byte r = 0;
  atomic {
    do
    :: r < RANKS -> run rank(r); r++
    :: else -> break
    od
  }
}
