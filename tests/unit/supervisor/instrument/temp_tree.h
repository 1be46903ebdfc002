// A directory that lives as long as the test, and the questions about calls made in it by this very process.
#pragma once

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

#include "supervisor/instrument/infer.h"

namespace undercoat::instrument {

class TempTree : public testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/undercoat-infer-XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        root = name;
        std::filesystem::permissions(root, std::filesystem::perms(0755));
        ASSERT_TRUE(read_credentials(getpid(), me));
    }
    void TearDown() override {
        std::error_code ignored;
        std::filesystem::remove_all(root, ignored);
    }
    std::string at(const std::string& name) const { return root + "/" + name; }
    void file(const std::string& name, const std::string& text = "", int mode = 0644) {
        std::ofstream(at(name)) << text;
        chmod(at(name).c_str(), static_cast<mode_t>(mode));
    }
    void directory(const std::string& name, int mode = 0755) {
        mkdir(at(name).c_str(), 0700);
        chmod(at(name).c_str(), static_cast<mode_t>(mode));
    }
    // A user without any rights, as far as we may play one.
    Credentials nobody() const {
        Credentials c;
        c.uid = c.euid = c.suid = c.fsuid = 65534;
        c.gid = c.egid = c.sgid = c.fsgid = 65534;
        return c;
    }
    std::string root;
    Credentials me;
};

}  // namespace undercoat::instrument
