// Plain and compressed input.
#include "supervisor/scap/input.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>

namespace undercoat::scap {
namespace {

Bytes view(const std::string& s) { return {reinterpret_cast<const uint8_t*>(s.data()), s.size()}; }

std::string gzip(const std::string& plain) {
    z_stream z{};
    EXPECT_EQ(Z_OK, deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY));
    std::string out(compressBound(plain.size()) + 64, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    z.avail_in = static_cast<uInt>(plain.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(Z_STREAM_END, deflate(&z, Z_FINISH));
    out.resize(out.size() - z.avail_out);
    deflateEnd(&z);
    return out;
}

std::string all(Input& in, size_t step) {
    std::string out;
    for (;;) {
        std::string part(step, '\0');
        part.resize(in.read(reinterpret_cast<uint8_t*>(part.data()), step));
        out += part;
        if (part.size() < step) return out;
    }
}

TEST(Input, PlainAndCompressedGiveTheSame) {
    std::string text;
    for (int i = 0; i < 50000; ++i) text += std::to_string(i);
    for (const std::string& given : {text, gzip(text), gzip(text.substr(0, 1000)) + gzip(text.substr(1000)),
                                     gzip(text) + std::string(512, '\0')}) {
        for (const size_t step : {size_t{1000}, size_t{7}, text.size()}) {
            const auto in = Input::of(view(given));
            EXPECT_EQ(text, all(*in, step));
            EXPECT_EQ("", in->problem());
        }
    }
}

TEST(Input, CompressedDataThatEndEarlyGiveWhatCameBefore) {
    std::string text(100000, 'x');
    for (size_t i = 0; i < text.size(); i += 3) text[i] = static_cast<char>(i * 7);
    const std::string cut = gzip(text).substr(0, gzip(text).size() / 2);
    const auto in = Input::of(view(cut));
    const std::string got = all(*in, 4096);
    EXPECT_GT(got.size(), 10000u);
    EXPECT_EQ(text.substr(0, got.size()), got);
    EXPECT_EQ("the compressed data end too early", in->problem());
}

TEST(Input, DamagedDataAreSaid) {
    std::string bytes = gzip(std::string(100000, 'y'));
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x55);
    bytes[12] = '\xff';
    const auto in = Input::of(view(bytes));
    all(*in, 4096);
    EXPECT_EQ("the compressed data are damaged", in->problem());
}

TEST(Input, FileThatIsNotThereIsNamed) {
    const auto in = Input::open("/nonexistent/x.scap");
    ASSERT_FALSE(in);
    EXPECT_EQ("'/nonexistent/x.scap' cannot be read: No such file or directory.", in.error());
}

TEST(Input, CapturesAreToldByTheirBeginning) {
    EXPECT_TRUE(looks_like_capture(view(std::string("\x1f\x8b\x08", 3))));
    EXPECT_TRUE(looks_like_capture(view(std::string("\x0a\x0d\x0d\x0a", 4))));
    EXPECT_FALSE(looks_like_capture(view("{\"ts\":1}")));
    EXPECT_FALSE(looks_like_capture({}));
}

}  // namespace
}  // namespace undercoat::scap
