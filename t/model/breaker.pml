/* SPDX-License-Identifier: MIT
 *
 * One breaker and the workers that share it: src/core/breaker, one load or compare-and-swap a
 * step. README.md tells how each step maps to the code, what is left out and why, and what each
 * -D is for. GHOST marks what the model keeps for itself: no step of the protocol reads it.
 */

#ifndef WORKERS /* 2 or 3 */
#define WORKERS 2
#endif
#ifndef ATTEMPTS /* that a worker may have in flight: 1 or 2 */
#define ATTEMPTS 2
#endif
#ifndef PROBES
#define PROBES 2
#endif
#ifndef PLACES /* kProbesMax */
#define PLACES PROBES
#endif
#ifndef THRESHOLD
#define THRESHOLD 2
#endif
#ifndef SUCCESSES
#define SUCCESSES 2
#endif
#ifndef FAULTS /* of the peer: failures and missed deadlines; then it is healthy for good */
#define FAULTS 4
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

#define CLOSED 0
#define OPEN 1
#define HALF_OPEN 2

#define NONE 0
#define ORDINARY 1
#define PROBE 2

#define SUCCESS 1
#define FAILURE 2

#define NOWHERE PLACES

/* What the workers share. */

typedef Lease { /* all zero: a free place */
  byte owner; /* slot + 1 */
  byte life;
  byte epoch;
  byte serial; /* stands for the deadline, which tells the passes of one owner apart */
  bool answered
};

byte state = CLOSED, epoch; /* the word */
byte streak, streak_epoch;  /* the run */
Lease lease[PLACES];
byte life[WORKERS] = 1;

/* What each of them has in flight. */

typedef Attempt {
  byte kind;
  byte epoch;
  byte place;
  bool answered;
  bool hangs;
  bool settled /* GHOST: its lease was overdue, and is judged by that */
};

Attempt attempt[WORKERS * ATTEMPTS];

/* What they know nothing of. */

byte faults = FAULTS, crashes = CRASHES;
bool dead[WORKERS];
chan kill[WORKERS] = [0] of { bit };
byte tally;           /* GHOST: outcomes in a row of this epoch, */
bool enough;          /* GHOST: which were enough once */
byte since[WORKERS];  /* GHOST: failures counted since its success began, and 1; 0: none has */

#define me _pid
#define MINE(k) attempt[me * ATTEMPTS + k]

#include "steps.pml"
#include "told.pml"

active [WORKERS] proctype worker() {
  byte k;                      /* the attempt in hand */
  byte at, at_epoch;           /* the word as it was loaded */
  byte half_opened;            /* the epoch that this very call has begun */
  byte i, taken, place;        /* find_place() */
  byte l_owner, l_life, l_epoch, l_serial; /* the lease as it was loaded */
  bool l_answered, late, orphaned;
  byte n, n_epoch;             /* the run as it was loaded */
  byte outcome, of_epoch;      /* what is being judged */
  bool probing;                /* in probe(), not in report() */
  bool notice;                 /* a transition to log */
  byte owes;                   /* GHOST: transitions won and not logged */

idle:
  {
    /* A notice is logged before anything else begins. */
    if
#ifdef TOLD
    TELL
#else
    :: d_step { notice -> notice = false; owes--; assert(owes == 0) } goto idle
#endif
    :: d_step { FREE_TO_BEGIN && ADMITTED -> admit() } goto idle
    :: d_step { FREE_TO_BEGIN && state == OPEN && OPEN_TIME_OVER -> begin_probe() } goto half_open
    :: d_step { FREE_TO_BEGIN && state == HALF_OPEN -> begin_probe(); begin_look() } goto look
    IN_FLIGHT(0)
#if ATTEMPTS > 1
    IN_FLIGHT(1)
#endif
    fi;

    /* probe(): another round, or none: kRounds is any number */
round:
    if
    :: d_step { true -> end_call() } goto idle
    :: d_step { state == OPEN && OPEN_TIME_OVER && !notice -> load_word() } goto half_open
    :: d_step { state == HALF_OPEN && MAY_GO_ROUND -> load_word(); begin_look() } goto look
    fi;

half_open:
    if
    :: d_step { MAY_REPLACE -> replace(HALF_OPEN);
        half_opened = epoch; load_word(); begin_look() } goto look
    :: !MAY_REPLACE -> goto round
    fi;

    /* find_place(): of each place the lease, whether its owner lives, and then it is freed */
look:
    if
    :: d_step { i < PLACES && lease[i].owner == 0 -> next_place(true) } goto look
    :: d_step { i < PLACES && lease[i].owner != 0 && MAY_BE_IN_TIME(i) -> load_lease(i) }
    :: d_step { i < PLACES && lease[i].owner != 0 && MAY_BE_LATE(i) ->
        load_lease(i); late = true; faults = faults - COST(i) }
    :: d_step { i == PLACES && (place == NOWHERE || FULL) -> end_call() } goto idle
    :: d_step { i == PLACES && place != NOWHERE && !FULL && MAY_TAKE -> take() } goto check
    :: d_step { i == PLACES && place != NOWHERE && !FULL && !MAY_TAKE } goto round
    fi;
    if
    :: d_step { !ORPHANED && !late -> next_place(false) } goto look
    :: d_step { !ORPHANED && late ->
        assert(life[l_owner - 1] == l_life) } /* nobody is judged for a death */
    :: d_step { ORPHANED -> orphaned = true }
    fi;
    if
    :: d_step { !HAS_LEASE(i) -> next_place(false) } goto look
    :: d_step { HAS_LEASE(i) && (orphaned || !OF_THIS_EPOCH) ->
        settle(); clear_lease(i); next_place(true) } goto look
    :: d_step { HAS_LEASE(i) && !orphaned && OF_THIS_EPOCH && !l_answered ->
        settle(); clear_lease(i); begin_verdict(FAILURE) } goto flip
    :: d_step { HAS_LEASE(i) && !orphaned && OF_THIS_EPOCH && l_answered ->
        settle(); clear_lease(i); begin_verdict(SUCCESS) } goto lengthen
    fi;

    /* probe(): the verdict may have fallen while the place was being taken */
check:
    if
    :: d_step { MAY_PASS -> pass(); end_call() } goto idle
#ifdef TIME
    :: d_step { MAY_PASS && hangs > 0 -> pass(); hang(); end_call() } goto idle
#endif
    :: !MAY_PASS
    fi;
    if
    :: d_step { IS_TAKEN -> clear_lease(place) } goto round
    :: !IS_TAKEN -> goto round
    fi;

    /* report() of a probe that has given back its lease */
judge:
    if
    :: d_step { !IN_EPOCH(of_epoch) || state != HALF_OPEN -> end_call() } goto idle
    :: d_step { IN_EPOCH(of_epoch) && state == HALF_OPEN && outcome == FAILURE -> load_word() }
      goto flip
    :: d_step { IN_EPOCH(of_epoch) && state == HALF_OPEN && outcome == SUCCESS -> load_word() }
    fi;

lengthen:
    if
    :: d_step { true -> load_run() }
    fi;
still:
    if
    :: STILL
    :: !STILL && probing -> goto round
    :: d_step { !STILL && !probing -> end_call() } goto idle
    fi;
    if
    :: d_step { HAS_RUN && ENOUGH -> lengthen_run() }
    :: d_step { HAS_RUN && !ENOUGH && probing -> lengthen_run() } goto round
    :: d_step { HAS_RUN && !ENOUGH && !probing -> lengthen_run(); end_call() } goto idle
    :: d_step { !HAS_RUN -> load_run() } goto still
    fi;

    /* open(), unless max_open forbids it, and the end of settle_probe() */
flip:
    if
    :: d_step { at == CLOSED -> end_call() } goto idle
    :: d_step { MAY_REPLACE ->
        replace((at == HALF_OPEN && outcome == SUCCESS -> CLOSED : OPEN)); end_call() } goto idle
    :: !MAY_REPLACE && probing -> goto round
    :: d_step { !MAY_REPLACE && !probing -> end_call() } goto idle
    fi;

#ifdef TOLD
    /* told() */
mark:
    if
    :: d_step { true -> told = (told < half_told[me] -> half_told[me] : told); half_told[me] = 0 }
      goto idle
    fi;
    /* untold(), and what is done about it at the second look */
untold:
    at_epoch = epoch;
    n = told;
    if
    :: d_step { suspect[me] == 0 ->
        bereft[me] = false;
        suspect[me] = (n != at_epoch -> at_epoch : 0); n = 0; at_epoch = 0 }
      goto idle
    :: d_step { suspect[me] != 0 && (n == at_epoch || at_epoch != suspect[me]) ->
        suspect[me] = 0; n = 0; at_epoch = 0 } goto idle
#ifdef MARKS_LAST
    :: d_step { suspect[me] != 0 && n != at_epoch && at_epoch == suspect[me] ->
        log_line(at_epoch); retold[me] = at_epoch; suspect[me] = 0; n = 0; at_epoch = 0 }
    fi;
    if
    :: d_step { true -> told = (told < retold[me] -> retold[me] : told); retold[me] = 0 } goto idle
    fi;
#else
    :: suspect[me] != 0 && n != at_epoch && at_epoch == suspect[me]
    fi;
    if
    :: d_step { told >= at_epoch -> suspect[me] = 0; n = 0; at_epoch = 0 } goto idle
    :: d_step { told < at_epoch ->
        told = at_epoch; claimed[me] = at_epoch; suspect[me] = 0; n = 0; at_epoch = 0 }
    fi;
    if
    :: d_step { true -> log_line(claimed[me]); claimed[me] = 0 } goto idle
    fi;
#endif
#endif

    /* forget_run() */
forget:
    if
    :: d_step { RUN_OF(at_epoch) == 0 -> end_success() } goto idle
    :: d_step { RUN_OF(at_epoch) != 0 -> load_run() }
    fi;
    if
    :: d_step { HAS_RUN -> forget_run(); end_success() } goto idle
#ifdef FORGETS_ONCE
    :: d_step { !HAS_RUN -> end_success() } goto idle
#else
    :: d_step { !HAS_RUN } goto forget
#endif
    fi
  } unless {
    atomic { /* killed: between any two steps */
      kill[me] ? _ ->
      dead[me] = true;
#ifdef TOLD
      die_untold();
#endif
      notice = false; owes = 0; since[me] = 0;
      end_call();
      clear_mine(0);
#if ATTEMPTS > 1
      clear_mine(1);
#endif
      goto idle
    }
  }
}

/* The master, and whoever buries. */
#ifdef TOLD
#define FATE(w) \
  :: atomic { crashes > 0 && !dead[w] -> crashes--; kill[w] ! 0 } \
  :: d_step { dead[w] -> bereft[w] = life[w] % 2; life[w] = life[w] + 1 + life[w] % 2; \
      dead[w] = false }
#else
#define FATE(w) \
  :: atomic { crashes > 0 && !dead[w] -> crashes--; kill[w] ! 0 } \
  :: d_step { dead[w] && life[w] % 2 == 1 -> life[w]++ } \
  :: d_step { dead[w] && life[w] % 2 == 0 -> life[w]++; dead[w] = false }
#endif

active proctype master() {
  do
  FATE(0)
  FATE(1)
#if WORKERS > 2
  FATE(2)
#endif
#ifdef TOLD
  EVERYTHING_IS_TOLD
#endif
  od
}

#ifdef TIME
#define DEADLINE(p) \
  :: d_step { lease[p].owner != 0 && !overdue[p] && (faults > 0 || !COSTS(p)) -> \
      overdue[p] = true; faults = faults - COSTS(p) }

active proctype clock() {
  do
  :: d_step { state == OPEN && !passed -> passed = true }
  DEADLINE(0)
#if PLACES > 1
  DEADLINE(1)
#endif
  od
}

/* It heals, and until then it is probed, each time it opens. */
ltl healed { <> [] (state == CLOSED) }
ltl kept_probed { [] ((state != CLOSED && !probed) -> <> probed) }
#endif
