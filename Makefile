# Every command of the project. `make` lists them.
#
#   BUILD=release|debug|asan|tsan   how to build (default: release)
#   NGX_SRC=DIR                     an nginx source tree instead of Debian's nginx-dev
#   NGX_FLAGS='...'                 configure flags for that tree (default: --with-compat --with-http_ssl_module)

SHELL   := /bin/bash
BUILD   ?= release
WORKERS ?= 2
JOBS    ?= $(shell nproc)
TESTS   ?= t/*.t
export BUILD

MODULE    := build/$(BUILD)/ngx_http_kerberos_module.so
UNIT_CPP  := $(sort $(wildcard t/unit/*/*_test.cpp t/threads/*_test.cpp))
UNIT_C    := $(sort $(wildcard t/abi/*_test.c))
UNIT      := $(UNIT_CPP:t/%.cpp=build/$(BUILD)/t/%) $(UNIT_C:t/%.c=build/$(BUILD)/t/%)
CORE      := build/$(BUILD)/core/libkerberos.a
CORE_LIBS := $(CORE) -lyaml-cpp -lre2 -lcmocka -lpthread
CTL       := build/$(BUILD)/kerberosctl
CTL_OBJ   := $(patsubst src/%.cpp,build/$(BUILD)/%.o,$(sort $(wildcard src/cli/*.cpp)))

include src/flags.mk

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help build core demo run test test-unit test-integration test-race test-asan \
        sim model fuzz stock soak storm coverage bench bench-change quality matrix fmt lint clean \
        ctl validate schema reference

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

build: ## build the module: build/ngx_http_kerberos_module.so
	@scripts/build-module build/$(BUILD)
	@if [ $(BUILD) = release ]; then cp -f $(MODULE) build/.new.so && \
	    mv -f build/.new.so build/ngx_http_kerberos_module.so; fi

core: ## build the core alone, without nginx
	@$(MAKE) --no-print-directory -j$(JOBS) -f src/core.mk OUT=build/$(BUILD)/core

ctl: core ## build the command kerberosctl: build/release/kerberosctl
	@$(MAKE) --no-print-directory -j$(JOBS) $(CTL)

validate: ## check a registry without nginx, in the module's words: FILE=services.yaml
	@scripts/validate $(FILE)

schema: ctl ## write conf/registry.schema.json from the table of keys
	@$(CTL) schema >build/schema.new && mv -f build/schema.new conf/registry.schema.json

reference: ctl ## write the reference of docs/registry.md from the table of keys
	@scripts/reference

demo: ## build, start backends and a gateway, break and heal a backend, tell every step
	@scripts/demo

run: build ## the demo gateway in the foreground, on 127.0.0.1:8080
	@scripts/run

test: ## install what is missing, build, run every test
	@scripts/test

test-unit: core ## the core's tests, without nginx
	@$(MAKE) --no-print-directory -j$(JOBS) $(UNIT)
	@scripts/run-unit $(UNIT)

test-integration: build ctl ## the black-box tests on a real nginx (WORKERS=n, TESTS=t/x.t)
	@scripts/test-integration $(TESTS)

test-asan: ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory BUILD=asan test-unit test-integration

test-race: ## what processes and threads share, under ThreadSanitizer
	@$(MAKE) --no-print-directory BUILD=tsan test-unit \
	    UNIT_CPP='$(wildcard t/threads/*_test.cpp) t/unit/service/service_test.cpp' UNIT_C=

sim: core ## the core in virtual time: SEEDS=n of them (default: 1000), or SEED=n alone
	@scripts/sim $(if $(SEED),SEED=$(SEED)) $(if $(SEEDS),SEEDS=$(SEEDS))

model: ## the breaker's protocol, every interleaving of it, by Spin
	@scripts/model

fuzz: ## libFuzzer on files of a registry and variables, for SECONDS (default: 60)
	@scripts/fuzz

stock: ## what nginx gets wrong, shown on nginx without the module: N1 to N10
	@scripts/stock

soak: build ## a worker killed every second under load for SECONDS (default: 60)
	@scripts/soak

storm: build ## the registry rewritten under load, kills and reloads for SECONDS (default: 600)
	@STORM=$(or $(SECONDS),600) scripts/test-integration t/live_storm.t

coverage: ## line coverage of the core by its unit tests: build/coverage.html
	@$(MAKE) --no-print-directory BUILD=cover test-unit
	@gcovr --root . --filter src/ build/cover --print-summary --html build/coverage.html \
	    | tail -n 3

bench: build ## CPU a request beside nginx and HAProxy, 2 to 10,000 peers: writes docs/performance.md
	@scripts/bench --docs
	@scripts/bench-pick --docs

bench-change: build ## one of 10,000 peers changed: Kerberos beside a reload of nginx (JSON=file)
	@scripts/bench-change $(if $(JSON),--json $(JSON))

quality: ## how well the methods balance, simulated; writes docs/balancing.json, tables, pictures
	@scripts/quality

matrix: ## build and test on Debian 12, 13 and sid in debootstrap roots (slow, needs root)
	@scripts/matrix

fmt: ## format the sources
	@find src/core src/abi src/cli t \( -name '*.cpp' -o -name '*.h' \) ! -name kerberos.h ! -path 't/abi/*' \
	    -exec clang-format -i {} +

lint: core ## the house rules: arrows, exports, format, tidy, a test for every core file
	@scripts/lint

clean: ## remove build/
	rm -rf build

$(CTL): $(CTL_OBJ) $(CORE)
	$(CXX) $(FLAGS_$(BUILD)) -o $@ $(CTL_OBJ) $(filter-out -lcmocka,$(CORE_LIBS))

build/$(BUILD)/cli/%.o: src/cli/%.cpp src/flags.mk
	@mkdir -p $(@D)
	$(CXX) $(CORE_FLAGS) $(CXXFLAGS) -c -o $@ $<

# What is tested is optimised as ever; the tests themselves are compiled quickly.
build/$(BUILD)/t/unit/%: CXXFLAGS += -O0

build/$(BUILD)/t/%: t/%.cpp $(CORE) src/flags.mk
	@mkdir -p $(@D)
	$(CXX) $(CORE_FLAGS) $(CXXFLAGS) -It -o $@ $< $(CORE_LIBS)

build/$(BUILD)/t/%: t/%.c $(CORE) src/flags.mk
	@mkdir -p $(@D)
	$(CC) -std=c99 -Wall -Wextra -Werror -Isrc -It -MMD -MP $(FLAGS_$(BUILD)) -c -o $@.o $<
	$(CXX) $(FLAGS_$(BUILD)) -o $@ $@.o $(CORE_LIBS)

-include $(UNIT:=.d) $(CTL_OBJ:.o=.d)
