// What stands between taking alerts in and storing them where one machine is not enough: a queue that keeps them.
//
// Must stay true: what commit() has taken survives the end of any process; it is taken out only after the store's commit.
#pragma once

#include "collector/ingest/writer.h"

#include <functional>
#include <memory>
#include <set>

namespace undercoat::collector {

// Parts of a work, from 0 on, that several processes share; each is done by one at a time. One thread.
class Shares {
public:
    virtual ~Shares() = default;
    // Those that are this process's, as many as are fair among all. `give_up` is called before another may have one that was ours.
    // Throws where that is not known: then none is ours.
    virtual std::set<int> balance(const std::function<void(int)>& give_up) = 0;
};

class Backbone : public Committer {
public:
    struct Counters {
        Writer::Counters stored;
        uint64_t foreign = 0;  // messages that were no batches; thrown away
        uint64_t unread = 0;   // times that a part could not be read; tried again
        bool readable = true;  // all parts that are this process's
    };
    static constexpr int kParts = 4;

    // Stores what anybody has put in, with the shares that are given; ends with stop().
    virtual void drain(Committer& store, std::unique_ptr<Shares> shares, Writer::OnStored on_stored) = 0;
    virtual void stop() = 0;
    virtual Counters counters() const = 0;
};

}  // namespace undercoat::collector
