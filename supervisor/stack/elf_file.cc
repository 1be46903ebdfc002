// See elf_file.h. Format: the System V ABI's ELF; .eh_frame and .eh_frame_hdr as in the Linux Standard Base.
#include "supervisor/stack/elf_file.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <unistd.h>

namespace undercoat::stack {
namespace {

constexpr size_t kPage = 4096, kMostPages = 64;
constexpr size_t kMostSections = 256, kMostSegments = 64, kMostFunctions = 400'000, kMostEntries = 400'000;
constexpr size_t kMostName = 512;
constexpr uint64_t kMostWalked = 32 << 20;  // bytes of .eh_frame

template <class T>
T take(const uint8_t* at) {
    T v;
    std::memcpy(&v, at, sizeof v);
    return v;
}

}  // namespace

std::unique_ptr<ElfFile> ElfFile::open(UniqueFd file) {
    std::unique_ptr<ElfFile> f(new ElfFile);
    f->file_ = std::move(file);
    if (!f->file_ || !f->read_headers()) return nullptr;
    return f;
}

bool ElfFile::at(uint64_t offset, void* out, size_t n) const {
    if (offset > INT64_MAX - n) return false;
    return ::pread(file_.get(), out, n, static_cast<off_t>(offset)) == static_cast<ssize_t>(n);
}

bool ElfFile::read_headers() {
    Elf64_Ehdr h;
    if (!at(0, &h, sizeof h) || std::memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64 ||
        h.e_machine != EM_X86_64 || h.e_phentsize != sizeof(Elf64_Phdr))
        return false;
    for (size_t i = 0; i < std::min<size_t>(h.e_phnum, kMostSegments); ++i) {
        Elf64_Phdr p;
        if (!at(h.e_phoff + i * sizeof p, &p, sizeof p)) break;
        if (p.p_type == PT_GNU_EH_FRAME) header_ = p.p_vaddr, header_size_ = p.p_filesz;
        if (p.p_type != PT_LOAD || p.p_filesz == 0 || p.p_vaddr > UINT64_MAX - p.p_memsz) continue;
        segments_.push_back({p.p_vaddr, p.p_filesz, p.p_offset, (p.p_flags & PF_X) != 0});
        begin_ = std::min(begin_, p.p_vaddr);
        end_ = std::max(end_, p.p_vaddr + p.p_memsz);
    }
    return !segments_.empty();
}

void ElfFile::read_sections() {
    Elf64_Ehdr h;
    Elf64_Shdr names{};
    if (!sections_.empty() || !at(0, &h, sizeof h) || h.e_shentsize != sizeof(Elf64_Shdr)) return;
    at(h.e_shoff + h.e_shstrndx * sizeof names, &names, sizeof names);
    for (size_t i = 0; i < std::min<size_t>(h.e_shnum, kMostSections); ++i) {
        Elf64_Shdr s;
        if (!at(h.e_shoff + i * sizeof s, &s, sizeof s)) return;
        char name[24] = {};
        if (s.sh_name < names.sh_size) at(names.sh_offset + s.sh_name, name, sizeof name - 1);
        sections_.push_back({s.sh_type, s.sh_addr, s.sh_offset, s.sh_size, s.sh_link, name});
    }
}

bool ElfFile::read(uint64_t address, void* out, size_t n) {
    auto* to = static_cast<uint8_t*>(out);
    for (const Segment& s : segments_) {
        if (address < s.address || address - s.address >= s.size || s.size - (address - s.address) < n) continue;
        uint64_t offset = s.offset + (address - s.address);
        while (n != 0) {
            if (pages_.size() > kMostPages) pages_.clear();
            std::vector<uint8_t>& page = pages_[offset / kPage];
            if (page.empty()) {
                page.resize(kPage);
                const ssize_t got = ::pread(file_.get(), page.data(), kPage, static_cast<off_t>(offset / kPage * kPage));
                if (got < 0) return pages_.erase(offset / kPage), false;
            }
            const size_t step = std::min(n, kPage - offset % kPage);
            std::memcpy(to, page.data() + offset % kPage, step);
            to += step, offset += step, n -= step;
        }
        return true;
    }
    return false;
}

std::optional<uint64_t> ElfFile::address_of(uint64_t offset) const {
    for (const Segment& s : segments_) {
        const uint64_t first = s.offset / kPage * kPage;  // the kernel maps whole pages
        if (s.code && offset >= first && offset < s.offset + s.size) return s.address - (s.offset - offset);
    }
    return std::nullopt;
}

// The linker's table: pairs of addresses relative to its own, sorted.
void ElfFile::load_header_table() {
    constexpr uint8_t kUdata4 = 3, kRelativeSdata4 = 0x3b;
    uint8_t head[12];
    if (header_ == 0 || !read(header_, head, sizeof head) || head[0] != 1 || head[2] != kUdata4 || head[3] != kRelativeSdata4) return;
    const size_t count = std::min<size_t>(take<uint32_t>(head + 8), std::min<size_t>(header_size_ / 8, kMostEntries));
    std::vector<uint8_t> table(count * 8);
    if (count == 0 || !read(header_ + 12, table.data(), table.size())) return;
    entries_.reserve(count);
    for (size_t i = 0; i < count; ++i)
        entries_.push_back({header_ + static_cast<uint64_t>(int64_t{take<int32_t>(&table[i * 8])}),
                            header_ + static_cast<uint64_t>(int64_t{take<int32_t>(&table[i * 8 + 4])})});
}

// Static programs may have no table: entries are taken one after the other. Their addresses are relative to themselves, as all
// compilers make them.
void ElfFile::load_by_walking() {
    read_sections();
    const auto s = std::find_if(sections_.begin(), sections_.end(), [](const Section& x) { return x.name == ".eh_frame"; });
    if (s == sections_.end()) return;
    const uint64_t end = std::min(s->size, kMostWalked);
    for (uint64_t offset = 0; offset + 16 <= end && entries_.size() < kMostEntries;) {
        uint8_t head[12];
        const uint64_t here = s->address + offset;
        if (!read(here, head, sizeof head)) return;
        const uint32_t length = take<uint32_t>(head);
        if (length == 0 || length == UINT32_MAX) return;
        if (take<uint32_t>(head + 4) != 0)
            entries_.push_back({here + 8 + static_cast<uint64_t>(int64_t{take<int32_t>(head + 8)}), here});
        offset += 4 + uint64_t{length};
    }
}

void ElfFile::load_entries() {
    if (entries_loaded_) return;
    entries_loaded_ = true;
    load_header_table();
    if (entries_.empty()) load_by_walking();
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.address < b.address; });
}

std::optional<uint64_t> ElfFile::frame_entry(uint64_t address) {
    load_entries();
    const auto after = std::upper_bound(entries_.begin(), entries_.end(), address,
                                        [](uint64_t a, const Entry& e) { return a < e.address; });
    if (after == entries_.begin()) return std::nullopt;
    return std::prev(after)->entry;
}

void ElfFile::load_table(const Section& table) {
    if (table.link >= sections_.size()) return;
    const Section& names = sections_[table.link];
    const size_t count = std::min<size_t>(table.size / sizeof(Elf64_Sym), kMostFunctions);
    std::vector<Elf64_Sym> piece(1024);
    for (size_t done = 0; done < count;) {
        const size_t n = std::min(piece.size(), count - done);
        if (!at(table.offset + done * sizeof(Elf64_Sym), piece.data(), n * sizeof(Elf64_Sym))) return;
        done += n;
        for (size_t i = 0; i < n; ++i) {
            const Elf64_Sym& s = piece[i];
            const unsigned type = ELF64_ST_TYPE(s.st_info);
            if ((type != STT_FUNC && type != STT_GNU_IFUNC) || s.st_value == 0 || s.st_name >= names.size) continue;
            functions_.push_back({s.st_value, names.offset + s.st_name, static_cast<uint32_t>(std::min<uint64_t>(s.st_size, UINT32_MAX))});
        }
    }
}

void ElfFile::load_functions() {
    if (functions_loaded_) return;
    functions_loaded_ = true;
    read_sections();
    const auto of = [&](uint32_t type) {
        return std::find_if(sections_.begin(), sections_.end(), [type](const Section& s) { return s.type == type; });
    };
    auto table = of(SHT_SYMTAB);
    full_ = table != sections_.end();
    if (!full_) table = of(SHT_DYNSYM);
    if (table != sections_.end()) load_table(*table);
    // Of several names of one function the longest is seldom the best known; the first in the file is as good as any.
    std::stable_sort(functions_.begin(), functions_.end(), [](const Function& a, const Function& b) { return a.address < b.address; });
}

bool ElfFile::has_full_symbols() {
    load_functions();
    return full_;
}

std::optional<ElfFile::Symbol> ElfFile::symbol(uint64_t address) {
    load_functions();
    const auto after = std::upper_bound(functions_.begin(), functions_.end(), address,
                                        [](uint64_t a, const Function& f) { return a < f.address; });
    if (after == functions_.begin()) return std::nullopt;
    auto f = std::prev(after);
    while (f != functions_.begin() && std::prev(f)->address == f->address) --f;
    // Assembly has no sizes: then it reaches to the next function.
    if (f->size != 0 && address - f->address >= f->size) return std::nullopt;
    char name[kMostName];
    const ssize_t n = ::pread(file_.get(), name, sizeof name, static_cast<off_t>(f->name));
    if (n <= 0) return std::nullopt;
    return Symbol{f->address, f->size, std::string(name, ::strnlen(name, static_cast<size_t>(n)))};
}

std::string ElfFile::build_id() {
    read_sections();
    for (const Section& s : sections_) {
        uint8_t note[16 + 64];
        const size_t n = std::min<size_t>(s.size, sizeof note);
        if (s.type != SHT_NOTE || s.name != ".note.gnu.build-id" || n < 20 || !at(s.offset, note, n)) continue;
        const size_t length = std::min<size_t>(take<uint32_t>(note + 4), n - 16);
        std::string hex;
        for (size_t i = 0; i < length; ++i) hex += "0123456789abcdef"[note[16 + i] >> 4], hex += "0123456789abcdef"[note[16 + i] & 15];
        return hex;
    }
    return "";
}

}  // namespace undercoat::stack
