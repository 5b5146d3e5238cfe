// SPDX-License-Identifier: MIT
//
// A tree of minima over the peers of a service: who has the least of something (the earliest probe
// that is due, the fewest requests in flight) without walking over all peers. Each node has the
// least key of the 32 below it, the root the least of all.
//
// It lives in shared memory and everybody works on it without a lock. Whoever changes a key writes
// the leaf and then, level by level, the minimum of the 32 again; and since somebody may have done
// the same a moment before with older news, each looks again after writing whether what was written
// is still right. Like the roster it advises and does not decide: between two writes, and where a
// worker died there, a parent is wrong for a while. A search that was led astray goes on, and the
// next update that passes there, or a rebuild, puts it right.
//
// The root stands first and the level below it right behind, then the others from top to bottom,
// each on lines of its own. With keys of 32 bits and up to 15 * 1024 peers a change of the minimum
// thus writes three cache lines.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace kerberos::balance {

template <class Key>  // std::uint32_t, std::int64_t
class Tournament {
  static_assert(std::atomic<Key>::is_always_lock_free);

 public:
  static constexpr std::uint32_t kArity = 32;
  static constexpr Key kOut = std::numeric_limits<Key>::max();  // a peer that is not in the contest

  // How many keys the memory for so many leaves must hold.
  static constexpr std::size_t keys(std::uint32_t leaves) {
    return leaves == 0 ? 0 : Plan(leaves).keys;
  }

  // The memory is aligned to 64 bytes. Nothing is true of its content before the first rebuild.
  Tournament(std::atomic<Key>* keys, std::uint32_t leaves)
      : keys_(keys), leaves_(leaves), plan_(leaves) {}

  // Of all leaves.
  [[nodiscard]] Key min() const { return leaves_ == 0 ? kOut : min_of(keys_); }

  // The same for who wants to know no more. Requires: at least one leaf.
  static Key min_of(const std::atomic<Key>* keys) {
    return keys[0].load(std::memory_order_acquire);
  }

  // Requires: leaf < leaves.
  [[nodiscard]] Key key(std::uint32_t leaf) const {
    return at(0, leaf).load(std::memory_order_acquire);
  }

  // Brings a leaf and what stands above it up to date. key_of() tells the leaf's key and is asked
  // again after storing until it still says what was stored: so whoever changes what key_of() reads
  // and then updates never leaves an old key behind, however updates of several processes
  // interleave. Requires: leaf < leaves.
  template <class KeyOf>
  void update(std::uint32_t leaf, KeyOf&& key_of) {
    if (!settle(at(0, leaf), key_of)) return;
    std::uint32_t node = leaf;
    for (unsigned level = 1; level <= plan_.root; ++level) {
      node /= kArity;
      refresh(level, node);
    }
  }

  // The first leaf, from `from` on and then from 0 (going round once), whose key is <= bound.
  [[nodiscard]] std::optional<std::uint32_t> next(std::uint32_t from, Key bound) const {
    if (leaves_ == 0 || min() > bound) return std::nullopt;
    if (from >= leaves_) from = 0;
    const auto found = search(from, leaves_, bound);
    return found || from == 0 ? found : search(0, from, bound);
  }

  // The leaf with the least key of those for which excluded(leaf) is false, among equals the first
  // from `from` on; nothing: none is in. Exact, at the cost of a look into each node that seems to
  // have less.
  template <class Excluded>
  [[nodiscard]] std::optional<std::uint32_t> least(std::uint32_t from, Excluded&& excluded) const {
    if (leaves_ == 0) return std::nullopt;
    if (from >= leaves_) from = 0;
    Best best;
    look_below(plan_.root, 0, {from, leaves_}, excluded, best);
    look_below(plan_.root, 0, {0, from}, excluded, best);
    return best.leaf;
  }

  // All leaves anew: key_of(leaf). Others may update meanwhile.
  template <class KeyOf>
  void rebuild(KeyOf&& key_of) {
    if (leaves_ == 0) return;
    for (std::uint32_t leaf = 0; leaf < leaves_; ++leaf) {
      settle(at(0, leaf), [&] { return key_of(leaf); });
    }
    for (unsigned level = 1; level <= plan_.root; ++level) {
      const std::uint32_t nodes = width(level, leaves_);
      for (std::uint32_t node = 0; node < nodes; ++node) refresh(level, node);
    }
  }

 private:
  static constexpr unsigned kBits = 5;  // of a place in a node
  static_assert(1U << kBits == kArity);

  // How many places a level has for so many leaves, at least one. Level 0 are the leaves.
  static constexpr std::uint32_t width(unsigned level, std::uint32_t leaves) {
    return static_cast<std::uint32_t>(std::uint64_t{leaves - 1} >> (kBits * level)) + 1;
  }

  // Where each level begins.
  struct Plan {
    std::array<std::size_t, 8> begin{};  // 32^7 > 2^32
    unsigned root = 1;                   // the level of one key
    std::size_t keys = 1;

    constexpr explicit Plan(std::uint32_t leaves) {
      if (leaves == 0) return;
      while (width(root, leaves) > 1) ++root;
      for (unsigned level = root; level-- > 0;) {
        if (level == 0 || level + 1 < root) keys = whole_nodes(keys);
        begin[level] = keys;
        keys += width(level, leaves);
      }
      keys = whole_nodes(keys);
    }
    static constexpr std::size_t whole_nodes(std::size_t keys) {
      return (keys + kArity - 1) / kArity * kArity;
    }
  };

  [[nodiscard]] std::atomic<Key>& at(unsigned level, std::uint32_t place) const {
    return keys_[plan_.begin[level] + place];
  }

  // The end of the node that has this place, where the level ends at `end` leaves.
  static std::uint32_t node_end(unsigned level, std::uint32_t place, std::uint32_t end) {
    return std::min((place | (kArity - 1)), width(level, end) - 1) + 1;
  }

  // Stores a leaf until it says what key_of() says; returns whether it had to. As with parents, one
  // who changed what key_of() reads and finds the leaf right, and another who is about to spoil it,
  // cannot both miss each other: what key_of() counts is seq_cst, too. What else it reads changes
  // rarely, and whoever changes that sees to a rebuild.
  template <class KeyOf>
  static bool settle(std::atomic<Key>& leaf, KeyOf&& key_of) {
    for (bool stored = false;; stored = true) {
      const Key key = key_of();
      if (leaf.load(std::memory_order_seq_cst) == key) return stored;
      leaf.exchange(key, std::memory_order_seq_cst);
    }
  }

  // Stores a parent only if it changes, for its line is everybody's. All of it is seq_cst: one has
  // changed a child and finds the parent right; another, who looked at the children before, is
  // about to spoil it. Each writes one word and then reads the other's, and in a single order of
  // all four one of them sees the other: the first that the parent is wrong, or the second that a
  // child has changed. With release and acquire both could miss.
  void refresh(unsigned level, std::uint32_t node) {
    std::atomic<Key>& parent = at(level, node);
    for (;;) {
      const Key least = least_below(level, node);
      if (parent.load(std::memory_order_seq_cst) == least) return;
      parent.exchange(least, std::memory_order_seq_cst);
    }
  }

  [[nodiscard]] Key least_below(unsigned level, std::uint32_t node) const {
    const std::uint32_t first = node * kArity;
    const std::atomic<Key>* key = &at(level - 1, first);
    const std::atomic<Key>* const stop = key + (node_end(level - 1, first, leaves_) - first);
    Key least = kOut;
    for (; key != stop; ++key) least = std::min(least, key->load(std::memory_order_seq_cst));
    return least;
  }

  // Moves `place` on to the first of its node whose key is <= bound, or to the node's end.
  [[nodiscard]] bool scan(unsigned level, std::uint32_t& place, std::uint32_t end,
                          Key bound) const {
    const std::atomic<Key>* key = &at(level, place);
    const std::atomic<Key>* const first = key;
    const std::atomic<Key>* const stop = key + (node_end(level, place, end) - place);
    while (key != stop && key->load(std::memory_order_relaxed) > bound) ++key;
    place += static_cast<std::uint32_t>(key - first);
    return key != stop;
  }

  // The first leaf in [from, end) whose key is <= bound: down where a node promises something, and
  // up where it has nothing more, so as to ask the parent of the next. It only ever goes forward,
  // and so false promises cost at most one walk over all keys.
  [[nodiscard]] std::optional<std::uint32_t> search(std::uint32_t from, std::uint32_t end,
                                                    Key bound) const {
    unsigned level = 0;
    std::uint32_t place = from;
    for (;;) {
      for (; place % kArity == 0 && level + 1 < plan_.root; ++level) place /= kArity;
      while (scan(level, place, end, bound)) {
        if (level == 0) return place;
        --level;
        place *= kArity;
      }
      if (place == width(level, end)) return std::nullopt;
    }
  }

  struct Best {
    Key key = kOut;
    std::optional<std::uint32_t> leaf = {};
  };

  struct Range {  // of leaves
    std::uint32_t begin;
    std::uint32_t end;
  };

  template <class Excluded>
  void look_below(unsigned level, std::uint32_t place, Range range, Excluded&& excluded,
                  Best& best) const {
    if (range.begin == range.end) return;
    const unsigned below = level - 1;
    const std::uint32_t node = place * kArity;
    const std::uint32_t first = std::max(node, range.begin >> (kBits * below));
    const std::uint32_t end = node_end(below, node, range.end);
    for (std::uint32_t i = first; i < end; ++i) {
      const Key key = at(below, i).load(std::memory_order_relaxed);
      if (key >= best.key) continue;
      if (below != 0) {
        look_below(below, i, range, excluded, best);
      } else if (!excluded(i)) {
        best = {key, i};
      }
    }
  }

  std::atomic<Key>* keys_;
  std::uint32_t leaves_;
  Plan plan_;
};

}  // namespace kerberos::balance
