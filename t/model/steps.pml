/* SPDX-License-Identifier: MIT
 *
 * When a worker's steps may be taken, and what they do. What a -D takes away here has to be
 * noticed: scripts/model runs each of them and wants an error.
 */

#define HAS_WORD (epoch == at_epoch)
#define HAS_RUN (streak == n && streak_epoch == n_epoch)
#define HAS_LEASE(p) (lease[p].owner == l_owner && lease[p].life == l_life && \
  lease[p].epoch == l_epoch && lease[p].serial == l_serial && lease[p].answered == l_answered)
#define IS_TAKEN (lease[place].owner == me + 1 && lease[place].life == life[me] && \
  lease[place].epoch == at_epoch && lease[place].serial == k && !lease[place].answered)
#define HOLDS(k) (lease[MINE(k).place].owner == me + 1 && \
  lease[MINE(k).place].life == life[me] && lease[MINE(k).place].epoch == MINE(k).epoch && \
  lease[MINE(k).place].serial == k && lease[MINE(k).place].answered == MINE(k).answered)

#define RUN_OF(e) (streak_epoch == e -> streak : 0)
#define NEEDED (at == CLOSED -> THRESHOLD : SUCCESSES)
#define ENOUGH (LENGTHENED >= NEEDED)

#define READY (!dead[me] && !notice)
#if ATTEMPTS == 1
#define ROOM 0
#define FREE_TO_BEGIN (READY && MINE(0).kind == NONE)
#else
#define ROOM (MINE(0).kind == NONE -> 0 : 1)
#define FREE_TO_BEGIN (READY && (MINE(0).kind == NONE || MINE(1).kind == NONE))
#endif

#define IS_PROBE(n) (attempt[n].kind == PROBE && !attempt[n].settled)
#if WORKERS * ATTEMPTS == 2
#define IN_FLIGHT_PROBES (IS_PROBE(0) + IS_PROBE(1))
#elif WORKERS * ATTEMPTS == 3
#define IN_FLIGHT_PROBES (IS_PROBE(0) + IS_PROBE(1) + IS_PROBE(2))
#else
#define IN_FLIGHT_PROBES (IS_PROBE(0) + IS_PROBE(1) + IS_PROBE(2) + IS_PROBE(3))
#endif

#ifdef PANIC /* or observe: ordinary attempts pass in every state */
#define ADMITTED true
#else
#define ADMITTED (state == CLOSED)
#endif

/* What may be missing. */

#ifdef LATE_OUTCOMES_COUNT
#define IN_EPOCH(e) true
#else
#define IN_EPOCH(e) (epoch == e)
#endif
#ifdef OVERDUE_IN_ANY_EPOCH
#define OF_THIS_EPOCH true
#else
#define OF_THIS_EPOCH (l_epoch == at_epoch)
#endif
#ifdef BLIND_RELEASE
#define MAY_RELEASE(k) true
#else
#define MAY_RELEASE(k) HOLDS(k)
#endif
#ifdef BLIND_TRANSITION
#define MAY_REPLACE true
#else
#define MAY_REPLACE HAS_WORD
#endif
#ifdef BLIND_TAKING
#define MAY_TAKE true
#else
#define MAY_TAKE (lease[place].owner == 0)
#endif
#ifdef NO_LOOK_AFTER_TAKING
#define MAY_PASS true
#else
#define MAY_PASS HAS_WORD
#endif
#ifdef LIVES_IGNORED
#define ORPHANED false
#else
#define ORPHANED (life[l_owner - 1] != l_life)
#endif
#ifdef ONE_PROBE_MORE
#define FULL (taken > PROBES)
#else
#define FULL (taken >= PROBES)
#endif
#ifdef RUN_WITHOUT_EPOCH
#define LENGTHENED (n + 1)
#else
#define LENGTHENED ((n_epoch == at_epoch -> n : 0) + 1)
#endif
#ifdef RUN_UNCHECKED
#define STILL true
#else
#define STILL HAS_WORD
#endif
#ifdef TWO_NOTICES
#define MAY_GO_ROUND true
#else
#define MAY_GO_ROUND (!notice)
#endif

/* Time. What this very call has begun is not overdue for it. */

#ifndef TIME
/* Whatever has a deadline may be seen as overdue, and as not yet, by anybody at any time. */
#define OPEN_TIME_OVER true
#define MAY_BE_IN_TIME(p) true
#define MAY_BE_LATE(p) ((lease[p].answered || faults > 0) && lease[p].epoch != half_opened)
#define COST(p) (!lease[p].answered)
#define MAY_END(k) true
#define MAY_SUCCEED(k) true
#define MAY_FAIL(k) (faults > 0)
#define MAY_SAY_NOTHING(k) true
#define SILENCE 0
#define MAY_ANSWER(k) true
#define FAULT(k) 1
#else
/* Deadlines pass one day, and then for all. A probe that hangs ends only when it was judged. */
#ifndef HANGS
#define HANGS 1
#endif
bool passed, overdue[PLACES];
byte hangs = HANGS;
bool probed; /* GHOST: since it opened */
#define OPEN_TIME_OVER passed
#ifdef NO_DEADLINE
#define MAY_BE_IN_TIME(p) true
#define MAY_BE_LATE(p) false
#else
#define MAY_BE_IN_TIME(p) (!overdue[p] || lease[p].epoch == half_opened)
#define MAY_BE_LATE(p) (overdue[p] && lease[p].epoch != half_opened)
#endif
#define COST(p) 0
#define HANGING(p) attempt[(lease[p].owner - 1) * ATTEMPTS + lease[p].serial].hangs
#define COSTS(p) (!lease[p].answered && !HANGING(p))
#define MAY_END(k) (!MINE(k).hangs || !HOLDS(k))
#define TOO_LATE(k) (overdue[MINE(k).place] && !MINE(k).answered)
#define MAY_SUCCEED(k) (!TOO_LATE(k))
#define MAY_FAIL(k) (TOO_LATE(k) || faults > 0)
#define FAULT(k) (!TOO_LATE(k))
#define MAY_SAY_NOTHING(k) (!TOO_LATE(k) && faults > 0) /* or nothing need come of any probe */
#define SILENCE 1
#define MAY_ANSWER(k) (!overdue[MINE(k).place])
#endif

inline load_word() {
  at = state; at_epoch = epoch
}

inline load_run() {
  n = streak; n_epoch = streak_epoch
}

inline load_lease(p) {
  l_owner = lease[p].owner; l_life = lease[p].life; l_epoch = lease[p].epoch;
  l_serial = lease[p].serial; l_answered = lease[p].answered
}

inline forget_lease() {
  l_owner = 0; l_life = 0; l_epoch = 0; l_serial = 0; l_answered = false;
  late = false; orphaned = false
}

inline clear_lease(p) {
  lease[p].owner = 0; lease[p].life = 0; lease[p].epoch = 0; lease[p].serial = 0;
  lease[p].answered = false;
#ifdef TIME
  overdue[p] = false
#endif
}

inline give_back(a) {
  place = MINE(a).place;
  clear_lease(place);
  place = 0;
  clear_mine(a)
}

inline clear_mine(a) {
  MINE(a).kind = NONE; MINE(a).epoch = 0; MINE(a).place = 0;
  MINE(a).answered = false; MINE(a).hangs = false; MINE(a).settled = false
}

inline end_call() {
  k = 0; at = 0; at_epoch = 0; half_opened = 0; i = 0; taken = 0; place = 0; n = 0; n_epoch = 0;
  outcome = 0; of_epoch = 0; probing = false;
  forget_lease()
}

inline admit() {
  k = ROOM;
  MINE(k).kind = ORDINARY; MINE(k).epoch = epoch;
  k = 0
}

inline begin_probe() {
  k = ROOM; probing = true; load_word()
}

inline begin_look() {
  load_word(); i = 0; taken = 0; place = NOWHERE
}

inline next_place(is_free) {
  if
  :: is_free && place == NOWHERE -> place = i
  :: else -> taken = taken + !is_free
  fi;
  forget_lease();
  i++
}

inline take() {
  lease[place].owner = me + 1; lease[place].life = life[me]; lease[place].epoch = at_epoch;
  lease[place].serial = k; lease[place].answered = false;
  i = 0; taken = 0
}

inline pass() {
  assert(HAS_WORD); /* no probe passes for a half-open time that is over */
  MINE(k).kind = PROBE; MINE(k).epoch = at_epoch; MINE(k).place = place;
  MINE(k).settled = !HOLDS(k);
  assert(IN_FLIGHT_PROBES <= PROBES); /* never more than that */
#ifdef TIME
  probed = true
#endif
}

inline hang() {
  hangs--;
  MINE(k).hangs = HOLDS(k)
}

/* A lease that was overdue is freed. */
inline settle() {
  if
  :: attempt[(l_owner - 1) * ATTEMPTS + l_serial].kind == PROBE &&
     attempt[(l_owner - 1) * ATTEMPTS + l_serial].epoch == l_epoch && !orphaned ->
       attempt[(l_owner - 1) * ATTEMPTS + l_serial].settled = true
  :: else
  fi
}

inline begin_verdict(verdict) {
  outcome = verdict; of_epoch = l_epoch;
  i = 0; taken = 0; place = 0;
  forget_lease()
}

inline begin_report(a, verdict) {
  outcome = verdict; of_epoch = MINE(a).epoch
}

/* The word was replaced by one compare-and-swap, and the winner has something to tell. */
inline replace(to) {
  assert(owes == 0);                            /* no notice takes the place of another */
  assert(HAS_WORD);                             /* each transition is won once */
  assert(to == HALF_OPEN || of_epoch == epoch); /* by an outcome of its own epoch */
  assert(to == HALF_OPEN || (to == OPEN && state == HALF_OPEN) || enough); /* in a row */
  state = to;
  epoch++;
  tally = 0;
  enough = false;
#ifdef TIME
  passed = false;
  probed = probed && to == HALF_OPEN;
#endif
#ifdef TOLD
  owed[me] = epoch;
#endif
  notice = true;
  owes++
}

inline lengthen_run() {
  assert(HAS_WORD || RUN_OF(epoch) == 0); /* a late outcome changes nothing */
  tally = tally + HAS_WORD;
  enough = enough || (HAS_WORD && tally >= NEEDED);
  streak = LENGTHENED;
  streak_epoch = at_epoch;
  assert(!HAS_WORD || streak == tally);   /* and none of this epoch is lost */
  if
  :: at == CLOSED && HAS_WORD -> count_since(0); count_since(1);
#if WORKERS > 2
    count_since(2)
#endif
  :: else
  fi;
  n = 0; n_epoch = 0
}

inline count_since(w) {
  since[w] = since[w] + (since[w] != 0)
}

inline forget_run() {
  streak = 0;
  streak_epoch = at_epoch;
  tally = (HAS_WORD -> 0 : tally)
}

/* After a success only those failures count that came after it began. */
inline end_success() {
  assert(!HAS_WORD || RUN_OF(epoch) <= since[me] - 1);
  since[me] = 0;
  end_call()
}

/*
 * What becomes of an attempt in flight. It may end with nothing to say, which is also what a late
 * outcome comes to. An ordinary one may fail or succeed. A probe may find that its lease was
 * judged, give it back with or without an outcome, or learn that its response has begun.
 */
#define IN_FLIGHT(a) \
  :: d_step { READY && MINE(a).kind == ORDINARY -> clear_mine(a) } goto idle \
  :: d_step { READY && MINE(a).kind == ORDINARY && IN_EPOCH(MINE(a).epoch) && state == CLOSED && \
      faults > 0 -> \
      faults--; begin_report(a, FAILURE); load_word(); clear_mine(a) } goto lengthen \
  :: d_step { READY && MINE(a).kind == ORDINARY && IN_EPOCH(MINE(a).epoch) && state == CLOSED -> \
      begin_report(a, SUCCESS); load_word(); since[me] = 1; clear_mine(a) } goto forget \
  :: d_step { READY && MINE(a).kind == PROBE && MAY_END(a) && !MAY_RELEASE(a) -> \
      assert(MINE(a).settled); clear_mine(a) } goto idle \
  :: d_step { READY && MINE(a).kind == PROBE && MAY_END(a) && MAY_RELEASE(a) && \
      MAY_SAY_NOTHING(a) -> \
      faults = faults - SILENCE; give_back(a) } goto idle \
  :: d_step { READY && MINE(a).kind == PROBE && MAY_END(a) && MAY_RELEASE(a) && MAY_FAIL(a) -> \
      faults = faults - FAULT(a); begin_report(a, FAILURE); give_back(a) } goto judge \
  :: d_step { READY && MINE(a).kind == PROBE && MAY_END(a) && MAY_RELEASE(a) && MAY_SUCCEED(a) -> \
      begin_report(a, SUCCESS); give_back(a) } goto judge \
  :: d_step { READY && MINE(a).kind == PROBE && HOLDS(a) && !MINE(a).answered && \
      MAY_ANSWER(a) -> \
      lease[MINE(a).place].answered = true; MINE(a).answered = true } goto idle
