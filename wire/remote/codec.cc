// See codec.h. Protobuf stays in this file.
#include "wire/remote/codec.h"

#include "base/utf8.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "wire/remote/undercoat.pb.h"

#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/wire_format_lite.h>
#pragma GCC diagnostic pop

#include <algorithm>
#include <zstd.h>

namespace undercoat::remote {
namespace {

using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::internal::WireFormatLite;

constexpr size_t kMaxParts = 128 * 1024;  // fields of a message, over all: far more than real alerts and tags of kMaxPlain
constexpr int kLevel = 1;
constexpr int kWindowLog = 18;  // 256 KiB: a batch is seldom larger, and the memory stays small

bool is_utf8(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        const size_t n = utf8_length(text, at);
        if (n == 0) return false;
        at += n;
    }
    return true;
}

// Cut at a character's beginning; valid UTF-8.
std::string cut(const std::string& text, size_t limit) {
    if (!is_utf8(text)) {
        std::string harmless;
        append_harmless(text, harmless);
        return cut(harmless, limit);
    }
    return std::string(utf8_prefix(text, limit));
}

std::string object_or_empty(const std::string& json) {
    return json.size() <= kMaxText && is_utf8(json) ? json : std::string("{}");
}

void fill(const Alert& a, pb::Alert& to) {
    to.set_number(a.number);
    to.set_time_ns(a.time_ns);
    to.set_severity(a.severity);
    to.set_rule(cut(a.rule, kMaxName));
    to.set_source(cut(a.source, kMaxName));
    to.set_hostname(cut(a.hostname, kMaxName));
    to.set_message(cut(a.message, kMaxText));
    for (size_t i = 0; i < a.tags.size() && i < kMaxPairs; ++i) to.add_tags(cut(a.tags[i], kMaxName));
    to.set_fields(object_or_empty(a.fields));
    to.set_context(object_or_empty(a.context));
}

void fill(const Hello& h, pb::Hello& to) {
    to.set_protocol(h.protocol);
    to.set_version(cut(h.version, kMaxName));
    to.set_hostname(cut(h.hostname, kMaxName));
    to.set_mode(cut(h.mode, kMaxName));
    to.set_rules_version(cut(h.rules_version, kMaxName));
    to.set_started_ns(h.started_ns);
    to.set_relay(h.relay);
    for (size_t i = 0; i < h.tags.size() && i < kMaxPairs; ++i) to.add_tags(cut(h.tags[i], kMaxName));
    for (const auto& [name, value] : h.platform) {
        if (static_cast<size_t>(to.platform_size()) == kMaxPairs) break;
        pb::Pair& pair = *to.add_platform();
        pair.set_name(cut(name, kMaxName));
        pair.set_value(cut(value, kMaxName));
    }
}

void fill(const Heartbeat& h, pb::Heartbeat& to) {
    to.set_time_ns(h.time_ns);
    to.set_rules_version(cut(h.rules_version, kMaxName));
    to.set_mode(cut(h.mode, kMaxName));
    for (const auto& [name, value] : h.counters) {
        pb::Count& count = *to.add_counters();
        count.set_name(cut(name, kMaxName));
        count.set_value(value);
    }
}

void fill(const Up& m, pb::Up& to) {
    to.set_agent(m.agent);
    if (const auto* hello = std::get_if<Hello>(&m.what)) fill(*hello, *to.mutable_hello());
    if (const auto* heartbeat = std::get_if<Heartbeat>(&m.what)) fill(*heartbeat, *to.mutable_heartbeat());
    if (const auto* batch = std::get_if<Batch>(&m.what)) {
        to.mutable_batch()->set_epoch(batch->epoch);
        to.mutable_batch()->set_stream(batch->stream);
        for (const Alert& a : batch->alerts) fill(a, *to.mutable_batch()->add_alerts());
    }
    if (const auto* status = std::get_if<RulesStatus>(&m.what)) {
        to.mutable_rules_status()->set_version(status->version);
        to.mutable_rules_status()->set_applied(status->applied);
        to.mutable_rules_status()->set_message(cut(status->message, kMaxText));
    }
    if (std::holds_alternative<Gone>(m.what)) to.mutable_gone();
}

void fill(const Down& m, pb::Down& to) {
    to.set_agent(m.agent);
    if (const auto* welcome = std::get_if<Welcome>(&m.what)) {
        to.mutable_welcome()->set_protocol(welcome->protocol);
        to.mutable_welcome()->set_heartbeat_seconds(welcome->heartbeat_seconds);
        to.mutable_welcome()->set_server(welcome->server);
    }
    if (const auto* ack = std::get_if<Ack>(&m.what)) {
        to.mutable_ack()->set_epoch(ack->epoch);
        to.mutable_ack()->set_stream(ack->stream);
        to.mutable_ack()->set_number(ack->number);
    }
    if (const auto* rules = std::get_if<Rules>(&m.what)) {
        to.mutable_rules()->set_version(rules->version);
        to.mutable_rules()->set_scope(rules->scope);
        for (const auto& [name, content] : rules->files) {
            pb::RulesFile& file = *to.mutable_rules()->add_files();
            file.set_name(name);
            file.set_content(content);
        }
    }
    if (const auto* policy = std::get_if<Policy>(&m.what)) {
        to.mutable_policy();
        for (const std::string& version : policy->versions) to.mutable_policy()->add_versions(version);
    }
}

// Collects what is beyond a limit while a message is read.
class Reader {
public:
    std::string name(const std::string& text) { return limited(text, kMaxName); }
    std::string text(const std::string& text) { return limited(text, kMaxText); }
    std::string file(const std::string& text) { return limited(text, kMaxRules); }
    bool few(int n, size_t most) { return ok_ = ok_ && static_cast<size_t>(n) <= most; }
    void require(bool condition) { ok_ = ok_ && condition; }
    bool ok() const { return ok_; }

private:
    std::string limited(const std::string& text, size_t limit) {
        ok_ = ok_ && text.size() <= limit && is_utf8(text);
        return ok_ ? text : std::string();
    }
    bool ok_ = true;
};

Alert read(const pb::Alert& a, Reader& r) {
    Alert out;
    out.number = a.number();
    out.time_ns = a.time_ns();
    out.severity = std::min(a.severity(), 7U);
    out.rule = r.name(a.rule());
    out.source = r.name(a.source());
    out.hostname = r.name(a.hostname());
    out.message = r.text(a.message());
    out.fields = r.text(a.fields());
    out.context = r.text(a.context());
    if (r.few(a.tags_size(), kMaxPairs))
        for (const std::string& tag : a.tags()) out.tags.push_back(r.name(tag));
    return out;
}

Batch read(const pb::Batch& b, Reader& r) {
    Batch out;
    out.epoch = b.epoch();
    out.stream = b.stream();
    r.require(out.stream < kStreams);
    if (!r.few(b.alerts_size(), kMaxAlerts)) return out;
    out.alerts.reserve(static_cast<size_t>(b.alerts_size()));
    uint64_t last = 0;
    for (const pb::Alert& a : b.alerts()) {
        r.require(a.number() > last);
        last = a.number();
        out.alerts.push_back(read(a, r));
    }
    return out;
}

Hello read(const pb::Hello& h, Reader& r) {
    Hello out;
    out.protocol = h.protocol();
    out.version = r.name(h.version());
    out.hostname = r.name(h.hostname());
    out.mode = r.name(h.mode());
    out.rules_version = r.name(h.rules_version());
    out.started_ns = h.started_ns();
    out.relay = h.relay();
    if (r.few(h.tags_size(), kMaxPairs))
        for (const std::string& tag : h.tags()) out.tags.push_back(r.name(tag));
    if (r.few(h.platform_size(), kMaxPairs))
        for (const pb::Pair& p : h.platform()) out.platform.emplace_back(r.name(p.name()), r.name(p.value()));
    return out;
}

Heartbeat read(const pb::Heartbeat& h, Reader& r) {
    Heartbeat out;
    out.time_ns = h.time_ns();
    out.rules_version = r.name(h.rules_version());
    out.mode = r.name(h.mode());
    if (r.few(h.counters_size(), kMaxPairs))
        for (const pb::Count& c : h.counters()) out.counters.emplace_back(r.name(c.name()), c.value());
    return out;
}

Rules read(const pb::Rules& m, Reader& r) {
    Rules out;
    out.version = r.name(m.version());
    out.scope = r.text(m.scope());
    if (!r.few(m.files_size(), kMaxPairs)) return out;
    size_t total = 0;
    for (const pb::RulesFile& f : m.files()) {
        total += f.content().size();
        r.require(total <= kMaxRules);
        if (r.ok()) out.files.emplace_back(r.name(f.name()), r.file(f.content()));
    }
    return out;
}

// Two bytes of an empty alert become an object a hundred times as large: the parts of a message are counted before it is parsed.
// depth 0: an Up or a Down; 1: what it holds, which is a batch or not; 2: an alert.
bool few_parts(CodedInputStream& in, int depth, bool batch, size_t& left) {
    for (size_t alerts = 0; const uint32_t tag = in.ReadTag();) {
        if (left-- == 0) return false;
        const auto number = static_cast<int>(tag >> 3);
        if ((tag & 7) != 2) {
            if (!WireFormatLite::SkipField(&in, tag)) return false;
            continue;
        }
        uint32_t size = 0;
        if (!in.ReadVarint32(&size) || size > kMaxPlain) return false;
        const bool alert = batch && number == pb::Batch::kAlertsFieldNumber;
        if (alert && ++alerts > kMaxAlerts) return false;
        if (!alert && (depth > 0 || number == pb::Up::kAgentFieldNumber)) {
            if (!in.Skip(static_cast<int>(size))) return false;
            continue;
        }
        const auto outer = in.PushLimit(static_cast<int>(size));
        if (!few_parts(in, depth + 1, depth == 0 && number == pb::Up::kBatchFieldNumber, left) || in.BytesUntilLimit() > 0) return false;
        in.PopLimit(outer);
    }
    return true;
}

template <class Message>
Status parse(const std::string& plain, Message& to) {
    CodedInputStream in(reinterpret_cast<const uint8_t*>(plain.data()), static_cast<int>(plain.size()));
    size_t left = kMaxParts;
    if (!few_parts(in, 0, false, left)) return Error{"The frame holds no message of the protocol, or one beyond its limits."};
    if (!to.ParseFromArray(plain.data(), static_cast<int>(plain.size()))) return Error{"The frame holds no message of the protocol."};
    return Unit{};
}

Policy read(const pb::Policy& m, Reader& r) {
    Policy out;
    if (r.few(m.versions_size(), kMaxPairs))
        for (const std::string& version : m.versions()) out.versions.push_back(r.name(version));
    return out;
}

const Error kBeyond{"The message is beyond a limit of the protocol."};
const Error kNoMessage{"The frame holds no message of the protocol."};

// The key of Up.batch's field `alerts`, number 3 with length.
constexpr char kAlertKey = (3 << 3) | 2;

}  // namespace

struct Codec::Impl {
    ZSTD_CCtx* compressor = nullptr;
    ZSTD_DCtx* decompressor = nullptr;
    std::string plain;

    ~Impl() {
        ZSTD_freeCCtx(compressor);
        ZSTD_freeDCtx(decompressor);
    }

    Result<std::string> compress(std::string_view from) {
        if (from.size() > kMaxPlain) return kBeyond;
        if (!compressor) {
            compressor = ZSTD_createCCtx();
            ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, kLevel);
            ZSTD_CCtx_setParameter(compressor, ZSTD_c_windowLog, kWindowLog);
            ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1);
        }
        std::string out(ZSTD_compressBound(from.size()), '\0');
        const size_t n = ZSTD_compress2(compressor, out.data(), out.size(), from.data(), from.size());
        if (ZSTD_isError(n) || n > kMaxFrame) return kBeyond;
        out.resize(n);
        out.shrink_to_fit();
        return out;
    }

    // Grows with what really comes out, not with what the frame promises.
    Status decompress(std::string_view frame) {
        if (frame.size() > kMaxFrame) return kBeyond;
        if (!decompressor) {
            decompressor = ZSTD_createDCtx();
            ZSTD_DCtx_setParameter(decompressor, ZSTD_d_windowLogMax, 22);
        }
        ZSTD_DCtx_reset(decompressor, ZSTD_reset_session_only);
        if (plain.capacity() > 256 * 1024) plain = std::string();
        plain.clear();
        ZSTD_inBuffer in{frame.data(), frame.size(), 0};
        size_t left = 1;
        while (left != 0) {
            const size_t at = plain.size();
            plain.resize(std::min(kMaxPlain + 1, at + std::max<size_t>(64 * 1024, at)));
            ZSTD_outBuffer out{plain.data() + at, plain.size() - at, 0};
            left = ZSTD_decompressStream(decompressor, &out, &in);
            plain.resize(at + out.pos);
            if (ZSTD_isError(left)) return Error{"The frame is not compressed as it should be."};
            if (plain.size() > kMaxPlain) return kBeyond;
            if (left != 0 && out.pos == 0 && in.pos == in.size) return Error{"The frame is cut off."};
        }
        return in.pos == in.size ? Status(Unit{}) : Error{"There is more behind the frame."};
    }
};

Codec::Codec() : impl_(std::make_unique<Impl>()) {
    // Or whoever sends a bad message writes into our log.
    static const auto silenced = google::protobuf::SetLogHandler(nullptr);
    (void)silenced;
}
Codec::~Codec() = default;

std::string encode_alert(const Alert& alert) {
    pb::Alert message;
    fill(alert, message);
    std::string out(1, kAlertKey);
    const uint32_t size = static_cast<uint32_t>(message.ByteSizeLong());
    uint8_t length[5];
    const uint8_t* end = CodedOutputStream::WriteVarint32ToArray(size, length);
    out.append(reinterpret_cast<const char*>(length), static_cast<size_t>(end - length));
    message.AppendToString(&out);
    return out;
}

Result<std::string> Codec::encode(const Up& message) {
    pb::Up to;
    fill(message, to);
    return impl_->compress(to.SerializeAsString());
}

Result<std::string> Codec::encode(const Down& message) {
    pb::Down to;
    fill(message, to);
    return impl_->compress(to.SerializeAsString());
}

Result<std::string> Codec::encode_batch(std::string_view agent, uint64_t epoch, uint32_t stream, std::string_view alerts) {
    pb::Up head;
    head.set_agent(std::string(agent));
    std::string plain = head.SerializeAsString();
    pb::Batch batch;
    batch.set_epoch(epoch);
    batch.set_stream(stream);
    std::string inner = batch.SerializeAsString();
    plain += static_cast<char>((pb::Up::kBatchFieldNumber << 3) | 2);
    uint8_t length[5];
    const auto size = static_cast<uint32_t>(inner.size() + alerts.size());
    const uint8_t* end = CodedOutputStream::WriteVarint32ToArray(size, length);
    plain.append(reinterpret_cast<const char*>(length), static_cast<size_t>(end - length));
    plain += inner;
    plain += alerts;
    return impl_->compress(plain);
}

Result<Up> Codec::decode_up(std::string_view frame) {
    if (Status s = impl_->decompress(frame); !s) return Error{s.error()};
    pb::Up from;
    if (Status s = parse(impl_->plain, from); !s) return Error{s.error()};
    Up out;
    Reader r;
    out.agent = r.name(from.agent());
    switch (from.what_case()) {
        case pb::Up::kHello: out.what = read(from.hello(), r); break;
        case pb::Up::kBatch: out.what = read(from.batch(), r); break;
        case pb::Up::kHeartbeat: out.what = read(from.heartbeat(), r); break;
        case pb::Up::kRulesStatus:
            out.what = RulesStatus{r.name(from.rules_status().version()), r.text(from.rules_status().message()),
                                   from.rules_status().applied()};
            break;
        case pb::Up::kGone: out.what = Gone{}; break;
        case pb::Up::WHAT_NOT_SET: return kNoMessage;
    }
    if (!r.ok() || out.agent.empty()) return kBeyond;
    return out;
}

Result<Down> Codec::decode_down(std::string_view frame) {
    if (Status s = impl_->decompress(frame); !s) return Error{s.error()};
    pb::Down from;
    if (Status s = parse(impl_->plain, from); !s) return Error{s.error()};
    Down out;
    Reader r;
    out.agent = r.name(from.agent());
    switch (from.what_case()) {
        case pb::Down::kWelcome:
            out.what = Welcome{from.welcome().protocol(), from.welcome().heartbeat_seconds(), r.name(from.welcome().server())};
            break;
        case pb::Down::kAck: out.what = Ack{from.ack().epoch(), from.ack().stream(), from.ack().number()}; break;
        case pb::Down::kRules: out.what = read(from.rules(), r); break;
        case pb::Down::kPolicy: out.what = read(from.policy(), r); break;
        case pb::Down::WHAT_NOT_SET: return kNoMessage;
    }
    if (!r.ok()) return kBeyond;
    return out;
}

}  // namespace undercoat::remote
