// SPDX-License-Identifier: MIT
#include "core/service/pins.h"

#include <utility>

namespace kerberos::service {
namespace {

// A generation that is replaced while it is being adopted is followed so often.
constexpr int kChases = 4;

}  // namespace

std::optional<Pins> Pins::begin(const Zone& zone, Slot& slot, Generation& first) {
  Pins pins(zone, slot);
  for (std::uint32_t pin = 0; pin < kPins; ++pin) {
    if (slot.pins[pin].load() != 0) continue;
    slot.pins[pin].store(zone.offset_of(&first));
    pins.held_[pin] = {.block = &first, .id = first.id, .requests = 0};
    pins.newest_ = pin;
    return pins;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> Pins::seek() {
  const auto& current = zone_.header().current;
  const Offset mine = zone_.offset_of(held_[newest_].block);
  Offset wanted = current.load(std::memory_order_acquire);
  if (wanted == mine || retired_) return std::nullopt;
  const std::uint32_t pin = free_pin();
  if (pin == kPins) return std::nullopt;
  for (int i = 0; i < kChases && wanted != mine; ++i) {
    slot_->pins[pin].store(wanted);
    const Offset still = current.load();
    if (still != wanted) {
      wanted = still;
      continue;
    }
    auto* block = zone_.at<Generation>(wanted);
    retired_ = block->lineage != held_[newest_].block->lineage;
    if (retired_) break;
    held_[pin] = {.block = block, .id = block->id, .requests = 0};
    return pin;
  }
  drop(pin);
  return std::nullopt;
}

void Pins::go_over(std::uint32_t pin) {
  const std::uint32_t former = std::exchange(newest_, pin);
  if (held_[former].requests == 0) drop(former);
}

std::optional<GenerationView> Pins::find(std::uint64_t id) const {
  if (held_[newest_].id == id) return newest();
  for (const Held& held : held_) {
    if (held.block != nullptr && held.id == id) return GenerationView(held.block);
  }
  return std::nullopt;
}

void Pins::leave(std::uint64_t id) {
  for (std::uint32_t pin = 0; pin < kPins; ++pin) {
    Held& held = held_[pin];
    if (held.block == nullptr || held.id != id) continue;
    if (--held.requests == 0 && pin != newest_) drop(pin);
    return;
  }
}

void Pins::let_go_before(std::uint64_t id) {
  for (std::uint32_t pin = 0; pin < kPins; ++pin) {
    if (held_[pin].block != nullptr && pin != newest_ && held_[pin].id < id) drop(pin);
  }
}

void Pins::release() {
  for (std::uint32_t pin = 0; pin < kPins; ++pin) {
    if (held_[pin].block != nullptr) drop(pin);
  }
}

// One that is free, or of no use, or the oldest of ours but the newest; kPins: none.
std::uint32_t Pins::free_pin() {
  std::uint32_t oldest = kPins;
  for (std::uint32_t pin = 0; pin < kPins; ++pin) {
    const bool idle = held_[pin].block != nullptr && held_[pin].requests == 0 && pin != newest_;
    if (idle) drop(pin);
    if (slot_->pins[pin].load(std::memory_order_relaxed) == 0) return pin;
    if (held_[pin].block == nullptr || pin == newest_) continue;
    if (oldest == kPins || held_[pin].id < held_[oldest].id) oldest = pin;
  }
  if (oldest != kPins) drop(oldest);
  return oldest;
}

void Pins::drop(std::uint32_t pin) {
  held_[pin] = {};
  slot_->pins[pin].store(0);
}

}  // namespace kerberos::service
