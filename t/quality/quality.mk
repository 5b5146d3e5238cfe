# The quality of balance: $(OUT)/quality, over the core's archive. Needs the core to be built.

BUILD ?= release
OUT   ?= build/$(BUILD)/t/quality
CORE  := build/$(BUILD)/core/libkerberos.a

include src/flags.mk

OBJECTS := $(patsubst t/quality/%.cpp,$(OUT)/%.o,$(sort $(wildcard t/quality/*.cpp)))

$(OUT)/quality: $(OBJECTS) $(CORE)
	$(CXX) $(FLAGS_$(BUILD)) -o $@ $^ -lyaml-cpp -lre2

$(OUT)/%.o: t/quality/%.cpp t/quality/quality.mk src/flags.mk
	@mkdir -p $(@D)
	$(CXX) $(CORE_FLAGS) $(CXXFLAGS) -It -c -o $@ $<

-include $(OBJECTS:.o=.d)
