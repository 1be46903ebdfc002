// All channels beside the main output, as the settings name them.
//
// Must stay true: sending never waits; a channel that cannot be made is said and left out.
#pragma once

#include "base/result.h"
#include "supervisor/outputs/channel.h"
#include "supervisor/outputs/settings.h"

#include <memory>
#include <string>
#include <vector>

namespace undercoat::outputs {

class Fanout {
public:
    Fanout(const OutputSettings& settings, const std::string& hostname, ChannelQueue::Warn warn);

    bool empty() const { return queues_.empty(); }
    // To every channel; a queue that is full drops and counts it.
    void send(std::shared_ptr<const Message> message);
    void reopen();

    struct State {
        std::string name;
        ChannelQueue::Counters counters;
    };
    std::vector<State> states() const;

private:
    void add(std::string name, Result<std::unique_ptr<Channel>> channel);

    ChannelQueue::Limits limits_;
    ChannelQueue::Warn warn_;
    std::vector<std::unique_ptr<ChannelQueue>> queues_;
};

}  // namespace undercoat::outputs
