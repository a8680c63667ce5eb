#include "policy/cel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace remit::policy::cel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<Variable> kVariables = {{"args", {}}, {"tool", {}}, {"mission", {"name", "namespace", "goal"}}};

class Fixture {
 public:
  Fixture(std::string_view args, std::string_view tool) : args_(*parse_json(args)), tool_(json::string(jsv(tool))) {
    bindings_.bind("args", args_), bindings_.bind("tool", tool_);
  }
  const Bindings& bindings() const { return bindings_; }

 private:
  json::value args_, tool_;
  Bindings bindings_;
};

Result<bool> test_with(std::string_view expression, std::string_view args) {
  const Fixture fixture(args, "shell.run");
  REMIT_TRY(const auto program, Program::compile(expression, kVariables));
  return program.test(fixture.bindings());
}

std::string value_of(std::string_view expression) {
  const auto program = Program::compile(expression, kVariables);
  if (!program) return "compile: " + program.error().message();
  const auto value = program->evaluate(Bindings());
  return value ? to_json(*value) : "error: " + value.error().message();
}

TEST(Cel, ReadsArgumentsInPlace) {
  EXPECT_TRUE(*test_with("args.timeout_s <= 60", R"({"timeout_s": 60})"));
  EXPECT_FALSE(*test_with("args.timeout_s <= 60", R"({"timeout_s": 60.5})"));
  EXPECT_TRUE(*test_with("args.command[0] == 'ls' && size(args.command) < 3", R"({"command": ["ls", "-l"]})"));
  EXPECT_TRUE(*test_with("tool == 'shell.run' && args.env.all(k, k.startsWith('CI_'))", R"({"env": {"CI_A": "1"}})"));
}

TEST(Cel, AMissingFieldIsAnErrorThatSaysSo) {
  const auto verdict = test_with("args.timeout_s <= 60", "{}");
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(verdict.error().message(), HasSubstr("timeout_s"));
}

TEST(Cel, AnErrorIsAbsorbedOnlyByTheSideThatDecides) {
  EXPECT_FALSE(*test_with("args.missing > 1 && false", "{}"));
  EXPECT_TRUE(*test_with("args.missing > 1 || true", "{}"));
  EXPECT_FALSE(test_with("args.missing > 1 || false", "{}"));
  EXPECT_FALSE(test_with("args.missing > 1 ? true : true", "{}"));
}

TEST(Cel, AConditionMustBeTrueOrFalse) {
  EXPECT_THAT(test_with("1 + 1", "{}").error().message(), HasSubstr("gives int"));
}

TEST(Cel, NumbersOfDifferentTypesCompareByValue) {
  EXPECT_EQ(value_of("9007199254740993 == 9007199254740992.0"),
            "true");  // As doubles: cel-spec's conformance tests ask for it.
  EXPECT_EQ(value_of("{9007199254740993: 1}[9007199254740993]"), "1");
  EXPECT_THAT(value_of("{9007199254740993: 1}[9007199254740992.0]"), HasSubstr("no such key"));
  EXPECT_EQ(value_of("-1 < 0u && 18446744073709551615u > 9223372036854775807 && 1 == 1.0 && 1u == 1"), "true");
  EXPECT_EQ(value_of("0.0/0.0 == 0.0/0.0"), "false");
  EXPECT_THAT(value_of("0.0/0.0 < 1"), HasSubstr("NaN"));
}

TEST(Cel, OverflowIsAnError) {
  EXPECT_THAT(value_of("9223372036854775807 + 1"), HasSubstr("overflow"));
  EXPECT_THAT(value_of("-9223372036854775808 / -1"), HasSubstr("overflow"));
  EXPECT_THAT(value_of("0u - 1u"), HasSubstr("overflow"));
  EXPECT_THAT(value_of("1 % 0"), HasSubstr("modulus by zero"));
}

TEST(Cel, SyntaxErrorsNameTheColumn) {
  EXPECT_THAT(value_of("1 + "), HasSubstr("column 5"));
  EXPECT_THAT(value_of("a b"), HasSubstr("column 3"));
  EXPECT_THAT(value_of("'abc"), HasSubstr("closing quote"));
  EXPECT_THAT(value_of("Foo{a: 1}"), HasSubstr("not supported"));
  EXPECT_THAT(value_of("'a'.startWith('b')"), HasSubstr("did you mean 'startsWith'"));
  EXPECT_THAT(value_of("1 +\n + 2"), HasSubstr("line 2 column 2"));
}

TEST(Cel, WarnsOfWhatCannotBe) {
  const auto program = Program::compile("arg.x == 1 || mission.nam == 'a'", kVariables);
  ASSERT_TRUE(program);
  EXPECT_THAT(program->warnings(), ElementsAre(HasSubstr("did you mean 'args'"), HasSubstr("did you mean 'name'")));
  EXPECT_TRUE(program->reads("mission"));
  EXPECT_FALSE(program->reads("tool"));
  EXPECT_THAT(Program::compile("args.x == 1", kVariables)->warnings(), IsEmpty());
}

TEST(Cel, ExplainsWhichPartFailed) {
  const Fixture fixture(R"({"timeout_s": 120, "command": "rm"})", "shell.run");
  const auto program = Program::compile("args.timeout_s <= 60 && args.command != 'dd'", kVariables);
  EXPECT_EQ(program->explain(fixture.bindings()), "args.timeout_s <= 60 is false (args.timeout_s = 120)");
  const auto missing = Program::compile("args.host == 'a'", kVariables);
  EXPECT_THAT(missing->explain(fixture.bindings()), HasSubstr("cannot be evaluated: no such key: \"host\""));
}

TEST(CelLimits, ALongExpressionIsRefused) {
  EXPECT_THAT(value_of("'" + std::string(limits::kExpressionBytes, 'a') + "'"), HasSubstr("kExpressionBytes"));
}

TEST(CelLimits, DeepNestingIsRefused) {
  const std::string deep(limits::kNestingDepth + 1, '(');
  EXPECT_THAT(value_of(deep + "1" + std::string(limits::kNestingDepth + 1, ')')), HasSubstr("kNestingDepth"));
  std::string chain = "1";
  for (std::size_t i = 0; i <= limits::kNestingDepth; ++i) chain += " + 1";
  EXPECT_THAT(value_of(chain), HasSubstr("kNestingDepth"));
}

TEST(CelLimits, ALongChainOfLogicIsNotDeep) {
  std::string chain = "true";
  for (int i = 0; i < 1000; ++i) chain += " && true";
  EXPECT_EQ(value_of(chain), "true");
}

TEST(CelLimits, StepsEndAnEvaluation) {
  const std::string list = "'1,2,3,4,5,6,7,8,9,10'.split(',')";
  std::string nested = "true";
  for (int i = 0; i < 6; ++i) nested = fmt::format("l.all(v{}, {})", i, nested);
  nested = fmt::format("cel.bind(l, {}, {})", list, nested);
  EXPECT_THAT(value_of(nested), HasSubstr("kSteps"));
  // No operator absorbs it.
  EXPECT_THAT(value_of("true || " + nested), "true");
  EXPECT_THAT(value_of(nested + " || true"), HasSubstr("kSteps"));
}

TEST(CelLimits, MemoryOfValuesIsBounded) {
  std::string doubling = "'0123456789abcdef'";
  for (int i = 0; i < 20; ++i) doubling = fmt::format("cel.bind(x{}, {}, x{} + x{})", i, doubling, i, i);
  EXPECT_THAT(value_of("size(" + doubling + ")"), HasSubstr("kValueBytes"));
}

TEST(CelLimits, HostileTextStaysFast) {
  json::object args{{"text", std::string(2u << 20, 'a')}, {"wanted", std::string(1u << 20, 'a') + "b"}};
  Bindings bindings;
  bindings.bind("args", args);
  for (const auto* expression :
       {"args.text.contains(args.wanted)", "args.text.indexOf(args.wanted) < 0",
        "args.text.lastIndexOf(args.wanted) < 0", "args.text.replace(args.wanted, 'x') == ''",
        "args.text.split(args.wanted) == []", "args.text.reverse() == ''", "args.text.split('') == []",
        "args.text.replace('', args.text) == ''", "args.text.matches('(a|aa)+$')",
        "args.text.matches('(.*)(.*)(.*)(.*)(.*)(.*)(.*)b')", "args == args && args.text == args.wanted"}) {
    const auto before = std::chrono::steady_clock::now();
    (void)Program::compile(expression, kVariables)->test(bindings);
    (void)Program::compile(expression, kVariables)->explain(bindings);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(4)) << expression;
  }
}

TEST(CelLimits, PatternsAreBounded) {
  EXPECT_THAT(value_of("'a'.matches('" + std::string(limits::kRegexBytes + 1, 'a') + "')"), HasSubstr("kRegexBytes"));
  EXPECT_THAT(value_of("'a'.matches('((((((a{100}){100}){100}){100}){100}){100})')"), HasSubstr("RE2"));
}

TEST(CelLimits, TheTreeIsBounded) {
  std::string list = "[";
  for (std::size_t i = 0; i < limits::kExpressionBytes / 2 - 2; ++i) list += "1,";
  EXPECT_EQ(value_of("size(" + list.substr(0, 100) + "])"), "50");
  static_assert(limits::kNodes >= limits::kExpressionBytes, "a text of the largest size always fits");
}

}  // namespace
}  // namespace remit::policy::cel
