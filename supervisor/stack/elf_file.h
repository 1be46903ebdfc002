// What unwinding and naming need of an ELF file: its contents by address, where a function's unwind description lies, symbols.
//
// Must stay true: the file is hostile: every number in it is checked before it is used, every table has a bound, nothing is
// mapped. Addresses are those of the file (p_vaddr), without the place where it is loaded.
#pragma once

#include "base/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace undercoat::stack {

class ElfFile {
public:
    // Null when it is no ELF file for x86-64.
    static std::unique_ptr<ElfFile> open(UniqueFd file);

    // False: not all of it lies in the file's loaded parts.
    bool read(uint64_t address, void* out, size_t n);
    // Address of what lies at this place of the file, in code.
    std::optional<uint64_t> address_of(uint64_t file_offset) const;
    uint64_t begin() const { return begin_; }
    uint64_t end() const { return end_; }
    // The frame description entry (.eh_frame) that may cover the address: the last one that begins before it.
    std::optional<uint64_t> frame_entry(uint64_t address);

    struct Symbol {
        uint64_t address, size;
        std::string name;
    };
    // The function that the address lies in.
    std::optional<Symbol> symbol(uint64_t address);
    bool has_full_symbols();  // .symtab, not .dynsym alone
    std::string build_id();   // in hex; ""

private:
    struct Segment {
        uint64_t address, size, offset;
        bool code;
    };
    struct Section {
        uint32_t type;
        uint64_t address, offset, size;
        uint32_t link;
        std::string name;
    };
    struct Function {
        uint64_t address;
        uint64_t name;  // offset in the file
        uint32_t size;
    };
    struct Entry {
        uint64_t address, entry;
    };
    bool read_headers();
    void read_sections();
    bool at(uint64_t offset, void* out, size_t n) const;  // of the file
    void load_entries();
    void load_header_table();
    void load_by_walking();
    void load_functions();
    void load_table(const Section& table);

    UniqueFd file_;
    std::vector<Segment> segments_;
    std::vector<Section> sections_;
    uint64_t begin_ = UINT64_MAX, end_ = 0, header_ = 0, header_size_ = 0;
    std::vector<Entry> entries_;
    std::vector<Function> functions_;
    bool entries_loaded_ = false, functions_loaded_ = false, full_ = false;
    std::unordered_map<uint64_t, std::vector<uint8_t>> pages_;  // of the file, read last
};

}  // namespace undercoat::stack
