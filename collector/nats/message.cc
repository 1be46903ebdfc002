// See message.h.
#include "collector/nats/message.h"

#include <algorithm>

namespace undercoat::collector {
namespace {

constexpr size_t kMaxIdentity = 64;  // ASCII; as to_messages() makes them they have fewer than 40

Status add(remote::Codec& codec, remote::Up& up, size_t most, std::vector<std::string>& out) {
    auto& batch = std::get<remote::Batch>(up.what);
    auto frame = codec.encode(up);
    if (frame && frame->size() <= most) {
        out.push_back(std::move(*frame));
        return Unit{};
    }
    if (batch.alerts.size() < 2) return Error{"an alert is too large for a message"};
    remote::Batch second{batch.epoch, batch.stream, {}};
    const auto half = batch.alerts.begin() + static_cast<std::ptrdiff_t>(batch.alerts.size() / 2);
    second.alerts.assign(std::make_move_iterator(half), std::make_move_iterator(batch.alerts.end()));
    batch.alerts.erase(half, batch.alerts.end());
    if (Status s = add(codec, up, most, out); !s) return s;
    up.what = std::move(second);
    return add(codec, up, most, out);
}

}  // namespace

Result<std::vector<QueuedMessage>> to_messages(remote::Codec& codec, const Incoming& in, size_t most) {
    remote::Up up{in.agent, remote::Batch{in.epoch, in.stream, in.alerts}};
    if (!in.numbered)  // on the wire numbers rise
        for (auto& alerts = std::get<remote::Batch>(up.what).alerts; remote::Alert& a : alerts) a.number = static_cast<uint64_t>(&a - alerts.data()) + 1;
    std::vector<std::string> frames;
    if (Status s = add(codec, up, most, frames); !s) return Error{s.error()};
    std::vector<QueuedMessage> out;
    for (std::string& frame : frames) {
        // Numbered ones came through the same decoder; others are made here, of what it has not seen.
        if (!in.numbered)
            if (auto readable = codec.decode_up(frame); !readable) return Error{"a batch is not as it could be read again: " + readable.error()};
        std::string identity = in.numbered ? "" : in.identity + "." + std::to_string(out.size());
        out.push_back({std::move(frame), std::move(identity)});
    }
    return out;
}

Result<Incoming> from_message(remote::Codec& codec, std::string_view frame, std::string_view identity) {
    const auto plain = [](char c) { return c > ' ' && c < 0x7f; };
    if (identity.size() > kMaxIdentity || !std::all_of(identity.begin(), identity.end(), plain)) return Error{"an identity that is none of ours"};
    auto up = codec.decode_up(frame);
    if (!up) return Error{up.error()};
    auto* batch = std::get_if<remote::Batch>(&up->what);
    if (!batch) return Error{"a message that is no batch"};
    Incoming in;
    in.agent = std::move(up->agent);
    in.epoch = batch->epoch, in.stream = batch->stream, in.alerts = std::move(batch->alerts);
    in.numbered = identity.empty();
    in.identity = identity;
    return in;
}

int part_of(std::string_view agent, int parts) {
    uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : agent) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
    return static_cast<int>((hash >> 32) % static_cast<uint64_t>(parts));
}

}  // namespace undercoat::collector
