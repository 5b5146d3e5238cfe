# How the core and its tests are compiled.

CXX ?= g++

FLAGS_release = -O2 -g
FLAGS_debug   = -O0 -g
FLAGS_asan    = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
		-fno-sanitize-recover=undefined
FLAGS_tsan    = -O1 -g -fno-omit-frame-pointer -fsanitize=thread
FLAGS_cover   = -O0 -g --coverage

# -fno-gnu-unique: such symbols would keep the library, and their values, over a reload.
CORE_FLAGS = -std=c++20 -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -fno-gnu-unique \
	     -Wall -Wextra -Wshadow -Wconversion $(WERROR) -Isrc -MMD -MP $(FLAGS_$(BUILD))
