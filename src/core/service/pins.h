// SPDX-License-Identifier: MIT
//
// The generations that a process uses: the one it has adopted last, and those before it on which
// requests are still under way. What is pinned is not freed; the pins stand in the process's slot,
// where whoever frees can see them, and die with it.
//
// Adopting takes no lock. The word that says which generation is in force is read, the generation
// pinned, and the word read again: if it is the same, then whoever frees this generation one day
// begins after a later one was put in force, and so after the pin could be seen.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/service/generation.h"
#include "core/service/zone.h"

namespace kerberos::service {

class Pins {
 public:
  // Pins `first`. The zone's mutex must be held. Nothing where the slot has no pin left, which
  // happens only to processes without a master, after many reloads.
  static std::optional<Pins> begin(const Zone& zone, Slot& slot, Generation& first);

  // Pins the generation in force, if that is another than the newest and of the same
  // configuration. Where all pins are taken, the oldest generation is let go: its requests are
  // carried over to the newest when they next ask. Whoever does not go_over() to what it returns
  // may seek again.
  std::optional<std::uint32_t> seek();
  void go_over(std::uint32_t pin);

  [[nodiscard]] GenerationView at(std::uint32_t pin) const {
    return GenerationView(held_[pin].block);
  }
  [[nodiscard]] GenerationView newest() const { return at(newest_); }

  // The generation of that id, while it is held.
  [[nodiscard]] std::optional<GenerationView> find(std::uint64_t id) const;

  // Lets go of those before that id, though requests are on them: the zone needs the memory.
  void let_go_before(std::uint64_t id);

  // A request begins on the newest generation, and has ended on that of this id.
  void enter() { ++held_[newest_].requests; }
  void leave(std::uint64_t id);

  // Lets go of all. The process has no generation any more.
  void release();

 private:
  struct Held {
    Generation* block = nullptr;  // null: this pin is not ours
    std::uint64_t id = 0;
    std::uint32_t requests = 0;
  };

  Pins(const Zone& zone, Slot& slot) : zone_(zone), slot_(&slot) {}
  [[nodiscard]] std::uint32_t free_pin();
  void drop(std::uint32_t pin);

  Zone zone_;
  Slot* slot_;
  std::array<Held, kPins> held_{};
  std::uint32_t newest_ = 0;
  bool retired_ = false;  // another configuration is in force, and none of ours will be again
};

}  // namespace kerberos::service
