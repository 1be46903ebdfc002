// Finds out which container this is.
#include "supervisor/state/container.h"

#include "base/unique_fd.h"

#include <algorithm>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat::state {
namespace {

// A regular file's beginning: a pipe of that name must not hold us up.
std::string small_file(const std::string& path, size_t most = 4096) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat s{};
    if (!fd || fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode)) return {};
    std::string text(most, '\0');
    const ssize_t n = read(fd.get(), text.data(), text.size());
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
}

std::string trimmed(std::string text) {
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.pop_back();
    return text;
}

bool is_hex(std::string_view s) {
    return !s.empty() && s.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// A run of 64 hexadecimal digits, as container runtimes put it into cgroup and mount paths; or of ECS on Fargate, 32
// digits, a dash and a number.
std::string find_id(const std::string& text) {
    for (size_t i = 0; i + 64 <= text.size(); ++i)
        if (is_hex(std::string_view(text).substr(i, 64)) && (i == 0 || !is_hex(text.substr(i - 1, 1))))
            return text.substr(i, 64);
    for (size_t i = 0; i + 34 <= text.size(); ++i) {
        if (!is_hex(std::string_view(text).substr(i, 32)) || text[i + 32] != '-') continue;
        size_t end = i + 33;
        while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
        if (end > i + 33) return text.substr(i, end - i);
    }
    return {};
}

void split_image(Container& c) {
    std::string rest = c.image;
    if (const size_t at = rest.find('@'); at != std::string::npos) {
        c.image_digest = rest.substr(at + 1);
        rest.resize(at);
    }
    const size_t colon = rest.rfind(':'), slash = rest.rfind('/');
    if (colon != std::string::npos && (slash == std::string::npos || colon > slash)) {
        c.tag = rest.substr(colon + 1);
        rest.resize(colon);
    }
    c.repository = rest;
}

struct Env {
    const char* (*get)(const char*);
    void label(Container& c, const char* variable, const char* name) const {
        if (const std::string value = (*this)(variable); !value.empty()) c.labels[name] = value;
    }
    std::string operator()(const char* name) const {
        const char* v = get(name);
        return v != nullptr ? v : "";
    }
};

constexpr size_t kMostLabels = 256, kLongestLabels = 64 * 1024;

// One line of the downward API's file is KEY="VALUE", in which a backslash stands before each quote and backslash; of what a
// person wrote the quotes may be missing.
void add_pod_label(Container& c, std::string_view line) {
    const size_t equals = line.find('=');
    if (equals == line.npos || equals == 0 || c.pod_labels.size() >= kMostLabels) return;
    std::string_view rest = line.substr(equals + 1);
    const bool quoted = rest.size() >= 2 && rest.front() == '"' && rest.back() == '"';
    if (quoted) rest = rest.substr(1, rest.size() - 2);
    std::string value;
    for (size_t i = 0; i < rest.size(); ++i) {
        if (quoted && rest[i] == '\\' && i + 1 < rest.size()) ++i;
        value += rest[i];
    }
    c.pod_labels.insert_or_assign(std::string(line.substr(0, equals)), std::move(value));
}

void take_pod_labels(Container& c, const std::string& root, const Env& env) {
    const std::string named = env("UNDERCOAT_POD_LABELS_FILE"), given = env("UNDERCOAT_POD_LABELS");
    const std::string file = small_file(root + (named.empty() ? "/etc/podinfo/labels" : named), kLongestLabels);
    const auto add_all = [&c](std::string_view text, char between) {
        while (!text.empty()) {
            const size_t end = std::min(text.find(between), text.size());
            add_pod_label(c, text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
    };
    add_all(file, '\n');
    add_all(given, ',');
}

// Where the platform says who we are, in the order of trust.
void identify(Container& c, const std::string& root, const Env& env) {
    c.full_id = env("UNDERCOAT_CONTAINER_ID");
    if (const std::string ecs = env("ECS_CONTAINER_METADATA_URI_V4"); !ecs.empty()) {
        c.type = "ecs";
        if (c.full_id.empty()) c.full_id = ecs.substr(ecs.rfind('/') + 1);
    } else if (!env("K_SERVICE").empty() || !env("CLOUD_RUN_JOB").empty()) {
        c.type = "cloudrun";
        c.name = !env("K_SERVICE").empty() ? env("K_SERVICE") : env("CLOUD_RUN_JOB");
        env.label(c, "K_REVISION", "cloudrun.revision"), env.label(c, "CLOUD_RUN_EXECUTION", "cloudrun.execution");
    } else if (!env("CONTAINER_APP_NAME").empty()) {
        c.type = "containerapps";
        c.name = env("CONTAINER_APP_NAME");
        env.label(c, "CONTAINER_APP_REVISION", "containerapps.revision");
        env.label(c, "CONTAINER_APP_REPLICA_NAME", "containerapps.replica");
    } else if (!env("KUBERNETES_SERVICE_HOST").empty()) {
        c.type = "kubernetes";
        c.pod_name = env("POD_NAME");
        if (c.pod_name.empty()) c.pod_name = env("HOSTNAME");
        c.pod_namespace = env("POD_NAMESPACE");
        if (c.pod_namespace.empty())
            c.pod_namespace = trimmed(small_file(root + "/var/run/secrets/kubernetes.io/serviceaccount/namespace"));
        c.pod_uid = env("POD_UID");
        c.pod_ip = env("POD_IP");
    }
    if (c.full_id.empty()) c.full_id = find_id(small_file(root + "/proc/self/cgroup"));
    if (c.full_id.empty()) c.full_id = find_id(small_file(root + "/proc/self/mountinfo"));
    const std::string host_name = trimmed(small_file(root + "/etc/hostname"));
    if (c.full_id.empty() && host_name.size() == 12 && is_hex(host_name)) c.full_id = host_name;
    if (c.full_id.empty()) c.full_id = host_name.empty() ? env("HOSTNAME") : host_name;
    if (c.full_id.empty()) c.full_id = "container";
    if (c.type.empty()) c.type = is_hex(c.full_id) ? "docker" : "static";
}

}  // namespace

Container detect_container(bool host, const std::string& root, const char* (*get)(const char*)) {
    Container c;
    if (host) {
        c.host = true;
        c.id = c.full_id = c.name = "host";
        return c;
    }
    const Env env{get};
    identify(c, root, env);
    take_pod_labels(c, root, env);
    c.id = c.full_id.substr(0, 12);
    if (const std::string name = env("UNDERCOAT_CONTAINER_NAME"); !name.empty()) c.name = name;
    if (c.name.empty()) c.name = c.pod_name.empty() ? c.id : c.pod_name;
    c.image = env("UNDERCOAT_CONTAINER_IMAGE");
    if (!c.image.empty()) split_image(c);
    const std::string privileged = env("UNDERCOAT_CONTAINER_PRIVILEGED");
    if (privileged == "true" || privileged == "false") c.privileged = privileged == "true";
    return c;
}

}  // namespace undercoat::state
