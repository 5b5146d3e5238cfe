# The fuzzer: $(OUT)/registry_fuzz, of the rooms that read what operators write. Wants clang, whose
# libFuzzer it is.

CLANG ?= clang++
OUT   ?= build/fuzz

include src/flags.mk

FUZZ_FLAGS = $(filter-out -fno-gnu-unique,$(CORE_FLAGS)) -O1 -g -fno-omit-frame-pointer \
	     -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

SOURCES := $(sort $(wildcard src/core/registry/*.cpp src/core/route/*.cpp)) t/fuzz/registry_fuzz.cpp
OBJECTS := $(SOURCES:%.cpp=$(OUT)/%.o)

$(OUT)/registry_fuzz: $(OBJECTS)
	$(CLANG) $(FUZZ_FLAGS) -o $@ $^ -lyaml-cpp -lre2

$(OUT)/%.o: %.cpp t/fuzz/fuzz.mk src/flags.mk
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_FLAGS) -It -c -o $@ $<

-include $(OBJECTS:.o=.d)
