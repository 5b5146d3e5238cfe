/* SPDX-License-Identifier: MIT
 *
 * How many peers of one service may be held open: intend(), held(), open() and withdraw() of
 * src/core/breaker, as Service::trip() puts them together, one load or compare-and-swap a step.
 * README.md tells how each step maps to the code. GHOST: no step of the protocol reads it.
 */

#ifndef WORKERS
#define WORKERS 3
#endif
#ifndef PEERS /* 2 or 3 */
#define PEERS 2
#endif
#ifndef ALLOWED
#define ALLOWED 1
#endif
#ifndef TRIPS /* wanted in all */
#define TRIPS 3
#endif
#ifndef RETURNS /* of peers that were out, in all */
#define RETURNS 1
#endif
#ifndef REFUSALS /* peers that go out because they refuse connections: not held */
#define REFUSALS 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

typedef Peer {
  bool out; /* the word: not CLOSED, held, epoch */
  bool held;
  byte epoch;
  byte owner; /* the intent: slot + 1, life, epoch; all zero: nobody's */
  byte life;
  byte tag
};

Peer peer[PEERS];
byte life[WORKERS] = 1;
bool dead[WORKERS];
chan kill[WORKERS] = [0] of { bit };

byte trips = TRIPS, returns = RETURNS, refusals = REFUSALS, crashes = CRASHES;
byte all_held;       /* GHOST */
bool busy[WORKERS];  /* GHOST: within Service::trip() */

#define me _pid
#define HAS_WORD(q, e) (peer[q].epoch == e)
#define HAS_INTENT(q) (peer[q].owner == i_owner && peer[q].life == i_life && peer[q].tag == i_tag)
#define STANDS (i_owner != 0 && i_tag == at)

#ifdef LIVES_IGNORED
#define LIVES(owner, its_life) true
#else
#define LIVES(owner, its_life) (life[owner - 1] == its_life)
#endif
#define LIVING LIVES(i_owner, i_life)
#ifdef INTENTS_UNSEEN
#define COUNTS false
#else
#define COUNTS i_lives
#endif

inline load_intent(q) {
  i_owner = peer[q].owner; i_life = peer[q].life; i_tag = peer[q].tag
}

inline forget_intent() {
  i_owner = 0; i_life = 0; i_tag = 0; i_lives = false;
  w_out = false; w_held = false; w_epoch = 0
}

inline load_life() {
  i_lives = i_owner != 0 && LIVING
}

inline load_word(q) {
  w_out = peer[q].out; w_held = peer[q].held; w_epoch = peer[q].epoch
}

/* Breaker::held() */
inline count() {
  sum = sum + (w_held || (!w_out && COUNTS && i_tag == w_epoch));
  q++;
  forget_intent()
}

inline end_trip() {
  forget_intent();
  p = 0; at = 0; q = 0; sum = 0; busy[me] = false
}

#define WANT(n) \
  :: d_step { !dead[me] && trips > 0 && !peer[n].out -> \
      trips--; busy[me] = true; p = n; at = peer[n].epoch }

active [WORKERS] proctype worker() {
  byte p, at;                 /* the trip: whose, and the epoch of its word */
  byte i_owner, i_life, i_tag; /* an intent as it was loaded */
  bool i_lives;
  bool w_out, w_held;         /* a word as it was loaded */
  byte w_epoch;
  byte q, sum;                /* held() */

idle:
  {
    /* report() has found a reason to open: any, at any time */
    if
    WANT(0)
    WANT(1)
#if PEERS > 2
    WANT(2)
#endif
    fi;

    /* intend(): the intent, whether its owner lives, and the word */
    d_step { load_intent(p) };
    if
    :: d_step { STANDS && LIVING -> end_trip() } goto idle
    :: !(STANDS && LIVING)
    fi;
#ifndef WORD_UNSEEN
    if
    :: HAS_WORD(p, at)
    :: d_step { !HAS_WORD(p, at) -> end_trip() } goto idle
    fi;
#endif
    if
    :: d_step { HAS_INTENT(p) ->
        peer[p].owner = me + 1; peer[p].life = life[me]; peer[p].tag = at; forget_intent() }
    :: d_step { !HAS_INTENT(p) -> end_trip() } goto idle
    fi;

    /* Service::held(): of each peer the intent, whether its owner lives, and then the word */
look:
    if
    :: d_step { q == PEERS && sum <= ALLOWED -> q = 0; sum = 0 } goto flip
    :: d_step { q == PEERS && sum > ALLOWED -> q = 0; sum = 0 } goto withdraw
#if defined(WORD_FIRST)
    :: d_step { q < PEERS -> load_word(q) }
    fi;
    d_step { load_intent(q) };
    d_step { load_life(); count() };
#elif defined(LIFE_LAST)
    :: d_step { q < PEERS -> load_intent(q) }
    fi;
    d_step { load_word(q) };
    d_step { load_life(); count() };
#else
    :: d_step { q < PEERS -> load_intent(q) }
    fi;
    d_step { load_life() };
    d_step { load_word(q); count() };
#endif
    goto look;

    /* open() */
flip:
    if
    :: d_step { HAS_WORD(p, at) ->
        peer[p].out = true; peer[p].held = true; peer[p].epoch++;
        all_held++;
        assert(all_held <= ALLOWED) }
    :: !HAS_WORD(p, at)
    fi;

withdraw:
    if
    :: d_step { peer[p].owner == me + 1 && peer[p].life == life[me] && peer[p].tag == at ->
        peer[p].owner = 0; peer[p].life = 0; peer[p].tag = 0;
        end_trip() }
    :: d_step { !(peer[p].owner == me + 1 && peer[p].life == life[me] && peer[p].tag == at) ->
        end_trip() }
    fi;
    goto idle
  } unless {
    atomic {
      kill[me] ? _ ->
      dead[me] = true;
      end_trip();
      goto idle
    }
  }
}

/* The rest of the world: peers, the master, and whoever buries. */
#define PEER(n) \
  :: d_step { returns > 0 && peer[n].out -> returns--; \
      all_held = all_held - peer[n].held; \
      peer[n].out = false; peer[n].held = false; peer[n].epoch++ } \
  :: d_step { refusals > 0 && !peer[n].out -> refusals--; \
      peer[n].out = true; peer[n].epoch++ }

#define FATE(w) \
  :: atomic { crashes > 0 && !dead[w] -> crashes--; kill[w] ! 0 } \
  :: d_step { dead[w] && life[w] % 2 == 1 -> life[w]++ } \
  :: d_step { dead[w] && life[w] % 2 == 0 -> life[w]++; dead[w] = false }

#define NOBODYS(n) (peer[n].owner == 0 || peer[n].out || peer[n].tag != peer[n].epoch || \
  !LIVES(peer[n].owner, peer[n].life))

#if WORKERS == 2
#define QUIET (!busy[0] && !busy[1] && !dead[0] && !dead[1])
#else
#define QUIET (!busy[0] && !busy[1] && !busy[2] && !dead[0] && !dead[1] && !dead[2])
#endif

active proctype world() {
  do
  PEER(0)
  PEER(1)
#if PEERS > 2
  PEER(2)
#endif
  FATE(0)
  FATE(1)
#if WORKERS > 2
  FATE(2)
#endif
  od
}

/*
 * No stuck state. Where nobody is at it and the dead are buried, no intent counts: the next who
 * comes finds nobody in its way, and counts those who are held and nobody else.
 */
active proctype watch() {
  do
  :: d_step { QUIET ->
      assert(NOBODYS(0));
      assert(NOBODYS(1));
#if PEERS > 2
      assert(NOBODYS(2))
#endif
    }
  od
}
