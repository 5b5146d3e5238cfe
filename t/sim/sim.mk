# The simulation: $(OUT)/sim, over the core's archive. Needs the core to be built.

BUILD ?= release
OUT   ?= build/$(BUILD)/t/sim
CORE  := build/$(BUILD)/core/libkerberos.a

include src/flags.mk

OBJECTS := $(patsubst t/sim/%.cpp,$(OUT)/%.o,$(sort $(wildcard t/sim/*.cpp)))

$(OUT)/sim: $(OBJECTS) $(CORE)
	$(CXX) $(FLAGS_$(BUILD)) -o $@ $^ -lyaml-cpp -lre2

$(OUT)/%.o: t/sim/%.cpp t/sim/sim.mk src/flags.mk
	@mkdir -p $(@D)
	$(CXX) $(CORE_FLAGS) $(CXXFLAGS) -It -c -o $@ $<

-include $(OBJECTS:.o=.d)
