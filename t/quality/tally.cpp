// SPDX-License-Identifier: MIT
#include "quality/tally.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kerberos::quality {

void Tally::ended(int status, Micros took) {
  ++requests_;
  if (status != 200) ++errors_;
  if (status == 200 || status == 504) times_.push_back(static_cast<double>(took) / kMilli);
}

void Tally::look(std::span<const std::uint32_t> in_flight) {
  const auto sum = std::accumulate(in_flight.begin(), in_flight.end(), std::uint64_t{0});
  if (sum == 0) return;
  const auto most = *std::max_element(in_flight.begin(), in_flight.end());
  peaks_.push_back(static_cast<double>(most) * static_cast<double>(in_flight.size()) /
                   static_cast<double>(sum));
}

double Tally::quantile(double q) {
  if (times_.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(times_.size() - 1));
  std::nth_element(times_.begin(), times_.begin() + at, times_.end());
  return times_[static_cast<std::size_t>(at)];
}

Quality Tally::result() {
  Quality quality;
  quality.requests = requests_;
  if (requests_ == 0) return quality;
  quality.errors = static_cast<double>(errors_) / static_cast<double>(requests_);
  for (const double time : times_) quality.mean += time / static_cast<double>(times_.size());
  quality.p50 = quantile(0.5);
  quality.p99 = quantile(0.99);
  quality.p999 = quantile(0.999);
  const auto picks = std::accumulate(picks_.begin(), picks_.end(), 0.0);
  const auto weights = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  for (std::size_t i = 0; i < picks_.size(); ++i) {
    const double off = static_cast<double>(picks_[i]) * weights / (picks * weights_[i]) - 1;
    quality.share_max = std::max(quality.share_max, std::abs(off));
    quality.share_rms += off * off / static_cast<double>(picks_.size());
    quality.requests_peak = std::max(quality.requests_peak, off + 1);
  }
  quality.share_rms = std::sqrt(quality.share_rms);
  std::sort(peaks_.begin(), peaks_.end());
  if (!peaks_.empty()) {
    quality.in_flight_peak = peaks_[peaks_.size() / 2];
    quality.in_flight_most = peaks_.back();
  }
  return quality;
}

}  // namespace kerberos::quality
