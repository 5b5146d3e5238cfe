/* SPDX-License-Identifier: MIT
 *
 * With -DTOLD: who logs what the dead have left unlogged. The winner of a transition logs it and
 * then marks its epoch as told. Who has buried another, or has taken the slot of one that died,
 * looks twice, a second apart, whether the transition into the state it finds is untold, and then
 * logs it in place of the dead. Two workers.
 */

#ifdef TOLD

#define BIT(e) (1 << (e))

byte told;               /* the epoch of the last transition that was logged */
bool bereft[WORKERS];    /* somebody died, as far as it knows, since its last look */
byte suspect[WORKERS];   /* the epoch that was untold then */
byte owed[WORKERS];      /* the epoch in hand: won and not logged, */
byte half_told[WORKERS]; /* logged and not marked, */
byte retold[WORKERS];    /* logged for the dead and not marked, */
byte claimed[WORKERS];   /* or marked for the dead and not logged */
short logged = 1;        /* GHOST: epochs that stand in the log, */
short dropped;           /* GHOST: whose winner died with the line unwritten, */
short unmarked;          /* GHOST: or after it, with the mark unset; */
short forgone;           /* GHOST: whose second teller died likewise */

/* Once, unless a teller died between the line and the mark. */
inline log_line(e) {
  assert(!(logged & BIT(e)) || (unmarked & BIT(e)));
  logged = logged | BIT(e)
}

inline die_untold() {
  dropped = (owed[me] -> dropped | BIT(owed[me]) : dropped);
  unmarked = (half_told[me] -> unmarked | BIT(half_told[me]) : unmarked);
  unmarked = (retold[me] -> unmarked | BIT(retold[me]) : unmarked);
  forgone = (claimed[me] -> forgone | BIT(claimed[me]) : forgone);
  owed[me] = 0; half_told[me] = 0; retold[me] = 0; claimed[me] = 0;
  bereft[me] = false; suspect[me] = 0
}

/* Whoever lives and has won logs and marks it within the second. */
#ifdef SLOW_WINNERS
#define IN_TIME true
#else
#define AT_IT(w) (owed[w] == suspect[me] || half_told[w] == suspect[me])
#define IN_TIME (!AT_IT(0) && !AT_IT(1))
#endif

/* What a worker may do next, besides all else. */
#define TELL \
  :: d_step { notice -> log_line(owed[me]); half_told[me] = owed[me]; owed[me] = 0; \
      notice = false; owes--; assert(owes == 0) } goto mark \
  :: d_step { READY && dead[1 - me] && life[1 - me] % 2 == 1 -> \
      life[1 - me]++; bereft[me] = true } goto idle \
  :: READY && !suspect[me] && bereft[me] -> goto untold \
  :: READY && suspect[me] && IN_TIME -> goto untold

#define ALL_QUIET(w) (!dead[w] && !owed[w] && !half_told[w] && !retold[w] && \
  !claimed[w] && !bereft[w] && !suspect[w])

/* The state that it is in is told, and of those before none is missing but by a death. */
#define EVERYTHING_IS_TOLD \
  :: d_step { ALL_QUIET(0) && ALL_QUIET(1) -> \
      assert((logged | forgone) & BIT(epoch)); \
      assert((logged | dropped) == BIT(epoch + 1) - 1) }

#endif
