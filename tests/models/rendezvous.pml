// SPDX-License-Identifier: Apache-2.0
//
// How the processes of a host meet after a failure: all that come back read the same outcome, though any may be late, be
// about to exit in disorder, or never come.
//
// Stands for  include/skein/team/rendezvous.hpp
// Abstracts   time: whoever waits may run out of patience at any moment. Words are changed by read-modify-writes only, so
//             store buffers change nothing.
// Checks      one outcome for all; "met" only if every process came to meet; no end state but the end.
//
//   -DPROCESSES=n
//   -DM_...            mutants, each of which must fail

#ifndef PROCESSES
#define PROCESSES 3
#endif

mtype = {open, met, missed};

mtype outcome = open;
byte arrived = 0;
bool has_missed = false;  // ghost: somebody exits in disorder
bool is_absent = false;   // ghost: somebody never comes
byte met_here = 0;        // ghost: how many read each outcome
byte missed_here = 0;

inline decide(verdict) {  // the first decision holds [decide]
  atomic {
    if
#ifdef M_LAST_DECISION_HOLDS
    :: true -> outcome = verdict
#else
    :: outcome == open -> outcome = verdict
    :: else
#endif
    fi
  }
}

inline arrive() {  // [arrive]
  atomic { arrived++; position = arrived }
}

inline meet() {
  arrive();
  if
  :: position == PROCESSES -> decide(met)
  :: else
  fi;
  if
  :: outcome != open -> patience = true
  :: true -> patience = false  // has run out
  fi;
#ifndef M_OPEN_AFTER_TIMEOUT
  decide(missed);
#endif
#ifdef M_OWN_VERDICT
  verdict = (patience -> outcome : missed);
#else
  verdict = outcome;  // [outcome]
#endif
  assert(verdict != open);
  if
  :: verdict == met -> met_here++; assert(!has_missed && !is_absent)
  :: else -> missed_here++
  fi;
  assert(met_here == 0 || missed_here == 0)
}

inline miss() {
#ifdef M_ARRIVE_BEFORE_MISSING
  arrive();
  decide(missed);
#else
  decide(missed);
  arrive();
#endif
  has_missed = true;
  assert(met_here == 0);
  if
  :: arrived == PROCESSES
  :: true  // patience has run out
  fi
}

proctype process() {
  byte position = 0;
  bool patience = false;
  mtype verdict = open;
  if
  :: meet()
  :: miss()
  :: is_absent = true
  fi
}

init {
  byte i = 0;
  atomic {
    do
    :: i < PROCESSES -> run process(); i++
    :: else -> break
    od
  }
}
