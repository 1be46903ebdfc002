// See fanout.h.
#include "supervisor/outputs/fanout.h"

#include "supervisor/outputs/file_channel.h"
#include "supervisor/outputs/http_channel.h"
#include "supervisor/outputs/program_channel.h"
#include "supervisor/outputs/syslog_channel.h"

#include <unistd.h>

namespace undercoat::outputs {

Fanout::Fanout(const OutputSettings& settings, const std::string& hostname, ChannelQueue::Warn warn)
    : warn_(std::move(warn)) {
    limits_.capacity = settings.queue_capacity == 0 ? kUnboundedQueue : settings.queue_capacity;
    for (const std::string& stream : settings.streams)
        add(stream, make_stream_channel(stream == "stdout" ? STDOUT_FILENO : STDERR_FILENO));
    for (const std::string& file : settings.files) add("file", make_file_channel(file));
    if (settings.syslog.enabled) add("syslog", make_syslog_channel(settings.syslog, hostname));
    if (settings.program.enabled) add("program", make_program_channel(settings.program));
    if (settings.http.enabled) add("http", make_http_channel(settings.http, settings.http_json));
}

void Fanout::add(std::string name, Result<std::unique_ptr<Channel>> channel) {
    if (!channel) return warn_("the output " + name + " is left out: " + channel.error());
    queues_.push_back(std::make_unique<ChannelQueue>(std::move(name), std::move(*channel), limits_, warn_));
}

void Fanout::send(std::shared_ptr<const Message> message) {
    for (const auto& q : queues_) q->push(message);
}

void Fanout::reopen() {
    for (const auto& q : queues_) q->reopen();
}

std::vector<Fanout::State> Fanout::states() const {
    std::vector<State> out;
    for (const auto& q : queues_) out.push_back({q->name(), q->counters()});
    return out;
}

}  // namespace undercoat::outputs
