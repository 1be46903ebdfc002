// When to try again: after pauses that double, each drawn at random so that many agents do not come back at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace undercoat::uplink {

class Backoff {
public:
    using Clock = std::chrono::steady_clock;
    Backoff(std::chrono::milliseconds first, std::chrono::milliseconds longest, unsigned seed)
        : first_(first), longest_(longest), length_(first), random_(seed) {}

    Clock::time_point next_try() const { return next_; }
    void failed(Clock::time_point now) {
        const auto most = static_cast<uint64_t>(length_.count());
        next_ = now + std::chrono::milliseconds(std::uniform_int_distribution<uint64_t>(most / 2, most)(random_));
        length_ = std::min(length_ * 2, longest_);
    }
    void worked() { length_ = first_; }

private:
    const std::chrono::milliseconds first_, longest_;
    std::chrono::milliseconds length_;
    Clock::time_point next_{};
    std::mt19937 random_;
};

}  // namespace undercoat::uplink
