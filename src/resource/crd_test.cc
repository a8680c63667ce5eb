#include "resource/crd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "resource/kinds.h"
#include "resource/manifest.h"
#include "resource/schema/schema.h"

namespace remit::resource {
namespace {

const json::object& at(const json::object& object, std::initializer_list<std::string_view> path) {
  const json::object* here = &object;
  for (const auto name : path) {
    here = find_object(*here, name);
    if (!here) throw std::runtime_error("no member " + std::string(name));
  }
  return *here;
}

json::object mission_schema() {
  const auto made = crd("Mission").value();
  return made.at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema").get_object();
}

TEST(Crd, MissionSaysWhatValidationSays) {
  const auto schema = mission_schema();
  const auto& spec = at(schema, {"properties", "spec"});
  const auto& goal = at(spec, {"properties", "goal"});
  EXPECT_EQ(get_int(goal, "maxLength"), 65536);
  EXPECT_EQ(to_json(at(spec, {"properties", "isolation", "properties", "minimumTier"}).at("enum")),
            R"(["Process","GVisor","MicroVM"])");
  EXPECT_EQ(get_string(at(spec, {"properties", "isolation", "properties", "minimumTier"}), "default"), "GVisor");
  EXPECT_EQ(to_json(at(spec, {"properties", "permissions", "properties", "rules"}).at("x-kubernetes-list-map-keys")),
            R"(["name"])");
  EXPECT_TRUE(at(spec, {"properties", "isolation", "properties", "memory"}).at("x-kubernetes-int-or-string").as_bool());
  EXPECT_EQ(to_json(spec.at("required")), R"(["goal","budget"])");
  EXPECT_THAT(to_json(at(spec, {"properties", "agent"}).at("x-kubernetes-validations")),
              testing::HasSubstr("(self.type == 'Command') == has(self.command)"));
  EXPECT_THAT(to_json(schema.at("x-kubernetes-validations")),
              testing::HasSubstr("self.spec.goal == oldSelf.spec.goal"));
}

// What the API server demands of a structural schema, as far as it can be said here: a type at every place, and no
// default beside "required".
void expect_structural(const json::object& schema, const std::string& path) {
  if (!schema.contains("x-kubernetes-int-or-string")) {
    EXPECT_TRUE(schema.contains("type")) << path;
  }
  if (const auto* properties = find_object(schema, "properties")) {
    EXPECT_FALSE(schema.contains("additionalProperties")) << path;
    for (const auto& member : *properties)
      expect_structural(member.value().get_object(), path + "." + std::string(member.key()));
    if (const auto* required = find_array(schema, "required")) {
      for (const auto& name : *required) EXPECT_TRUE(properties->contains(name.get_string())) << path;
    }
  }
  if (const auto* items = find_object(schema, "items")) expect_structural(*items, path + "[]");
  if (const auto* pattern = schema.if_contains("pattern")) {
    EXPECT_NO_THROW(std::regex(std::string(pattern->as_string()))) << path << pattern->as_string();
  }
}

TEST(Crd, SchemasAreStructural) {
  for (const auto& info : kinds()) {
    const auto made = crd(info.kind).value();
    expect_structural(made.at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema").get_object(),
                      std::string(info.kind));
  }
}

TEST(Crd, YamlOfAllKindsComesBack) {
  const auto documents = parse_yaml(crds_yaml());
  ASSERT_TRUE(documents) << to_error(documents.error()).message();
  ASSERT_EQ(documents->size(), kinds().size());
  EXPECT_EQ(canonical_json(documents->front().value), canonical_json(crd("Mission").value()));
}

TEST(Crd, JsonSchemaRefusesUnknownFields) {
  const auto schema = json_schema("missions").value();
  EXPECT_FALSE(schema.at("additionalProperties").as_bool());
  EXPECT_EQ(get_string(at(schema, {"properties", "kind"}), "const"), "Mission");
  EXPECT_FALSE(json_schema("nothing"));
}

TEST(Formats, MatchersAndPatternsAgree) {
  const std::vector<std::string> texts = {"",
                                          "a",
                                          "A",
                                          "a-b",
                                          "-a",
                                          "a-",
                                          "a.b",
                                          "a..b",
                                          ".a",
                                          "a/b",
                                          "/a",
                                          "a b",
                                          "*",
                                          "*.a.b",
                                          "a.*",
                                          "x:y",
                                          "1.2.3.4",
                                          "::1",
                                          "http://a",
                                          "https://a/b?c",
                                          "http:///",
                                          "ftp://a",
                                          "A_B",
                                          "1A",
                                          "_x",
                                          "a\nb",
                                          "é",
                                          "files.read",
                                          "2026-11-24T01:02:03Z",
                                          "2026-11-24T01:02:03.5+01:00",
                                          "2026-11-24",
                                          "01JD0000000000000000000000",
                                          "01jd0000000000000000000000",
                                          std::string(32, 'a'),
                                          std::string(64, '0'),
                                          std::string(64, 'g'),
                                          "a.b/c",
                                          "a.b/",
                                          "X_y.z"};
  for (int format = 0; format <= static_cast<int>(Format::kQualifiedName); ++format) {
    const auto kind = static_cast<Format>(format);
    if (format_pattern(kind).empty()) continue;
    const std::regex pattern{std::string(format_pattern(kind))};
    for (const auto& text : texts) {
      if (matches_format(kind, text)) EXPECT_TRUE(std::regex_search(text, pattern)) << format << " " << text;
      // The other way round the matchers may know more (".." in globs, the length of labels).
    }
    EXPECT_FALSE(format_expectation(kind).empty());
  }
}

}  // namespace
}  // namespace remit::resource
