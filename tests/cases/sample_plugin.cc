// See sample_plugin.h.
#include "tests/cases/sample_plugin.h"

namespace undercoat::conformance {
namespace {

using namespace rules;

enum SampleField : uint32_t { kIsOpen, kProcName, kOpenCount, kEvtCount, kTick };

struct Described {
    std::string_view name;
    FieldType type;
};
constexpr Described kSampleFields[] = {{"sample.is_open", FieldType::uint64}, {"sample.proc_name", FieldType::text},
                                       {"sample.open_count", FieldType::uint64}, {"sample.evt_count", FieldType::uint64},
                                       {"sample.tick", FieldType::text}};

bool opens(const std::string& type) {
    return type == "open" || type == "openat" || type == "openat2" || type == "open_by_handle_at";
}

class SampleView : public EventView {
public:
    SampleView(std::unique_ptr<EventView> base, const Catalogue& catalogue, size_t first, std::string type, uint64_t opened,
               bool parses)
        : base_(std::move(base)), first_(first), type_(std::move(type)), opened_(opened), parses_(parses) {
        auto found = find_field(catalogue, "proc.name", std::nullopt);
        if (auto* ref = std::get_if<FieldRef>(&found)) name_ = *ref;
    }
    EventTypeId type() const override { return base_->type(); }
    Value extract(const FieldRef& f, Arena& a) override { return f.field < first_ ? base_->extract(f, a) : sample(f, a); }
    Value output_value(const FieldRef& f, Arena& a) override {
        return f.field < first_ ? base_->output_value(f, a) : sample(f, a);
    }

private:
    Value sample(const FieldRef& f, Arena& a) {
        if (type_ == "open_by_handle_at") return {};
        switch (f.field - first_) {
            case kIsOpen: return Value::u64(opens(type_));
            case kProcName: return base_->extract(name_, a);
            case kOpenCount: return parses_ ? Value::u64(opened_) : Value();
            case kTick: return Value::text("false");
            default: return {};
        }
    }
    std::unique_ptr<EventView> base_;
    size_t first_;
    std::string type_;
    uint64_t opened_;
    bool parses_;
    FieldRef name_;
};

}  // namespace

SampleCatalogue::SampleCatalogue(const Catalogue& base) : base_(base), infos_(base.fields().begin(), base.fields().end()) {
    for (const Described& d : kSampleFields) {
        FieldInfo info;
        info.name = d.name;
        info.type = d.type;
        infos_.push_back(info);
    }
}

Result<FieldRef> SampleCatalogue::resolve(const FieldInfo& info, std::optional<std::string_view> argument) const {
    const auto index = static_cast<size_t>(&info - infos_.data());
    if (index < base_.fields().size()) return base_.resolve(base_.fields()[index], argument);
    FieldRef ref;
    ref.info = &info;
    ref.type = info.type;
    ref.field = static_cast<uint32_t>(index);
    return ref;
}

std::unique_ptr<EventView> SampleCatalogue::view(std::unique_ptr<EventView> base, const YAML::Node& events, size_t on,
                                                 bool parses) const {
    uint64_t opened = 0;
    for (size_t i = 0; i <= on; ++i) opened += opens(events[i]["type"].as<std::string>());
    return std::make_unique<SampleView>(std::move(base), base_, base_.fields().size(), events[on]["type"].as<std::string>(),
                                        opened, parses);
}

}  // namespace undercoat::conformance
