// Where code was mapped when a stack was copied, and the files behind it.
//
// Must stay true: what the record says is hostile; files are kept while they stay the same (device, inode, time, size) and are
// at most kMostFiles. Not thread-safe.
#pragma once

#include "supervisor/stack/elf_file.h"
#include "supervisor/stack/open_file.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace undercoat::stack {

// The files that stacks have led to.
class FileCache {
public:
    // Null: not to be had, or not the file with this inode number. `debug`: that of which `of` is the stripped form.
    std::shared_ptr<ElfFile> file(int64_t pid, const std::string& path, uint64_t ino);
    std::shared_ptr<ElfFile> debug_of(int64_t pid, ElfFile& of);
    size_t size() const { return files_.size(); }

private:
    static constexpr size_t kMostFiles = 64;
    std::shared_ptr<ElfFile> take(UniqueFd fd, const FileId& id);
    std::map<FileId, std::shared_ptr<ElfFile>> files_;  // null: no ELF file
};

class CodeMap {
public:
    struct Range {
        uint64_t start = 0, end = 0, offset = 0, ino = 0;
        std::string path;
        bool looked = false;
        std::shared_ptr<ElfFile> file;  // null: none
        uint64_t bias = 0;              // what is added to the file's addresses
    };
    // `entries`: wire::CodeRange of a record.
    CodeMap(FileCache& files, int64_t pid, std::string_view entries);
    // Null: no code lies there.
    Range* at(uint64_t address);
    // Of any part of a mapped file, data too.
    bool read(uint64_t address, void* out, size_t n);

private:
    void look(Range& r);
    FileCache& files_;
    int64_t pid_;
    std::vector<Range> ranges_;
};

}  // namespace undercoat::stack
