// SPDX-License-Identifier: MIT
//
// The C face when memory runs out: for every allocation that a function makes, that one fails, and
// the function says so, leaks nothing (AddressSanitizer looks), and works when called again.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "abi/kerberos.h"
#include "unit/service/allocations.h"
#include "unit/service/arena.h"

#include "unit/cmocka.h"

namespace {

using kerberos::service::allocations;
using kerberos::service::Arena;

kerberos_text text(std::string_view view) {
  return {view.size(), view.data()};
}

// Calls `work` with each of its allocations failing in turn; `failed` judges what it returned
// then. Returns what it returned in the end, when nothing failed any more.
template <class Result>
Result each_allocation_fails(const std::function<Result()>& work,
                             const std::function<void(Result)>& failed) {
  for (std::size_t number = 1; number < 100'000; ++number) {
    allocations.arm(number);
    const Result result = work();
    if (!allocations.disarm()) {
      assert_true(number > 1);  // it did allocate
      return result;
    }
    failed(result);
  }
  fail_msg("it never had enough");
  return {};
}

// The same for what answers with a kerberos_result.
void each_allocation_fails(
    const std::function<kerberos_result()>& work, const std::function<void()>& afterwards = [] {}) {
  const auto last = each_allocation_fails<kerberos_result>(work, [&](kerberos_result result) {
    assert_int_equal(result, KERBEROS_NO_MEMORY);
    afterwards();
  });
  assert_int_equal(last, KERBEROS_OK);
}

kerberos_settings defaults() {
  kerberos_settings settings;
  kerberos_settings_init(&settings);
  return settings;
}

void add_peer(kerberos_config* config, std::string_view address) {
  const kerberos_settings settings = defaults();
  kerberos_peer peer{};
  peer.id = text("");
  peer.weight = 1;
  peer.settings = &settings;
  assert_int_equal(kerberos_config_add_peer(config, &peer), KERBEROS_OK);
  assert_int_equal(
      kerberos_config_add_address(config, address.data(), address.size(), text(address)),
      KERBEROS_OK);
}

constexpr kerberos_edition kEdition{{1, 2}, 1'000};

int exists(std::int64_t) {
  return 1;
}

// A zone with two services in force. Names are long enough that no string has room for them.
struct Gate {
  Gate() {
    config = kerberos_config_create();
    kerberos_config_add_service(config, text("a service with a long name"));
    add_peer(config, "a peer with a long address");
    add_peer(config, "another peer with a long address");
    kerberos_config_add_service(config, text("another service with a long name"));
    add_peer(config, "a peer with a long address");
    assert_int_equal(kerberos_zone_open(&memory, &header, &zone), KERBEROS_OK);
  }
  ~Gate() {
    if (process != nullptr) kerberos_process_free(process);
    kerberos_zone_close(zone);
    kerberos_config_destroy(config);
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  void reload() {
    assert_int_equal(kerberos_zone_build(zone, config, &kEdition, exists, 1, &generation),
                     KERBEROS_OK);
    kerberos_zone_publish(zone, generation);
  }
  void attach() {
    assert_int_equal(kerberos_attach(zone, 0, 1, generation, 1, &process), KERBEROS_OK);
  }
  [[nodiscard]] int peers() const {
    int peers = 0;
    for (std::uint32_t rank = 0; rank < 16; ++rank) peers += kerberos_has_peer(process, rank);
    return peers;
  }
  // A whole request; returns whether it was served.
  bool serve() {
    kerberos_request request;
    kerberos_pick pick;
    kerberos_notices notices;
    kerberos_evidence evidence{};
    evidence.finalized = 1;
    evidence.status = 200;
    evidence.header_received = 1;
    kerberos_open(process, 0, 1, {}, &request);
    kerberos_pick_peer(process, &request, 1'000, &pick, &notices);
    const bool served = pick.picked != 0 && kerberos_report(process, &request, &evidence, 1'000,
                                                            &notices) == KERBEROS_SUCCESS;
    kerberos_close(process, &request);
    return served;
  }

  Arena arena;
  kerberos_memory memory = [this] {
    const auto given = arena.memory();
    return kerberos_memory{given.base, given.size, given.context, given.allocate, given.release};
  }();
  void* header = nullptr;
  kerberos_zone* zone = nullptr;
  kerberos_config* config = nullptr;
  kerberos_process* process = nullptr;
  std::uint64_t generation = 0;
};

// Settings have no word for want of memory: what cannot be judged is refused.

void a_setting_is_refused(void**) {
  kerberos_settings settings = defaults();
  char allowed[256] = "";
  for (const char* name : {"treshold", "threshold"}) {
    const auto last = each_allocation_fails<kerberos_verdict>(
        [&] {
          std::fill(allowed, std::end(allowed), 'x');
          return kerberos_settings_set(&settings, text(name), text("x"), allowed, 256);
        },
        [&](kerberos_verdict verdict) {
          assert_int_equal(verdict, KERBEROS_INVALID);
          assert_string_equal(allowed, "");
        });
    assert_int_not_equal(last, KERBEROS_TAKEN);
  }
  assert_int_equal(kerberos_settings_set(&settings, text("threshold"), text("7"), allowed, 256),
                   KERBEROS_TAKEN);
}

void a_word_of_failure_is_refused(void**) {
  kerberos_settings settings = defaults();
  char allowed[256] = "";
  const auto last = each_allocation_fails<kerberos_verdict>(
      [&] {
        std::fill(allowed, std::end(allowed), 'x');
        return kerberos_settings_add_failure(&settings, text("http_999"), allowed, 256);
      },
      [&](kerberos_verdict verdict) {
        assert_int_equal(verdict, KERBEROS_INVALID);
        assert_string_equal(allowed, "");
      });
  assert_int_equal(last, KERBEROS_UNKNOWN);
}

void a_contradiction_is_overlooked(void**) {
  kerberos_settings settings = defaults();
  char what[256] = "";
  kerberos_settings_set(&settings, text("max_timeout"), text("1500ms"), what, 256);
  const int last =
      each_allocation_fails<int>([&] { return kerberos_settings_contradict(&settings, what, 256); },
                                 [](int contradicts) { assert_int_equal(contradicts, 0); });
  assert_int_equal(last, 1);
  assert_string_equal(what, "max_timeout=1500ms is below timeout=30s");
}

// Configurations.

void no_configuration_is_made(void**) {
  auto* config = each_allocation_fails<kerberos_config*>([] { return kerberos_config_create(); },
                                                         [](auto* made) { assert_null(made); });
  assert_non_null(config);
  kerberos_config_destroy(config);
}

// What a call that failed has left in it is nobody's business: such a configuration is destroyed.
void a_configuration_says_that_it_cannot_grow(void**) {
  constexpr std::string_view kLong = "a name that is long enough to want memory of its own";
  const kerberos_settings settings = defaults();
  kerberos_peer peer{};
  peer.id = text(kLong);
  peer.settings = &settings;
  const std::function<kerberos_result(kerberos_config*)> steps[] = {
      [&](auto* config) { return kerberos_config_add_service(config, text(kLong)); },
      [&](auto* config) { return kerberos_config_add_peer(config, &peer); },
      [&](auto* config) {
        return kerberos_config_add_address(config, kLong.data(), kLong.size(), text(kLong));
      },
  };
  for (std::size_t tested = 0; tested < std::size(steps); ++tested) {
    kerberos_config* config = nullptr;
    each_allocation_fails(
        [&] {
          // Nothing fails before the step in question.
          const std::size_t armed = std::exchange(allocations.fail_at, 0);
          config = kerberos_config_create();
          for (std::size_t i = 0; i < tested; ++i) steps[i](config);
          allocations.arm(armed);
          return steps[tested](config);
        },
        [&] { kerberos_config_destroy(config); });
    kerberos_config_destroy(config);
  }
}

constexpr std::string_view kYaml =
    "services:\n"
    "  a-service-that-has-a-long-name:\n"
    "    breaker: {threshold: 3}\n"
    "    peers:\n"
    "      - http://10.0.0.1:8080\n"
    "      - {url: \"http://${HOST}:80\", id: a-peer-with-a-long-id}\n"
    "  another-service-that-has-a-long-name: [\"http://10.0.0.1:8080\"]\n";

void no_problem(void*, kerberos_text) {
  fail_msg("a problem was told of a registry that has none");
}

// A file, and a variable that is one more service.
kerberos_result read_of(kerberos_config* config, std::string_view yaml,
                        const kerberos_settings& settings, kerberos_on_message tell,
                        void* context) {
  const kerberos_source sources[] = {
      {text("/a/path/that/is/long/enough.yaml"), text(yaml)},
      {text("env:"), text("")},
  };
  const kerberos_text environment[] = {
      text("HOST=a-host-with-a-long-name.example.org"),
      text("A_NAME_THAT_IS_LONG_ENOUGH_SVC_INSTANCES=an-id-that-is-long:http://10.0.0.1:80:"
           "http://10.0.0.1/health/of/it:1:30s"),
      text("A_NAME_THAT_IS_LONG_ENOUGH_SVC_CIRCUIT_BREAKER=5:3:60s"),
      text("A_NAME_THAT_IS_LONG_ENOUGH_SVC_RETRY=3:100ms:5s:2.0"),
  };
  return kerberos_config_read(config, sources, 2, environment, 4, &settings, tell, context);
}

void a_registry_is_read_whole_or_not_at_all(void**) {
  const kerberos_settings settings = defaults();
  kerberos_config* config = kerberos_config_create();
  read_of(config, kYaml, settings, no_problem, nullptr);
  kerberos_config_destroy(config);  // what yaml-cpp allocates once and for ever, it has now
  each_allocation_fails(
      [&] {
        const std::size_t armed = std::exchange(allocations.fail_at, 0);
        config = kerberos_config_create();
        allocations.arm(armed);
        return read_of(config, kYaml, settings, no_problem, nullptr);
      },
      [&] { kerberos_config_destroy(config); });
  assert_int_equal(kerberos_config_services(config), 3);
  assert_int_equal(kerberos_config_targets(config), 4);

  constexpr std::string_view kAddress = "an address that is long enough";
  each_allocation_fails([&] {
    return kerberos_config_resolve(config, 0, kAddress.data(), kAddress.size(), text(kAddress));
  });
  assert_int_equal(kerberos_config_peers(config), 1);
  kerberos_config_destroy(config);
}

// A sort that does without its memory is no failure.
void problems_of_a_registry_are_told_or_memory_is(void**) {
  const kerberos_settings settings = defaults();
  kerberos_config* config = kerberos_config_create();
  int told = 0;
  const auto note = [](void* context, kerberos_text) { ++*static_cast<int*>(context); };
  const auto work = [&] {
    told = 0;
    return read_of(config, "x: [\"http://10.0.0.1:99999\"]\ny: [\"${A_NAME_THAT_IS_NOT_SET}\"]\n",
                   settings, note, &told);
  };
  constexpr int kLines = 6;  // each problem with its line and a caret
  work();                    // what yaml-cpp allocates once and for ever
  const auto last = each_allocation_fails<kerberos_result>(work, [&](kerberos_result result) {
    if (result != KERBEROS_REFUSED) assert_int_equal(result, KERBEROS_NO_MEMORY);
    assert_int_equal(told, result == KERBEROS_REFUSED ? kLines : 0);
  });
  assert_int_equal(last, KERBEROS_REFUSED);
  assert_int_equal(told, kLines);
  assert_int_equal(kerberos_config_services(config), 0);
  kerberos_config_destroy(config);
}

void a_size_that_cannot_be_reckoned_is_zero(void**) {
  const Gate gate;
  const auto bytes = each_allocation_fails<std::size_t>(
      [&] { return kerberos_config_bytes(gate.config, 4); },
      [](std::size_t reckoned) { assert_int_equal(reckoned, 0); });
  assert_true(bytes > 0);
}

// The zone.

void a_zone_that_cannot_be_opened_can_be_later(void**) {
  Gate gate;
  gate.reload();
  kerberos_zone* again = nullptr;
  void* header = gate.header;
  each_allocation_fails([&] { return kerberos_zone_open(&gate.memory, &header, &again); },
                        [&] {
                          assert_null(again);
                          assert_ptr_equal(header, gate.header);
                        });
  kerberos_zone_close(again);

  Arena arena;
  const auto given = arena.memory();
  const kerberos_memory memory{given.base, given.size, given.context, given.allocate,
                               given.release};
  header = nullptr;
  again = nullptr;
  each_allocation_fails([&] { return kerberos_zone_open(&memory, &header, &again); },
                        [&] {
                          assert_null(header);
                          assert_int_equal(arena.blocks(), 0);
                        });
  assert_non_null(header);
  kerberos_zone_close(again);
}

void a_generation_that_cannot_be_built_leaves_the_one_in_force(void**) {
  Gate gate;
  gate.reload();
  gate.attach();
  assert_true(gate.serve());
  kerberos_config_add_service(gate.config, text("a third service with a long name"));
  add_peer(gate.config, "a third peer with a long address");
  std::uint64_t generation = 0;
  const std::size_t used = gate.arena.in_use();
  each_allocation_fails(
      [&] {
        return kerberos_zone_build(gate.zone, gate.config, &kEdition, exists, 1, &generation);
      },
      [&] {
        assert_true(gate.serve());
        assert_int_equal(gate.arena.in_use(), used);
      });
  assert_int_equal(gate.peers(), 3);
  gate.generation = generation;
  kerberos_zone_publish(gate.zone, generation);
  kerberos_detach(gate.process);
  kerberos_process_free(gate.process);
  gate.attach();
  assert_int_equal(gate.peers(), 4);
  assert_true(gate.serve());
}

void a_process_that_could_not_attach_can_do_so_later(void**) {
  Gate gate;
  gate.reload();
  each_allocation_fails(
      [&] { return kerberos_attach(gate.zone, 0, 1, gate.generation, 1, &gate.process); });
  assert_true(gate.serve());
}

void the_slot_of_who_could_not_attach_is_free_for_others(void**) {
  Gate gate;
  gate.reload();
  allocations.arm(1);
  assert_int_equal(kerberos_attach(gate.zone, 0, 1, gate.generation, 1, &gate.process),
                   KERBEROS_NO_MEMORY);
  assert_true(allocations.disarm());
  assert_int_equal(kerberos_attach(gate.zone, 0, 2, gate.generation, 1, &gate.process),
                   KERBEROS_OK);
  assert_true(gate.serve());
}

// Requests and reports.

void a_request_needs_no_memory(void**) {
  Gate gate;
  gate.reload();
  gate.attach();
  allocations.arm(1);
  const bool served = gate.serve();
  assert_false(allocations.disarm());
  assert_true(served);
}

void there_is_no_document_or_a_whole_one(void**) {
  Gate gate;
  gate.reload();
  gate.attach();
  gate.serve();
  kerberos_document* document = nullptr;
  each_allocation_fails(
      [&] { return kerberos_status_json(gate.process, 1'000, 0, 1, 0, &document); },
      [&] { assert_null(document); });
  const kerberos_text shown = kerberos_document_text(document);
  assert_true(std::string_view(shown.data, shown.len).ends_with("}\n"));
  kerberos_document_free(document);
}

// State on disk.

void what_is_to_be_kept_is_kept_whole_or_not_at_all(void**) {
  Gate gate;
  gate.reload();
  gate.attach();
  kerberos_document* document = nullptr;
  std::uint64_t mark = 0;
  each_allocation_fails(
      [&] { return kerberos_save_breakers(gate.process, 1'000, 5'000, &mark, &document); },
      [&] {
        assert_null(document);
        assert_int_equal(mark, 0);
      });
  kerberos_document_free(document);

  constexpr std::string_view kLong = "a text that is long enough to want memory of its own";
  const kerberos_source sources[] = {{text(kLong), text(kLong)}, {text(kLong), text(kLong)}};
  each_allocation_fails([&] { return kerberos_save_sources(sources, 2, &document); });
  const kerberos_text shown = kerberos_document_text(document);
  kerberos_archive* archive = nullptr;
  char problem[128];
  each_allocation_fails(
      [&] { return kerberos_restore_sources(shown, &archive, problem, sizeof(problem)); },
      [&] { assert_null(archive); });
  assert_int_equal(kerberos_archive_sources(archive), 2);
  kerberos_archive_free(archive);
  kerberos_document_free(document);
}

constexpr std::string_view kSaved =
    R"({"schema":1,"kind":"kerberos breakers","breakers":[{)"
    R"("service":"a service with a long name","peer":"a peer with a long address",)"
    R"("address":"a peer with a long address","state":"open","until":6000,"opened":1000},{}]})";

void breakers_are_restored_when_there_is_memory(void**) {
  Gate gate;
  gate.reload();
  kerberos_restored restored{};
  char problem[128];
  each_allocation_fails([&] {
    return kerberos_restore_breakers(gate.zone, gate.generation, text(kSaved), 1'000, 5'000,
                                     &restored, problem, sizeof(problem));
  });
  assert_int_equal(restored.peers, 1);
  assert_int_equal(restored.invalid, 1);
  const auto last = each_allocation_fails<kerberos_result>(
      [&] {
        return kerberos_restore_breakers(gate.zone, gate.generation, text(kSaved.substr(0, 90)),
                                         1'000, 5'000, &restored, problem, sizeof(problem));
      },
      [](kerberos_result result) { assert_int_equal(result, KERBEROS_NO_MEMORY); });
  assert_int_equal(last, KERBEROS_REFUSED);
  gate.attach();
  assert_true(gate.serve());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_setting_is_refused),
      cmocka_unit_test(a_word_of_failure_is_refused),
      cmocka_unit_test(a_contradiction_is_overlooked),
      cmocka_unit_test(no_configuration_is_made),
      cmocka_unit_test(a_configuration_says_that_it_cannot_grow),
      cmocka_unit_test(a_registry_is_read_whole_or_not_at_all),
      cmocka_unit_test(problems_of_a_registry_are_told_or_memory_is),
      cmocka_unit_test(a_size_that_cannot_be_reckoned_is_zero),
      cmocka_unit_test(a_zone_that_cannot_be_opened_can_be_later),
      cmocka_unit_test(a_generation_that_cannot_be_built_leaves_the_one_in_force),
      cmocka_unit_test(a_process_that_could_not_attach_can_do_so_later),
      cmocka_unit_test(the_slot_of_who_could_not_attach_is_free_for_others),
      cmocka_unit_test(a_request_needs_no_memory),
      cmocka_unit_test(there_is_no_document_or_a_whole_one),
      cmocka_unit_test(what_is_to_be_kept_is_kept_whole_or_not_at_all),
      cmocka_unit_test(breakers_are_restored_when_there_is_memory),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
