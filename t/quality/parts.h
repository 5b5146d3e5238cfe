// SPDX-License-Identifier: MIT
//
// What is measured, in parts that can run beside one another.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

namespace kerberos::quality {

using Json = nlohmann::ordered_json;

struct Part {
  std::string_view name;
  Json (*measure)(std::uint64_t seed);
};

std::span<const Part> parts();

// latencies.cpp
Json latencies(double load, std::uint64_t seed);  // ten peers, by scenario and method
Json gateways(std::uint64_t seed);                // ten peers, several gateways
Json crowds(std::uint64_t seed);                  // a thousand peers
Json queues(std::uint64_t seed);                  // what queueing theory knows exactly
Json bins(std::uint64_t seed);                    // as many requests as peers, none of them ends

// key_shares.cpp, key_moves.cpp
Json key_shares(std::uint64_t seed);  // how equal the shares of peers in all keys are
Json key_moves(std::uint64_t seed);   // which keys move when a peer leaves or comes

}  // namespace kerberos::quality
