// Which container this is, and who its users are.
#include "supervisor/state/container.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sys/stat.h>

namespace undercoat::state {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> variables;
const char* get(const char* name) {
    const auto it = variables.find(name);
    return it == variables.end() ? nullptr : it->second.c_str();
}

class ContainerTest : public ::testing::Test {
protected:
    std::string root;
    void SetUp() override {
        variables.clear();
        char name[] = "/tmp/undercoat-container-XXXXXX";
        root = mkdtemp(name);
        fs::create_directories(root + "/etc");
        fs::create_directories(root + "/proc/self");
    }
    void TearDown() override { fs::remove_all(root); }
    void file(const std::string& path, const std::string& text) { std::ofstream(root + path) << text; }
};

TEST_F(ContainerTest, TheHostIsNoContainer) {
    const Container c = detect_container(true, root, get);
    EXPECT_TRUE(c.host);
    EXPECT_EQ(c.id, "host");
    EXPECT_EQ(c.name, "host");
}

TEST_F(ContainerTest, ReadsTheIdFromTheCgroup) {
    const std::string id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    file("/proc/self/cgroup", "12:cpu:/docker/" + id + "\n0::/\n");
    const Container c = detect_container(false, root, get);
    EXPECT_EQ(c.full_id, id);
    EXPECT_EQ(c.id, "0123456789ab");
}

TEST_F(ContainerTest, ReadsTheIdOfAFargateTask) {
    file("/proc/self/cgroup", "1:name=systemd:/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-1234567890\n");
    EXPECT_EQ(detect_container(false, root, get).full_id, "0123456789abcdef0123456789abcdef-1234567890");
}

TEST_F(ContainerTest, LabelsOfAPodComeFromTheDownwardApisFile) {
    fs::create_directories(root + "/etc/podinfo");
    file("/etc/podinfo/labels", "app=\"shop\"\ntier=\"a \\\"b\\\" \\\\c\"\nexample.com/part=\"x=y\"\nno label\n=\"x\"\nempty=\"\"\n");
    const std::map<std::string, std::string, std::less<>> wanted = {
        {"app", "shop"}, {"tier", "a \"b\" \\c"}, {"example.com/part", "x=y"}, {"empty", ""}};
    EXPECT_EQ(detect_container(false, root, get).pod_labels, wanted);
}

TEST_F(ContainerTest, LabelsOfAPodComeFromANamedFileAndTheEnvironment) {
    file("/etc/mine", "app=\"shop\"\ntier=\"front\"");
    variables = {{"UNDERCOAT_POD_LABELS_FILE", "/etc/mine"}, {"UNDERCOAT_POD_LABELS", "tier=back,zone=b"}};
    const std::map<std::string, std::string, std::less<>> wanted = {{"app", "shop"}, {"tier", "back"}, {"zone", "b"}};
    EXPECT_EQ(detect_container(false, root, get).pod_labels, wanted);
    EXPECT_TRUE(detect_container(true, root, get).pod_labels.empty());
}

TEST_F(ContainerTest, LabelsOfAPodAreBounded) {
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "l" + std::to_string(i) + "=\"v\"\n";
    file("/etc/many", many);
    variables = {{"UNDERCOAT_POD_LABELS_FILE", "/etc/many"}};
    EXPECT_EQ(detect_container(false, root, get).pod_labels.size(), 256u);
}

TEST_F(ContainerTest, TheNamespaceOfAPodIsInItsServiceAccount) {
    fs::create_directories(root + "/var/run/secrets/kubernetes.io/serviceaccount");
    file("/var/run/secrets/kubernetes.io/serviceaccount/namespace", "shop\n");
    variables = {{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, {"HOSTNAME", "web-0"}};
    EXPECT_EQ(detect_container(false, root, get).pod_namespace, "shop");
    variables["POD_NAMESPACE"] = "other";
    EXPECT_EQ(detect_container(false, root, get).pod_namespace, "other");
}

TEST_F(ContainerTest, PlatformsNameRevisions) {
    variables = {{"CONTAINER_APP_NAME", "front"}, {"CONTAINER_APP_REVISION", "front--1"}};
    EXPECT_EQ(detect_container(false, root, get).labels["containerapps.revision"], "front--1");
    variables = {{"K_SERVICE", "front"}, {"K_REVISION", "front-00001"}};
    EXPECT_EQ(detect_container(false, root, get).labels["cloudrun.revision"], "front-00001");
}

TEST_F(ContainerTest, APipeForAFileHoldsNobodyUp) {
    ASSERT_EQ(mkfifo((root + "/etc/hostname").c_str(), 0600), 0);
    EXPECT_EQ(detect_container(false, root, get).full_id, "container");
}

TEST_F(ContainerTest, WithoutAnyPlatformItIsStillAContainer) {
    file("/etc/hostname", "some-host\n");
    const Container c = detect_container(false, root, get);
    EXPECT_FALSE(c.host);
    EXPECT_EQ(c.full_id, "some-host");
    EXPECT_FALSE(c.privileged.has_value());
    EXPECT_FALSE(c.mounts.has_value());
    EXPECT_EQ(c.repository, "");
}

TEST_F(ContainerTest, TakesTheImageApart) {
    variables["UNDERCOAT_CONTAINER_IMAGE"] = "reg.example:5000/team/app:1.2@sha256:ab";
    const Container c = detect_container(false, root, get);
    EXPECT_EQ(c.repository, "reg.example:5000/team/app");
    EXPECT_EQ(c.tag, "1.2");
    EXPECT_EQ(c.image_digest, "sha256:ab");
    variables["UNDERCOAT_CONTAINER_IMAGE"] = "reg.example:5000/app";
    EXPECT_EQ(detect_container(false, root, get).repository, "reg.example:5000/app");
}

TEST_F(ContainerTest, KnowsItsPod) {
    variables["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
    variables["HOSTNAME"] = "web-1";
    variables["POD_NAMESPACE"] = "prod";
    const Container c = detect_container(false, root, get);
    EXPECT_EQ(c.pod_name, "web-1");
    EXPECT_EQ(c.pod_namespace, "prod");
}

constexpr uint64_t kSecond = 1'000'000'000;

TEST_F(ContainerTest, UsersComeFromThePasswdAndAreReadAgain) {
    file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nbroken\nx:y:notanumber:0::/:\nroot2:x:0:0::/:/bin/sh\nbin:x:2:2::/bin:/x\n");
    file("/etc/group", "wheel:x:10:a,b\n");
    Users users(root);
    ASSERT_NE(users.user(0, kSecond), nullptr);
    EXPECT_EQ(users.user(0, kSecond)->name, "root");
    EXPECT_EQ(users.user(2, kSecond)->shell, "/x");
    EXPECT_EQ(users.user(7, kSecond), nullptr);
    EXPECT_EQ(users.group(10, kSecond)->name, "wheel");
    file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nnew:x:7:7::/home/new:/bin/zsh\n");
    EXPECT_EQ(users.user(7, kSecond + 1), nullptr);
    ASSERT_NE(users.user(7, 3 * kSecond), nullptr);
    EXPECT_EQ(users.user(7, 3 * kSecond)->home, "/home/new");
    EXPECT_EQ(users.user(2, 3 * kSecond), nullptr);
}

TEST_F(ContainerTest, APipeInPlaceOfThePasswdDoesNotBlock) {
    ASSERT_EQ(std::system(("mkfifo " + root + "/etc/passwd").c_str()), 0);
    Users users(root);
    EXPECT_EQ(users.user(0, kSecond), nullptr);
}

}  // namespace
}  // namespace undercoat::state
