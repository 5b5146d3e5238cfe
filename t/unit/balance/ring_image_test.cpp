// SPDX-License-Identifier: MIT
//
// The points of a ring, and their image in memory.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/balance/ring.h"
#include "core/base/random.h"
#include "unit/balance/circle.h"
#include "unit/cmocka.h"
#include "unit/service/allocations.h"

namespace kerberos::balance {
namespace {

using Word = std::atomic<std::uint32_t>;

// How many points each peer has.
std::map<std::uint32_t, std::size_t> census(const Members& members) {
  const std::vector<Point> points = points_of(members);
  assert_int_equal(points.size(), points_count(members));
  std::map<std::uint32_t, std::size_t> count;
  for (const Point& point : points) ++count[point.peer];
  return count;
}

void each_unit_of_weight_has_its_points(void**) {
  assert_int_equal(census({}).size(), 0);
  Members members = crowd(3);
  members[1].weight = 2;
  members[2].weight = 100;
  auto count = census(members);
  assert_int_equal(count[0], 16);
  assert_int_equal(count[1], 32);
  assert_int_equal(count[2], 1'600);
}

void too_many_points_are_halved_for_all(void**) {
  assert_int_equal(census(crowd(2, 2'048))[0], 32'768);  // as many as there may be
  assert_int_equal(census(crowd(2, 2'049))[0], 16'392);  // 32784 / 2
  assert_int_equal(census(crowd(2, ~0U))[0], 32'767);    // (2^36 - 16) / 2^21
  // Above 4096 members each may have 16.
  assert_int_equal(census(crowd(5'000))[0], 16);
  assert_int_equal(census(crowd(5'000, 3))[0], 12);
  Members members = crowd(100);
  members[7].weight = 1'000'000;
  const auto count = census(members);  // 16 * 10^6 / 2^8, and 1 for whoever had 16
  assert_int_equal(count.at(7), 62'500);
  assert_int_equal(count.at(8), 1);
}

void points_stand_in_one_order_whatever_that_of_members(void**) {
  const Members members = crowd(10'000);
  const std::vector<Point> points = points_of(members);
  const std::vector<Point> reversed = points_of(Members(members.rbegin(), members.rend()));
  assert_int_equal(points.size(), reversed.size());
  int shared = 0;  // places where two peers stand: among so many points there are some
  for (std::size_t i = 0; i < points.size(); ++i) {
    assert_int_equal(points[i].position, reversed[i].position);
    assert_int_equal(points[i].peer, reversed[i].peer);
    if (i == 0) continue;
    assert_true(points[i - 1].position <= points[i].position);
    if (points[i - 1].position == points[i].position) ++shared;
  }
  assert_true(shared > 0);
}

void the_first_words_are_a_list_of_those_who_are_in(void**) {
  Circle circle(crowd(20));
  assert_int_equal(circle.length, 320);
  circle.write([](std::uint32_t peer) { return peer % 3 == 0; });
  assert_int_equal(circle.length, 7 * 16);
  std::map<std::uint32_t, int> count;
  for (std::uint32_t i = 0; i < circle.length; ++i) ++count[circle.words[i]];
  assert_int_equal(count.size(), 7);
  for (const auto& [peer, points] : count) {
    assert_int_equal(peer % 3, 0);
    assert_int_equal(points, 16);
  }
  circle.write([](std::uint32_t) { return false; });
  assert_int_equal(circle.length, 0);
}

// Halves of the ring, cut at different places: the way round it counts as any other.
void behind_the_last_point_comes_the_first(void**) {
  for (const std::uint32_t first : {0U, 1U, 1'000U, 0x7fffffffU}) {
    const Circle circle(std::vector<Point>{{first, 5}, {first + 0x80000000U, 6}});
    int fives = 0;
    for (const std::uint32_t owner : circle.owners(20'000)) fives += owner == 5 ? 1 : 0;
    assert_in_range(fives, 9'700, 10'300);
  }
}

void of_two_on_one_place_the_first_owns(void**) {
  Circle circle(std::vector<Point>{{77, 1}, {77, 0}, {77, 2}});
  for (const std::uint32_t owner : circle.owners(100)) assert_int_equal(owner, 1);
  circle.write([](std::uint32_t peer) { return peer != 1; });
  for (const std::uint32_t owner : circle.owners(100)) assert_int_equal(owner, 0);
}

// Chance puts few into a bucket; here all stand in one, and all but the first get nothing but what
// falls between them.
void a_crowded_bucket_is_searched_through(void**) {
  std::vector<Point> points;
  for (std::uint32_t i = 0; i < 32; ++i) points.push_back({0x10000000U + (i << 20U), i});
  const Circle circle(points);
  const std::vector<std::uint32_t> owners = circle.owners(50'000);
  for (std::uint32_t peer = 0; peer < 32; ++peer) assert_true(std::ranges::count(owners, peer) > 0);
}

void more_points_than_there_is_room_for_are_left_out(void**) {
  const std::vector<Point> points = points_of(crowd(4));
  std::vector<Word> words(ring_words(10) + 1);
  words.back() = 4711;
  const auto everybody = [](std::uint32_t) { return true; };
  assert_int_equal(write_ring(points, everybody, std::span(words).first(ring_words(10)), 10), 10);
  assert_int_equal(words.back(), 4711);
}

// Words that end where memory ends, and begin where it begins: whoever reads outside is killed.
class Guarded {
 public:
  explicit Guarded(std::size_t words) : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    const std::size_t bytes = (words * sizeof(Word) + page_ - 1) / page_ * page_;
    size_ = bytes + 2 * page_;
    base_ = static_cast<std::byte*>(
        mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    assert_int_equal(mprotect(base_ + page_, bytes, PROT_READ | PROT_WRITE), 0);
    front_ = {reinterpret_cast<Word*>(base_ + page_), words};
    back_ = {reinterpret_cast<Word*>(base_ + page_ + bytes) - words, words};
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(base_, size_); }

  std::span<Word> front_;
  std::span<Word> back_;

 private:
  std::size_t page_;
  std::size_t size_ = 0;
  std::byte* base_ = nullptr;
};

void a_torn_image_leads_nowhere_outside(void**) {
  base::Pcg32 random(1);
  for (const std::uint32_t capacity : {1U, 2U, 3U, 31U, 32U, 33U, 1'000U}) {
    Guarded guarded(ring_words(capacity));
    for (const auto& words : {guarded.front_, guarded.back_}) {
      for (int round = 0; round < 200; ++round) {
        // All of it too large, all too small, anything, and sensible positions alone.
        for (std::size_t i = 0; i < words.size(); ++i) {
          const bool sensible = round % 4 == 3 && i < 2 * capacity;
          words[i] = round % 4 == 0 ? ~0U : round % 4 == 1 || sensible ? 0 : random.next();
        }
        const std::uint32_t lengths[] = {1, capacity, capacity + 1, ~0U, random.next(), 0};
        for (const std::uint32_t length : lengths) {
          const Ring ring(words.data(), capacity, length);
          for (int key = 0; key < 50; ++key) {
            const std::uint32_t owner = ring.owner(random.next());
            const auto peers = words.first(capacity);
            assert_true(std::ranges::any_of(peers, [&](const Word& w) { return w == owner; }));
          }
        }
      }
    }
  }
}

void a_ring_is_written_within_its_words_and_without_memory(void**) {
  const std::vector<Point> points = points_of(crowd(100));
  const auto capacity = static_cast<std::uint32_t>(points.size());
  Guarded guarded(ring_words(capacity));
  for (const auto& words : {guarded.front_, guarded.back_}) {
    service::allocations.arm(0);
    for (const std::uint32_t in : {0U, 1U, 50U, 100U}) {
      const auto is_in = [in](std::uint32_t peer) { return peer < in; };
      assert_int_equal(write_ring(points, is_in, words, capacity), in * 16);
      if (in > 0) assert_true(Ring(words.data(), capacity, in * 16).owner(1) < in);
    }
    assert_int_equal(service::allocations.count, 0);
  }
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(each_unit_of_weight_has_its_points),
      cmocka_unit_test(too_many_points_are_halved_for_all),
      cmocka_unit_test(points_stand_in_one_order_whatever_that_of_members),
      cmocka_unit_test(the_first_words_are_a_list_of_those_who_are_in),
      cmocka_unit_test(behind_the_last_point_comes_the_first),
      cmocka_unit_test(of_two_on_one_place_the_first_owns),
      cmocka_unit_test(a_crowded_bucket_is_searched_through),
      cmocka_unit_test(more_points_than_there_is_room_for_are_left_out),
      cmocka_unit_test(a_torn_image_leads_nowhere_outside),
      cmocka_unit_test(a_ring_is_written_within_its_words_and_without_memory),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
