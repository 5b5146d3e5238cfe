# The core and its C face as one static archive: $(OUT)/libkerberos.a. Needs no nginx.

BUILD ?= release
OUT   ?= build/$(BUILD)/core

include src/flags.mk

SOURCES := $(sort $(wildcard src/core/*/*.cpp src/abi/*.cpp))
OBJECTS := $(SOURCES:src/%.cpp=$(OUT)/%.o)

$(OUT)/libkerberos.a: $(OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(OUT)/%.o: src/%.cpp src/core.mk src/flags.mk
	@mkdir -p $(@D)
	$(CXX) $(CORE_FLAGS) $(CXXFLAGS) -c -o $@ $<

-include $(OBJECTS:.o=.d)
