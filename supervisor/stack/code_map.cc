// See code_map.h.
#include "supervisor/stack/code_map.h"

#include "wire/local/stack.h"

#include <cstring>

namespace undercoat::stack {

std::shared_ptr<ElfFile> FileCache::take(UniqueFd fd, const FileId& id) {
    if (!fd) return nullptr;
    if (const auto known = files_.find(id); known != files_.end()) return known->second;
    if (files_.size() >= kMostFiles) files_.clear();
    std::shared_ptr<ElfFile> f = ElfFile::open(std::move(fd));
    return files_[id] = f;
}

std::shared_ptr<ElfFile> FileCache::file(int64_t pid, const std::string& path, uint64_t ino) {
    FileId id;
    UniqueFd fd = open_plain(pid, path, id);
    return id.ino == ino ? take(std::move(fd), id) : nullptr;
}

std::shared_ptr<ElfFile> FileCache::debug_of(int64_t pid, ElfFile& of) {
    const std::string build_id = of.build_id();
    if (build_id.size() < 4) return nullptr;
    FileId id;
    UniqueFd fd = open_plain(pid, "/usr/lib/debug/.build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2) + ".debug", id);
    return take(std::move(fd), id);
}

CodeMap::CodeMap(FileCache& files, int64_t pid, std::string_view entries) : files_(files), pid_(pid) {
    while (entries.size() >= sizeof(wire::CodeRange)) {
        wire::CodeRange r;
        std::memcpy(&r, entries.data(), sizeof r);
        entries.remove_prefix(sizeof r);
        const std::string_view name = entries.substr(0, r.name);
        entries.remove_prefix(name.size());
        if (r.start >= r.end) continue;
        Range& to = ranges_.emplace_back();
        to.start = r.start, to.end = r.end, to.offset = r.offset, to.ino = r.ino;
        to.path = name;
    }
}

void CodeMap::look(Range& r) {
    if (r.looked) return;
    r.looked = true;
    r.file = files_.file(pid_, r.path, r.ino);
    const auto address = r.file ? r.file->address_of(r.offset) : std::nullopt;
    if (address) r.bias = r.start - *address;
    else r.file = nullptr;
}

CodeMap::Range* CodeMap::at(uint64_t address) {
    for (Range& r : ranges_) {
        if (address < r.start || address >= r.end) continue;
        look(r);
        return &r;
    }
    return nullptr;
}

bool CodeMap::read(uint64_t address, void* out, size_t n) {
    for (Range& r : ranges_)
        if (r.looked && r.file && address - r.bias >= r.file->begin() && address - r.bias < r.file->end())
            return r.file->read(address - r.bias, out, n);
    // Code of a file that was not needed yet.
    Range* r = at(address);
    return r != nullptr && r->file && r->file->read(address - r->bias, out, n);
}

}  // namespace undercoat::stack
