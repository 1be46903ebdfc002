// Keys, passwords and sessions; the certificate that is made at the first start.
#include "collector/auth/accounts.h"
#include "collector/auth/certificate.h"
#include "collector/auth/secrets.h"
#include "collector/store/sqlite.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

namespace undercoat::collector {
namespace {

class AccountsTest : public testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/collector-accounts-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        directory_ = name;
        accounts_ = std::move(*Accounts::open(directory_));
    }
    void TearDown() override {
        accounts_.reset();
        std::filesystem::remove_all(directory_);
    }
    std::string on_disk() const {
        std::string all;
        for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
            std::ifstream in(entry.path(), std::ios::binary);
            all.append(std::istreambuf_iterator<char>(in), {});
        }
        return all;
    }
    std::string directory_;
    std::unique_ptr<Accounts> accounts_;
};

TEST_F(AccountsTest, AKeyWorksForItsRoleUntilItIsTakenBack) {
    const auto key = accounts_->add_key("first", "agent");
    ASSERT_TRUE(key);
    EXPECT_EQ(accounts_->check_key(*key, "agent"), "first");
    EXPECT_FALSE(accounts_->check_key(*key, "api"));
    EXPECT_FALSE(accounts_->check_key(*key + "x", "agent"));
    EXPECT_FALSE(accounts_->check_key("", "agent"));
    EXPECT_FALSE(accounts_->add_key("first", "agent")) << "the name is taken";
    EXPECT_FALSE(accounts_->add_key("second", "root"));
    EXPECT_TRUE(accounts_->remove_key("first"));
    EXPECT_FALSE(accounts_->check_key(*key, "agent"));
    EXPECT_FALSE(accounts_->remove_key("first"));
}

TEST_F(AccountsTest, SecretsAreNotOnTheDisk) {
    const auto key = accounts_->add_key("k", "agent");
    accounts_->set_password("admin", "correct horse");
    const auto token = accounts_->login("admin", "correct horse");
    ASSERT_TRUE(token);
    const std::string all = on_disk();
    ASSERT_NE(all.find("admin"), std::string::npos);
    EXPECT_EQ(all.find(*key), std::string::npos);
    EXPECT_EQ(all.find("correct horse"), std::string::npos);
    EXPECT_EQ(all.find(*token), std::string::npos);
}

TEST_F(AccountsTest, ASessionLastsUntilLogoutOrANewPassword) {
    EXPECT_FALSE(accounts_->has_users());
    EXPECT_FALSE(accounts_->login("admin", "admin")) << "there is no default password";
    accounts_->set_password("admin", "one");
    EXPECT_FALSE(accounts_->login("admin", "two"));
    EXPECT_FALSE(accounts_->login("nobody", "one"));
    const auto a = accounts_->login("admin", "one"), b = accounts_->login("admin", "one");
    ASSERT_TRUE(a && b);
    EXPECT_EQ(accounts_->session(*a)->user, "admin");
    EXPECT_NE(accounts_->session(*a)->csrf, accounts_->session(*b)->csrf);
    accounts_->logout(*a);
    EXPECT_FALSE(accounts_->session(*a));
    EXPECT_TRUE(accounts_->session(*b));
    accounts_->set_password("admin", "three");
    EXPECT_FALSE(accounts_->session(*b));
}

TEST_F(AccountsTest, TheFirstStartIsOnceAndTakesAnotherNameIfNeedBe) {
    ASSERT_TRUE(accounts_->add_key("first", "api"));
    const auto made = accounts_->first_start();
    ASSERT_TRUE(made && *made) << made.error();
    EXPECT_EQ(accounts_->check_key((*made)->key, "agent"), "first-2");
    EXPECT_TRUE(accounts_->login("admin", (*made)->password));
    const auto again = accounts_->first_start();
    ASSERT_TRUE(again);
    EXPECT_FALSE(*again);
}

TEST_F(AccountsTest, AKeyThatIsTakenBackElsewhereHoldsNoMore) {
    const auto key = accounts_->add_key("k", "relay");
    const auto holder = accounts_->find_key(*key);
    ASSERT_TRUE(holder);
    EXPECT_EQ(holder->role, "relay");
    EXPECT_TRUE(accounts_->key_holds(holder->id));
    auto other = std::move(*Accounts::open(directory_));
    other->remove_key("k");
    EXPECT_FALSE(accounts_->key_holds(holder->id));
    EXPECT_FALSE(accounts_->find_key(*key));
}

TEST_F(AccountsTest, WhoShowsAKeyDoesNotWaitForWhoWrites) {
    const auto key = accounts_->add_key("k", "agent");
    Database other(directory_ + "/accounts.db", Database::Use::write);
    auto locked = std::make_unique<Transaction>(other);
    std::atomic<bool> begun{false}, written{false};
    std::thread writer([&] {
        begun = true;
        try {
            accounts_->logout("nobody");
        } catch (const SqliteError&) {  // it was locked for too long
        }
        written = true;
    });
    while (!begun) std::this_thread::yield();
    for (int i = 0; i < 2000; ++i) ASSERT_TRUE(accounts_->find_key(*key));
    EXPECT_FALSE(written) << "the lock was held all the time";
    locked.reset();
    writer.join();
}

TEST_F(AccountsTest, WhoGuessesIsSlowedDown) {
    int tries = 0;
    while (accounts_->may_try("10.0.0.1") && tries < 100) accounts_->note_failure("10.0.0.1"), ++tries;
    EXPECT_GE(tries, 5);
    EXPECT_LE(tries, 20);
    EXPECT_TRUE(accounts_->may_try("10.0.0.2"));
}

TEST_F(AccountsTest, TheCertificateIsMadeOnceAndItsKeyIsForUsAlone) {
    const auto first = own_certificate(directory_, "collector", {"collector.example", "10.0.0.9", "bad,name"});
    ASSERT_TRUE(first) << first.error();
    const auto again = own_certificate(directory_, "collector", {"other"});
    ASSERT_TRUE(again);
    EXPECT_EQ(first->certificate, again->certificate);
    EXPECT_EQ(first->fingerprint.size(), 95U);
    std::filesystem::remove(directory_ + "/collector.crt");
    const auto remade = own_certificate(directory_, "collector", {"other"});
    ASSERT_TRUE(remade) << "a kill came between the two: " << remade.error();
    EXPECT_NE(first->key, remade->key);
    struct stat s {};
    ASSERT_EQ(::stat((directory_ + "/collector.key").c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 0777U, 0600U);
    EXPECT_FALSE(read_certificate(directory_ + "/collector.key", directory_ + "/collector.key"));
}

TEST(Secrets, Base64OfAnything) {
    EXPECT_EQ(base64_decoded("dXNlcjprZXk="), "user:key");
    EXPECT_EQ(base64_decoded(""), "");
    EXPECT_EQ(base64_decoded("\xff\xff"), "");
}

}  // namespace
}  // namespace undercoat::collector
