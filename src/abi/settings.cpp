// SPDX-License-Identifier: MIT
#include "core/registry/settings.h"

#include <new>
#include <optional>

#include "abi/guard.h"
#include "abi/handles.h"
#include "core/registry/balance.h"
#include "core/registry/connections.h"

using kerberos::abi::copy;
using kerberos::abi::guarded_or;
using kerberos::abi::inside;
using kerberos::abi::view;
using kerberos::abi::views;
using kerberos::registry::BreakerSettings;
using kerberos::registry::KeepaliveSettings;
using kerberos::registry::Refusal;

static_assert(static_cast<int>(Refusal::kNone) == KERBEROS_TAKEN);
static_assert(static_cast<int>(Refusal::kUnknown) == KERBEROS_UNKNOWN);
static_assert(static_cast<int>(Refusal::kDuplicate) == KERBEROS_DUPLICATE);
static_assert(static_cast<int>(Refusal::kInvalid) == KERBEROS_INVALID);

namespace {

template <typename Value>
int64_t shown(const std::optional<Value>& value) {
  return value ? int64_t{*value} : -1;
}

template <typename Value>
std::optional<Value> held(int64_t value) {
  return value < 0 ? std::nullopt : std::optional(static_cast<Value>(value));
}

}  // namespace

extern "C" {

void kerberos_settings_init(kerberos_settings* settings) {
  new (settings->opaque) BreakerSettings();
}

kerberos_verdict kerberos_settings_set(kerberos_settings* settings, kerberos_text name,
                                       kerberos_text value, char* allowed, size_t room) {
  copy("", allowed, room);  // which is all there is to say without memory
  return guarded_or(KERBEROS_INVALID, [&] {
    const auto verdict =
        kerberos::registry::set(inside<BreakerSettings>(settings), view(name), view(value));
    copy(verdict.allowed, allowed, room);
    return static_cast<kerberos_verdict>(verdict.refusal);
  });
}

kerberos_verdict kerberos_settings_add_failure(kerberos_settings* settings, kerberos_text word,
                                               char* allowed, size_t room) {
  copy("", allowed, room);
  return guarded_or(KERBEROS_INVALID, [&] {
    auto& failure_on = inside<BreakerSettings>(settings).failure_on;
    if (!failure_on) failure_on.emplace();
    const auto verdict = kerberos::registry::add(*failure_on, view(word));
    copy(verdict.allowed, allowed, room);
    return static_cast<kerberos_verdict>(verdict.refusal);
  });
}

void kerberos_settings_enable(kerberos_settings* settings, int on) {
  inside<BreakerSettings>(settings).enabled = on != 0;
}

void kerberos_settings_inherit(kerberos_settings* settings, const kerberos_settings* inherited) {
  auto& breaker = inside<BreakerSettings>(settings);
  breaker = kerberos::registry::inherit(breaker, inside<BreakerSettings>(inherited));
}

int kerberos_settings_contradict(const kerberos_settings* settings, char* text, size_t room) {
  copy("", text, room);
  return guarded_or(0, [&] {
    const auto what = kerberos::registry::contradiction(inside<BreakerSettings>(settings));
    copy(what, text, room);
    return what.empty() ? 0 : 1;
  });
}

void kerberos_kept_init(kerberos_kept* kept) {
  *kept = {-1, -1, -1, -1};
}

kerberos_verdict kerberos_kept_set(kerberos_kept* kept, kerberos_text name, kerberos_text value,
                                   char* allowed, size_t room) {
  copy("", allowed, room);
  return guarded_or(KERBEROS_INVALID, [&] {
    KeepaliveSettings settings;
    settings.connections = held<uint32_t>(kept->connections);
    settings.idle = held<kerberos::base::Millis>(kept->idle);
    settings.requests = held<uint32_t>(kept->requests);
    settings.total = held<uint32_t>(kept->total);
    const auto verdict = kerberos::registry::set(settings, view(name), view(value));
    *kept = {shown(settings.connections), shown(settings.idle), shown(settings.requests),
             shown(settings.total)};
    copy(verdict.allowed, allowed, room);
    return static_cast<kerberos_verdict>(verdict.refusal);
  });
}

int kerberos_balance_wrong(const kerberos_text* words, size_t count, char* problem, size_t room) {
  copy("", problem, room);
  return guarded_or(1, [&] {
    const auto reading = kerberos::registry::balance_of(views(words, count));
    copy(reading.problem, problem, room);
    return reading.problem.empty() ? 0 : 1;
  });
}

}  // extern "C"
