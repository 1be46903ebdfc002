// The store in one directory: files of alerts named alerts-000001.db and so on.
//
// Must stay true (store.h): a new file begins with the streams' numbers of the one before, so that what is known of
// duplicates survives the deletion of old files; what is known of streams is bounded, by agent and over all.
#pragma once

#include "collector/store/partition.h"
#include "collector/store/store.h"

#include <atomic>
#include <mutex>

namespace undercoat::collector {

struct StoreSettings {
    std::string directory;
    uint64_t max_bytes = uint64_t{10} << 30;
    std::chrono::hours max_age{24 * 30};
    int64_t rows_per_file = 500'000;
};

class SqliteStore : public Store {
public:
    static constexpr size_t kMostStreamsOfAgent = 256;  // of runs of it; those seen last
    static constexpr size_t kMostStreams = 1'000'000;
    static Result<std::unique_ptr<SqliteStore>> open(const StoreSettings& settings);

    Result<Stored> commit(const std::vector<Incoming>& incoming) override;
    void tidy() override;
    Result<Page> search(const Search& search) override;
    std::optional<AlertRecord> find(const AlertId& id) override;
    Result<Histogram> histogram(const Search& search, int64_t step_ns) override;
    Result<Top> top(const Search& search, const std::string& field, size_t count) override;
    StoreState state() const override;

private:
    explicit SqliteStore(const StoreSettings& settings);
    void open_files();
    void begin_file(uint32_t number);
    void roll_if_full();
    void remember(const StreamKey& key, const StreamProgress& progress);
    std::vector<PartitionFacts> files() const;  // newest first
    std::string path_of(uint32_t number) const;
    // All matching alerts, newest first, until on_alert returns false. False: the deadline has passed.
    template <class OnAlert>
    bool scan(const Search& search, std::optional<AlertId>& reached, OnAlert on_alert);
    template <class Use>
    void with_reader(const PartitionFacts& file, Use use);

    const StoreSettings settings_;
    std::unique_ptr<PartitionWriter> writer_;
    Progress progress_;
    mutable std::mutex mutex_;  // of what follows
    std::vector<PartitionFacts> files_;  // oldest first; the last is the writer's
    // Those that nobody uses just now.
    std::map<uint32_t, std::vector<std::unique_ptr<PartitionReader>>> readers_;
    std::string trouble_;
};

}  // namespace undercoat::collector
