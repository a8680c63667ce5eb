// parse_yaml(to_yaml(v)) == v, for awkward values and for random ones.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "resource/manifest.h"
#include "resource/text/yaml_scalar.h"

namespace remit::resource {
namespace {

void expect_round_trip(const json::value& value) {
  const std::string text = to_yaml(value);
  const auto documents = parse_yaml(text);
  ASSERT_TRUE(documents) << to_error(documents.error()).message() << "\n" << text;
  if (value.is_null()) return;
  ASSERT_EQ(documents->size(), 1u) << text;
  EXPECT_EQ(canonical_json(documents->front().value), canonical_json(value)) << text;
}

TEST(YamlWriter, QuotesWhatReadersTakeForSomethingElse) {
  for (const auto* text :
       {"yes",  "No",  "on",   "OFF",  "y",    "true", "NULL",  "null",  "~",          "",
        " a",   "a ",  "1",    "0.50", "1e3",  "0x1f", "1_000", "12:30", "2024-01-01", "2024-01-01T00:00:00Z",
        "-",    "- a", "a: b", "a:",   "a #b", "#a",   "*a",    "&a",    "!a",         "|",
        ">",    "%a",  "@a",   "`a",   "{a",   "[a",   "]",     ",",     "?",          "? a",
        "a\nb", "\t",  "<<",   "=",    "0b11", "0o17", ".5",    ".inf",  "+1",         "1E5",
        "0xT",  "1d"}) {
    EXPECT_FALSE(can_stand_plain(text)) << text;
  }
  for (const auto* text : {"a", "some-model", "files.read", "python3", "data/legacy", "/usr/bin", "15m", "512Mi",
                           "1h30m", "a b c", "x:y", "remit.dev/v1alpha1"}) {
    EXPECT_TRUE(can_stand_plain(text)) << text;
  }
}

TEST(YamlWriter, WritesTheFormThatPeopleWrite) {
  const auto value = parse_json(
      R"({"kind":"Mission","spec":{"goal":"one\ntwo\n","budget":{"costUSD":"0.50"},"rules":[{"name":"a","tools":["x","y"]},{}],"egress":[]}})");
  ASSERT_TRUE(value);
  EXPECT_EQ(to_yaml(*value), R"(kind: Mission
spec:
  goal: |
    one
    two
  budget:
    costUSD: "0.50"
  rules:
    - name: a
      tools:
        - x
        - "y"
    - {}
  egress: []
)");
}

TEST(YamlWriter, AwkwardTextsComeBack) {
  for (const std::string& text : {std::string("a\nb"),
                                  std::string("a\n"),
                                  std::string("\n"),
                                  std::string("a\n\nb\n"),
                                  std::string("a\n\n"),
                                  std::string(" a\nb"),
                                  std::string("a\n b\n  c"),
                                  std::string("a \nb"),
                                  std::string("a\tb\n"),
                                  std::string("\x01\x7f"),
                                  std::string("\"\\'"),
                                  std::string("\xc2\x85\xe2\x80\xa8\xef\xbb\xbf"),
                                  std::string("#a\nb"),
                                  std::string("a\n#b"),
                                  std::string("---\na"),
                                  std::string("a\n---\nb"),
                                  std::string("...\n"),
                                  std::string(3000, 'x'),
                                  std::string("\xf0\x9f\x98\x80 \xc3\xa9\n\xe4\xb8\xad"),
                                  std::string("a\r\nb"),
                                  std::string("\0", 1),
                                  std::string("\xef\xbf\xbf")}) {
    json::object object;
    object["k"] = text;
    if (text.size() < 400) object[text] = "v";
    object["list"] = json::array{text, json::array{text, json::object{{"deep", text}}}};
    expect_round_trip(object);
    expect_round_trip(json::string(text));
  }
}

json::value random_value(SeededRng& rng, int depth) {
  static constexpr std::string_view kPieces[] = {
      "a",    "yes", " ", "\n", ":", ": ", "#", " #", "-", "- ", "1", ".", "e",    "\"", "'",  "\\", "\t",
      "é",    "[",   "{", "*",  "&", "!",  "|", ">",  "%", "@",  ",", "?", "null", "~",  "0x", "_",  "\xe2\x80\xa8",
      "\x01", "---", "中"};
  const auto text = [&] {
    std::string out;
    for (auto n = rng.below(6); n > 0; --n) out += kPieces[rng.below(std::size(kPieces))];
    return out;
  };
  switch (rng.below(depth > 0 ? 8 : 6)) {
    case 0: return nullptr;
    case 1: return rng.below(2) == 0;
    case 2: return static_cast<std::int64_t>(rng.next());
    case 3: return (rng.unit() - 0.5) * static_cast<double>(1ULL << rng.below(63));
    case 4:
    case 5: return json::string(text());
    case 6: {
      json::array out;
      for (auto n = rng.below(4); n > 0; --n) out.push_back(random_value(rng, depth - 1));
      return out;
    }
    default: {
      json::object out;
      for (auto n = rng.below(4); n > 0; --n) out[text()] = random_value(rng, depth - 1);
      return out;
    }
  }
}

TEST(YamlWriter, RandomValuesComeBack) {
  for (std::uint64_t seed = 1; seed <= 3000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    SeededRng rng(seed);
    expect_round_trip(random_value(rng, 5));
  }
}

}  // namespace
}  // namespace remit::resource
