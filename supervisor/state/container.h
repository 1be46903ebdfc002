// The container that this supervisor runs in, and its users.
//
// Must stay true: off any platform the workload still counts as a container; --host makes it the host. A value that is not
// known is nullopt or empty, never invented.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace undercoat::state {

struct Mount {
    std::string source, destination, mode, propagation;
    bool rdwr = false;
};

struct Container {
    bool host = false;    // then id and name are "host" and all else is unknown
    std::string id;       // first 12 characters
    std::string full_id;
    std::string name;
    std::string type;     // "ecs", "docker", "cri-o", "containerd", "cloudrun", "static"…
    std::string image;    // repository:tag as known
    std::string image_id, image_digest, repository, tag;
    std::optional<bool> privileged;
    std::optional<std::vector<Mount>> mounts;
    std::map<std::string, std::string, std::less<>> labels, pod_labels;
    std::string pod_name, pod_uid, pod_namespace, pod_ip;
    std::string ip;
    uint64_t start_ts = 0;  // ns since the epoch
};

// From the environment (UNDERCOAT_CONTAINER_*, UNDERCOAT_POD_LABELS*, HOSTNAME, ECS, Kubernetes and Cloud Run variables),
// /proc/self/cgroup, /etc/hostname and, of a pod, the file of labels that Kubernetes' downward API writes.
// `root` is put before file names (tests); `env` answers names, null where unset.
Container detect_container(bool host, const std::string& root, const char* (*env)(const char*));

struct User {
    uint32_t uid = 0, gid = 0;
    std::string name, home, shell;
};
struct Group {
    uint32_t gid = 0;
    std::string name;
};

// passwd and group of the container, read again when they change (looked at no more than once a second).
class Users {
public:
    // read_files false: only users that were added are known.
    explicit Users(std::string root = "", bool read_files = true) : root_(std::move(root)), read_files_(read_files) {}
    // Null where there is no such id. Valid until the next call with another `now`.
    const User* user(uint32_t uid, uint64_t now);
    const Group* group(uint32_t gid, uint64_t now);
    // For tests and events that name users.
    void add(User u) { fixed_users_.insert_or_assign(u.uid, u), users_.insert_or_assign(u.uid, std::move(u)); }
    void add(Group g) { fixed_groups_.insert_or_assign(g.gid, g), groups_.insert_or_assign(g.gid, std::move(g)); }
    size_t size() const { return users_.size() + groups_.size(); }

private:
    void refresh(uint64_t now);
    std::string root_;
    bool read_files_ = true;
    uint64_t looked_ = 0;
    uint64_t passwd_stamp_ = 0, group_stamp_ = 0;
    std::map<uint32_t, User> users_, fixed_users_;
    std::map<uint32_t, Group> groups_, fixed_groups_;
};

}  // namespace undercoat::state
