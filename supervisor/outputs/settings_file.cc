// See settings_file.h. Each key has one entry in a table of functions.
#include "supervisor/outputs/settings_file.h"

#include "rules/ruleset/yaml_input.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

namespace undercoat::outputs {
namespace {

// Thrown by readers of values, caught where the key is known.
struct Bad {
    std::string message;
};

// Falco's keys that have no counterpart here: its drivers, plugins, own logging.
const std::set<std::string, std::less<>> kForeign = {"config_files",
                                                     "watch_config_files",
                                                     "engine",
                                                     "capture",
                                                     "load_plugins",
                                                     "plugins",
                                                     "plugins_hostinfo",
                                                     "log_stderr",
                                                     "log_syslog",
                                                     "log_level",
                                                     "libs_logger",
                                                     "buffered_outputs",
                                                     "buffer_format_base64",
                                                     "output_timeout",
                                                     "syscall_event_timeouts",
                                                     "base_syscalls",
                                                     "falco_libs",
                                                     "container_engines",
                                                     "webserver.threadiness",
                                                     "webserver.ssl_enabled",
                                                     "webserver.ssl_certificate",
                                                     "http_output.echo",
                                                     "http_output.compress_uploads",
                                                     "http_output.max_consecutive_timeouts",
                                                     "file_output.keep_alive",
                                                     "outputs_queue.recovery",
                                                     "syscall_event_drops.simulate_drops",
                                                     "metrics.resource_utilization_enabled",
                                                     "metrics.state_counters_enabled",
                                                     "metrics.kernel_event_counters_enabled",
                                                     "metrics.kernel_event_counters_per_cpu_enabled",
                                                     "metrics.libbpf_stats_enabled",
                                                     "metrics.plugins_metrics_enabled",
                                                     "metrics.jemalloc_stats_enabled",
                                                     "metrics.convert_memory_to_mb",
                                                     "metrics.include_empty_values",
                                                     "metrics.rules_counters_enabled"};

std::string expanded(const std::string& text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        const bool escaped = text.compare(at, 3, "$${") == 0;
        if (!escaped && text.compare(at, 2, "${") != 0) {
            out += text[at++];
            continue;
        }
        const size_t name = at + (escaped ? 3 : 2), end = text.find('}', name);
        if (end == text.npos) return out + text.substr(at);
        if (escaped) {
            out += text.substr(at + 1, end - at);
        } else if (const char* value = std::getenv(text.substr(name, end - name).c_str())) {
            out += value;
        }
        at = end + 1;
    }
    return out;
}

std::string text(const YAML::Node& n) {
    if (n.IsNull()) return "";
    if (!n.IsScalar()) throw Bad{"must be a text"};
    return expanded(n.Scalar());
}

bool flag(const YAML::Node& n) {
    const std::string t = text(n);
    if (t == "true" || t == "True" || t == "yes" || t == "on") return true;
    if (t == "false" || t == "False" || t == "no" || t == "off") return false;
    throw Bad{"is '" + t + "'; allowed are true and false"};
}

uint64_t number(const YAML::Node& n, uint64_t most) {
    const std::string t = text(n);
    uint64_t v = 0;
    const auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), v);
    if (error != std::errc() || end != t.data() + t.size() || v > most)
        throw Bad{"is '" + t + "'; it must be a number from 0 to " + std::to_string(most)};
    return v;
}

double real(const YAML::Node& n, double least, double most) {
    const std::string t = text(n);
    char* end = nullptr;
    const double v = std::strtod(t.c_str(), &end);
    if (t.empty() || *end != '\0' || !(v >= least && v <= most)) throw Bad{"is '" + t + "', which is out of range"};
    return v;
}

std::vector<std::string> texts(const YAML::Node& n) {
    if (n.IsScalar()) return {text(n)};
    if (!n.IsSequence()) throw Bad{"must be a list"};
    std::vector<std::string> out;
    for (const auto& item : n) out.push_back(text(item));
    return out;
}

// "1h", "15m30s", "500ms"; a bare number means milliseconds.
std::chrono::seconds duration(const YAML::Node& n) {
    static const std::map<std::string, uint64_t, std::less<>> kUnits = {
        {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}, {"w", 604'800'000}, {"", 1}};
    const std::string t = text(n);
    uint64_t ms = 0;
    for (size_t at = 0; at < t.size();) {
        uint64_t v = 0;
        const auto [end, error] = std::from_chars(t.data() + at, t.data() + t.size(), v);
        const auto from = static_cast<size_t>(end - t.data());
        size_t to = from;
        while (to < t.size() && (t[to] < '0' || t[to] > '9')) ++to;
        const auto unit = kUnits.find(std::string_view(t).substr(from, to - from));
        if (error != std::errc() || unit == kUnits.end() || v > 1'000'000'000)
            throw Bad{"is '" + t + "'; it must be a time such as 1h or 15m"};
        ms += v * unit->second;
        at = to;
    }
    if (ms < 100) throw Bad{"is '" + t + "'; at least 100ms is needed"};
    return std::chrono::seconds(std::max<uint64_t>(ms / 1000, 1));
}

AppendedOutput appended(const YAML::Node& n) {
    if (!n.IsMap()) throw Bad{"must be a list of maps"};
    AppendedOutput a;
    for (const auto& entry : n) {
        const YAML::Node value = entry.second;
        const std::string key = entry.first.as<std::string>();
        if (key == "extra_output") a.extra_output = text(value);
        else if (key == "suggested_output") a.suggested = flag(value);
        else if (key == "extra_fields") {
            if (!value.IsSequence()) throw Bad{"extra_fields must be a list"};
            for (const auto& f : value) {
                if (f.IsScalar()) a.extra_fields.emplace_back(f.Scalar(), "");
                else if (f.IsMap())
                    for (const auto& pair : f)
                        a.extra_fields.emplace_back(pair.first.as<std::string>(), text(pair.second));
                else throw Bad{"extra_fields must hold fields, or maps of a key to a format"};
            }
        } else if (key == "match") {
            if (value["source"]) a.source = text(value["source"]);
            if (value["rule"]) a.rule = text(value["rule"]);
            if (value["tags"]) a.tags = texts(value["tags"]);
        } else {
            throw Bad{"has no key '" + key + "'; there are match, extra_output, extra_fields, suggested_output"};
        }
    }
    return a;
}

rules::RuleSelection selection(const YAML::Node& n) {
    for (const char* verb : {"enable", "disable"}) {
        const YAML::Node what = n[verb];
        if (!what || !what.IsMap()) continue;
        const bool tag = static_cast<bool>(what["tag"]);
        if (!tag && !what["rule"]) break;
        return {verb[0] == 'e', tag, text(tag ? what["tag"] : what["rule"])};
    }
    throw Bad{"must hold entries such as {disable: {rule: NAME}} or {enable: {tag: TAG}}"};
}

class Reader {
public:
    Reader(SettingsFile& out, std::string path) : out_(out), path_(std::move(path)) {
        add_general();
        add_lines();
        add_channels();
        add_collector();
        add_rest();
    }

    void read(const YAML::Node& root) {
        for (const auto& entry : root) {
            const YAML::Node value = entry.second;
            const std::string key = key_of(entry.first);
            warn_if_again(key, entry.first);
            if (take(key, value)) continue;
            const bool parent =
                std::any_of(keys_.begin(), keys_.end(), [&](const auto& k) { return k.first.starts_with(key + "."); });
            if (!parent || !value.IsMap()) {
                unused(key, entry.first);
                continue;
            }
            for (const auto& inner : value) {
                const std::string full = key + "." + key_of(inner.first);
                warn_if_again(full, inner.first);
                if (!take(full, inner.second)) unused(full, inner.first);
            }
        }
        finish();
    }

private:
    using Take = std::function<void(const YAML::Node&)>;

    std::string where(const YAML::Node& n) const {
        const YAML::Mark m = n.Mark();
        return path_ + ":" + std::to_string(m.line + 1) + ":" + std::to_string(m.column + 1) + ": ";
    }
    static std::string key_of(const YAML::Node& n) { return n.IsScalar() ? n.Scalar() : "?"; }
    void warn_if_again(const std::string& key, const YAML::Node& at) {
        if (!seen_.insert(key).second)
            out_.problems.push_back(where(at) + "the key '" + key + "' stands here again; this one holds");
    }
    void unused(const std::string& key, const YAML::Node& at) {
        if (kForeign.contains(key)) return out_.foreign.push_back(where(at) + "the key '" + key + "' means nothing here");
        const bool section = std::any_of(keys_.begin(), keys_.end(), [&](const auto& k) { return k.first.starts_with(key + "."); });
        if (section) return out_.problems.push_back(where(at) + "'" + key + "' must be a map of keys to values; it is ignored");
        std::vector<std::string_view> names;
        for (const auto& [name, take] : keys_) {
            names.push_back(name);
            if (const size_t dot = name.find('.'); dot != name.npos) names.push_back(std::string_view(name).substr(0, dot));
        }
        const std::string near = rules::nearest_name(key, names);
        out_.ignored.push_back(where(at) + "there is no key '" + key + "'" +
                               (near.empty() ? "; it is ignored" : ", did you mean '" + near + "'? It is ignored"));
    }
    bool take(const std::string& key, const YAML::Node& value) {
        const auto it = keys_.find(key);
        if (it == keys_.end()) return false;
        try {
            it->second(value);
        } catch (const Bad& bad) {
            out_.problems.push_back(where(value) + "'" + key + "' " + bad.message + "; it is ignored");
        } catch (const YAML::Exception& e) {
            out_.problems.push_back(where(value) + "'" + key + "' " + e.msg + "; it is ignored");
        }
        return true;
    }
    void add(const char* key, bool& to) { keys_[key] = [&to](const YAML::Node& n) { to = flag(n); }; }
    void add(const char* key, std::string& to) { keys_[key] = [&to](const YAML::Node& n) { to = text(n); }; }
    void add(const char* key, Take take) { keys_[key] = std::move(take); }

    void add_general() {
        const auto rules_files = [this](const YAML::Node& n) {
            std::error_code error;
            for (const std::string& f : texts(n)) {
                if (std::filesystem::exists(f, error)) out_.rules_files.push_back(f);
                else out_.absent.push_back(where(n) + "the rules file " + f + " does not exist; it is left out");
            }
        };
        add("rules_files", rules_files);
        add("rules_file", rules_files);
        add("rules", [this](const YAML::Node& n) {
            if (!n.IsSequence()) throw Bad{"must be a list"};
            for (const auto& item : n) out_.selections.push_back(selection(item));
        });
        add("priority", [this](const YAML::Node& n) {
            out_.priority = rules::priority_named(text(n));
            if (!out_.priority) throw Bad{"is '" + text(n) + "'; allowed are emergency, alert, critical, error, warning, notice, "
                                                      "informational, debug"};
        });
        add("rule_matching", [this](const YAML::Node& n) {
            const std::string t = text(n);
            if (t != "first" && t != "all") throw Bad{"is '" + t + "'; allowed are first and all"};
            out_.first_match = t == "first";
        });
    }

    void add_lines() {
        OutputSettings& o = out_.outputs;
        add("json_output", [this](const YAML::Node& n) { out_.json = flag(n); });
        add("time_format_iso_8601", o.style.iso_time);
        add("json_include_output_property", o.style.output);
        add("json_include_message_property", o.style.message);
        add("json_include_output_fields_property", o.style.fields);
        add("json_include_tags_property", o.style.tags);
        add("append_output", [&o](const YAML::Node& n) {
            if (!n.IsSequence()) throw Bad{"must be a list of maps"};
            std::vector<AppendedOutput> all;
            for (const auto& item : n) all.push_back(appended(item));
            o.append = std::move(all);
        });
        add("static_fields", [&o](const YAML::Node& n) {
            if (!n.IsMap()) throw Bad{"must be a map of names to texts"};
            for (const auto& pair : n) o.static_fields.emplace_back(pair.first.as<std::string>(), text(pair.second));
        });
        add("outputs_queue.capacity", [&o](const YAML::Node& n) { o.queue_capacity = number(n, 10'000'000); });
    }

    void add_channels() {
        OutputSettings& o = out_.outputs;
        add("stdout_output.enabled", [this](const YAML::Node& n) { out_.to_stdout = flag(n); });
        add("file_output.enabled", file_enabled_);
        add("file_output.filename", file_);
        add("syslog_output.enabled", o.syslog.enabled);
        add("syslog_output.address", o.syslog.address);
        add("program_output.enabled", o.program.enabled);
        add("program_output.keep_alive", o.program.keep_alive);
        add("program_output.program", o.program.program);
        add("http_output.enabled", o.http.enabled);
        add("http_output.url", o.http.url);
        add("http_output.user_agent", o.http.user_agent);
        add("http_output.insecure", o.http.insecure);
        add("http_output.ca_cert", o.http.ca_cert);
        add("http_output.ca_bundle", o.http.ca_bundle);
        add("http_output.ca_path", o.http.ca_path);
        add("http_output.mtls", o.http.mtls);
        add("http_output.client_cert", o.http.client_cert);
        add("http_output.client_key", o.http.client_key);
        add("http_output.keep_alive", o.http.keep_alive);
    }

    void add_collector() {
        CollectorSettings& c = out_.outputs.collector;
        add("collector.address", [this](const YAML::Node& n) { out_.collector["UNDERCOAT_COLLECTOR"] = text(n); });
        add("collector.orchestrator", [this](const YAML::Node& n) { out_.collector["UNDERCOAT_ORCHESTRATOR"] = text(n); });
        add("collector.proxy", [this](const YAML::Node& n) { out_.collector["UNDERCOAT_PROXY"] = text(n); });
        add("collector.access_key_file", [this](const YAML::Node& n) { out_.collector["UNDERCOAT_ACCESS_KEY_FILE"] = text(n); });
        add("collector.spool_megabytes", [this](const YAML::Node& n) { out_.collector["UNDERCOAT_SPOOL_MB"] = text(n); });
        add("collector.tags", [&c](const YAML::Node& n) { c.tags = texts(n); });
        add("collector.access_key", c.access_key);
        add("collector.ca_cert", c.ca_cert);
        add("collector.client_cert", c.client_cert);
        add("collector.client_key", c.client_key);
        add("collector.insecure", c.insecure);
        add("collector.spool", c.spool);
        add("collector.agent_id", c.agent_id);
    }

    void add_rest() {
        OutputSettings& o = out_.outputs;
        add("webserver.enabled", o.web.enabled);
        add("webserver.listen_address", o.web.address);
        add("webserver.listen_port",
            [&o](const YAML::Node& n) { o.web.port = static_cast<uint16_t>(number(n, 65535)); });
        add("webserver.socket", o.web.socket);
        add("webserver.k8s_healthz_endpoint", o.web.healthz_path);
        add("webserver.prometheus_metrics_enabled", o.web.prometheus);
        add("metrics.enabled", o.metrics.enabled);
        add("metrics.interval", [&o](const YAML::Node& n) { o.metrics.interval = duration(n); });
        add("metrics.output_rule", o.metrics.output_rule);
        add("metrics.output_file", o.metrics.output_file);
        add("syscall_event_drops.threshold", [&o](const YAML::Node& n) { o.drops.threshold = real(n, 0, 1); });
        add("syscall_event_drops.rate", [&o](const YAML::Node& n) { o.drops.rate = real(n, 0, 1e6); });
        add("syscall_event_drops.max_burst", [&o](const YAML::Node& n) { o.drops.max_burst = real(n, 0, 1e6); });
        add("syscall_event_drops.actions", [&o](const YAML::Node& n) {
            o.drops.log = o.drops.alert = false;
            for (const std::string& a : texts(n)) {
                if (a == "log") o.drops.log = true;
                else if (a == "alert") o.drops.alert = true;
                else if (a != "ignore") throw Bad{"has the action '" + a + "'; allowed are ignore, log and alert"};
            }
        });
        add("coverage.alerts", [&o](const YAML::Node& n) {
            const std::string a = text(n);
            if (a == "none") o.coverage = CoverageAlerts::none;
            else if (a == "nothing") o.coverage = CoverageAlerts::nothing;
            else if (a == "part") o.coverage = CoverageAlerts::part;
            else if (a == "all") o.coverage = CoverageAlerts::all;
            else throw Bad{"is '" + a + "'; allowed are none, nothing, part and all"};
        });
    }

    void finish() {
        OutputSettings& o = out_.outputs;
        if (file_enabled_ && file_.empty())
            out_.problems.push_back(path_ + ": 'file_output' is enabled and has no 'filename'; it is ignored");
        if (file_enabled_) out_.file = file_;
        const auto needs = [&](bool& enabled, const std::string& value, const char* section, const char* key) {
            if (!enabled || !value.empty()) return;
            enabled = false;
            out_.problems.push_back(path_ + ": '" + section + "' is enabled and has no '" + key + "'; it is ignored");
        };
        needs(o.program.enabled, o.program.program, "program_output", "program");
        needs(o.http.enabled, o.http.url, "http_output", "url");
        if (out_.json) o.http_json = *out_.json;
    }

    SettingsFile& out_;
    const std::string path_;
    std::map<std::string, Take> keys_;
    std::set<std::string> seen_;
    bool file_enabled_ = false;
    std::string file_;
};

}  // namespace

Result<SettingsFile> parse_settings(const std::string& content, const std::string& path) {
    SettingsFile out;
    auto documents = rules::load_yaml(content);
    if (const auto* p = std::get_if<rules::YamlProblem>(&documents))
        return Error{path + ":" + std::to_string(p->line) + ":" + std::to_string(p->column) + ": " + p->message + "."};
    const auto& nodes = std::get<std::vector<YAML::Node>>(documents);
    if (nodes.empty() || nodes.front().IsNull()) return out;
    const YAML::Node& root = nodes.front();
    if (!root.IsMap() || nodes.size() > 1)
        return Error{path + ":1:1: this is no configuration: it must be one map of keys to values, 'key: value'."};
    Reader(out, path).read(root);
    return out;
}

Result<SettingsFile> read_settings_file(const std::string& path) {
    std::ifstream in(path);
    if (!in) return Error{"The configuration file " + path + " cannot be read."};
    std::stringstream content;
    content << in.rdbuf();
    return parse_settings(rules::to_utf8(content.str()), path);
}

}  // namespace undercoat::outputs
