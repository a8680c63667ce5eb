// Random expressions, evaluated here and by another implementation (test/cel_oracle, which imports cel-go): the values
// must agree, and where one fails the other must. test/cel_oracle/run.sh builds the oracle and names it in
// REMIT_CEL_ORACLE; without it the test is skipped.
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "base/rng.h"
#include "base/strings.h"
#include "policy/cel/eval.h"
#include "policy/cel/program.h"
#include "policy/cel/time.h"

namespace remit::policy::cel {
namespace {

constexpr std::string_view kArgs =
    R"({"n": 42, "neg": -7, "f": 2.5, "whole": 3.0, "s": "héllo wörld", "path": "data/legacy/a.csv",
  "b": true, "nothing": null, "list": [1, 2.0, "x", true, null], "nums": [3, 1, 2], "strs": ["a", "b", "ab"],
  "map": {"k": 1, "host": "example.com", "deep": {"x": [1, {"y": "z"}]}}, "empty": [], "big": 9223372036854775807})";

// Makes expressions that are mostly well typed, and sometimes not, so that both values and errors are compared.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : rng_(seed) {}

  std::string any(int depth) {
    switch (rng_.below(13)) {
      case 0:
      case 1:
      case 2:
      case 3: return boolean(depth);
      case 11: return time(depth);
      case 4:
      case 5: return integer(depth);
      case 6: return floating(depth);
      case 7:
      case 8: return text(depth);
      case 9: return list(depth);
      case 10: return map(depth);
      default:
        return pick({"null", "1u", "b'ab'", "int", "args", "args.list", "args.map", "timestamp('2024-02-29T12:30:00Z')",
                     "duration('90m')", "optional.of(1)", "optional.none()", "args.?missing", "args.map.?k",
                     "type(args)"});
    }
  }

 private:
  std::string pick(std::initializer_list<const char*> choices) {
    return *(choices.begin() + rng_.below(choices.size()));
  }
  bool rarely() { return rng_.below(14) == 0; }

  std::string boolean(int depth) {
    if (depth <= 0)
      return pick(
          {"true", "false", "args.b", "tool == 'shell.run'", "has(args.n)", "has(args.nope)", "args.nope == 1"});
    if (rarely()) return "(" + any(depth - 1) + ")";
    const int d = depth - 1;
    switch (rng_.below(15)) {
      case 13:
        return fmt::format("({} {} {})", rng_.below(2) ? time(d) : length(d), pick({"<", "<=", ">", ">=", "==", "!="}),
                           rng_.below(2) ? time(d) : length(d));
      case 0: return fmt::format("({} && {})", boolean(d), boolean(d));
      case 1: return fmt::format("({} || {})", boolean(d), boolean(d));
      case 2: return fmt::format("!{}", "(" + boolean(d) + ")");
      case 3: return fmt::format("({} {} {})", any(d), pick({"==", "!="}), any(d));
      case 4: return fmt::format("({} {} {})", integer(d), pick({"<", "<=", ">", ">="}), number(d));
      case 5: return fmt::format("({} {} {})", text(d), pick({"<", "<=", ">", ">=", "=="}), text(d));
      case 6:
        return fmt::format("({} in {})", any(d),
                           pick({"args.list", "args.map", "args.nums", "args.strs", "{1: 2, 'a': 3}", "[1, 2u, 'a']"}));
      case 7: return fmt::format("{}.{}({})", text(d), pick({"contains", "startsWith", "endsWith"}), text(d));
      case 8:
        return fmt::format("{}.matches({})", text(d), pick({"'^[a-z./]+$'", "'l+'", "'(a|b)c?'", "'['", "'\\\\d'"}));
      case 9: return fmt::format("{}.{}(v, {})", list(d), pick({"all", "exists", "exists_one"}), about("v", d));
      case 10: return fmt::format("({} ? {} : {})", boolean(d), boolean(d), boolean(d));
      case 11: return fmt::format("{}.{}(k, {})", map(d), pick({"all", "exists", "exists_one"}), about("k", d));
      case 12: return fmt::format("{}.{}(k, v, {})", map(d), pick({"all", "exists"}), about("v", d));
      default: return fmt::format("has({}.{})", map(d), pick({"k", "a", "deep"}));
    }
  }

  std::string about(const std::string& name, int depth) {
    switch (rng_.below(6)) {
      case 0: return name + " == " + any(depth - 1);
      case 1: return name + " > " + number(0);
      case 2: return fmt::format("type({}) == {}", name, pick({"int", "string", "double", "bool"}));
      case 3: return fmt::format("({} in args.list || {})", name, boolean(depth - 1));
      case 4: return fmt::format("{}.startsWith('a')", name);
      default: return boolean(depth - 1);
    }
  }

  std::string number(int depth) { return rng_.below(3) == 0 ? floating(depth) : integer(depth); }

  std::string integer(int depth) {
    if (depth <= 0) {
      return pick({"0", "1", "-1", "2", "7", "args.n", "args.neg", "args.big", "9223372036854775807",
                   "-9223372036854775808", "0x1f", "3u", "0u", "18446744073709551615u", "args.nums[1]",
                   "args.list[9]"});
    }
    if (rarely()) return "(" + any(depth - 1) + ")";
    const int d = depth - 1;
    switch (rng_.below(12)) {
      case 0:
      case 1:
      case 2: return fmt::format("({} {} {})", integer(d), pick({"+", "-", "*", "/", "%"}), integer(d));
      case 3: return fmt::format("size({})", rng_.below(2) ? text(d) : list(d));
      case 4: return fmt::format("-({})", integer(d));
      case 5: return fmt::format("int({})", any(d));
      case 6: return fmt::format("uint({})", any(d));
      case 7: return fmt::format("{}.indexOf({})", text(d), text(0));
      case 8: return fmt::format("({} ? {} : {})", boolean(d), integer(d), integer(d));
      case 9: return fmt::format("{}[{}]", list(d), integer(d));
      case 10: return fmt::format("math.{}({}, {})", pick({"greatest", "least"}), number(d), number(d));
      default:
        return fmt::format(
            "{}.{}({})", time(d),
            pick({"getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours",
                  "getMinutes", "getSeconds", "getMilliseconds"}),
            pick({"", "'+02:30'", "'-11:00'", "'America/New_York'", "'Asia/Kathmandu'", "'No/Where'", "'UTC'"}));
    }
  }

  std::string time(int depth) {
    if (depth <= 0) {
      return pick({"timestamp('2024-02-29T12:30:00Z')", "timestamp('1969-12-31T23:59:59.5Z')",
                   "timestamp('0001-01-01T00:00:00Z')", "timestamp(1234567890)", "timestamp('2023-02-29T00:00:00Z')",
                   "timestamp('9999-12-31T23:59:59.999999999Z')"});
    }
    const int d = depth - 1;
    switch (rng_.below(3)) {
      case 0: return fmt::format("({} {} {})", time(d), pick({"+", "-"}), length(d));
      case 1: return fmt::format("timestamp(string({}))", time(d));
      default: return fmt::format("timestamp({})", rng_.below(4) ? time(d) : any(d));
    }
  }

  std::string length(int depth) {
    if (depth <= 0) {
      return pick({"duration('90m')", "duration('-1.5s')", "duration('1h2m3s4ms5us6ns')", "duration('2540400h')",
                   "duration('0')", "duration('9223372036s')", "duration('1d')", "duration('.5h')", "duration('1.')"});
    }
    const int d = depth - 1;
    switch (rng_.below(4)) {
      case 0: return fmt::format("({} {} {})", length(d), pick({"+", "-"}), length(d));
      case 1: return fmt::format("({} - {})", time(d), time(d));
      case 2:
        return "duration(string(duration('-1.5s')))";  // cel-go writes long durations by way of a double and loses
                                                       // digits.
      default: return fmt::format("(-({}))", length(d));
    }
  }

  std::string floating(int depth) {
    if (depth <= 0)
      return pick(
          {"0.0", "1.5", "-2.25", "1e300", "1e-7", "args.f", "args.whole", "123456789.0", "9.007199254740993e15"});
    const int d = depth - 1;
    switch (rng_.below(4)) {
      case 0:
      case 1: return fmt::format("({} {} {})", floating(d), pick({"+", "-", "*", "/"}), floating(d));
      case 2: return fmt::format("double({})", any(d));
      default:
        return fmt::format("math.{}({})", pick({"ceil", "floor", "round", "trunc", "abs", "sign", "sqrt"}),
                           floating(d));
    }
  }

  std::string text(int depth) {
    if (depth <= 0) {
      return pick({"''", "'a'", "'ab'", "'é'", "\"x\\ty\"", "r'\\d'", "args.s", "args.path", "tool", "args.map.host",
                   "mission.name", "args.map['host']", "args.strs[0]", "'''multi'''", "'\\u00e9\\x41'"});
    }
    if (rarely()) return "(" + any(depth - 1) + ")";
    const int d = depth - 1;
    switch (rng_.below(12)) {
      case 0:
      case 1: return fmt::format("({} + {})", text(d), text(d));
      case 2: return fmt::format("string({})", any(d));
      case 3: return fmt::format("{}.{}()", text(d), pick({"lowerAscii", "upperAscii", "trim", "reverse"}));
      case 4: return fmt::format("{}.substring({})", text(d), integer(0));
      case 5: return fmt::format("{}.substring({}, {})", text(d), integer(0), integer(0));
      case 6: return fmt::format("{}.replace({}, {})", text(d), text(0), text(0));
      case 7: return fmt::format("{}.charAt({})", text(d), integer(0));
      case 8: return fmt::format("{}.split({}).join('-')", text(d), text(0));
      case 9: return fmt::format("({} ? {} : {})", boolean(d), text(d), text(d));
      case 10: return fmt::format("'%s|%d|%s'.format([{}, {}, {}])", text(d), integer(d), any(d));
      default: return fmt::format("args.map.?{}.orValue({})", pick({"host", "nope"}), text(d));
    }
  }

  std::string list(int depth) {
    if (depth <= 0)
      return pick(
          {"[]", "[1, 2, 3]", "args.list", "args.nums", "args.strs", "args.empty", "['a', 'b']", "[1, 'a', 2.0]"});
    const int d = depth - 1;
    switch (rng_.below(7)) {
      case 0: return fmt::format("[{}, {}]", any(d), any(d));
      case 1: return fmt::format("({} + {})", list(d), list(d));
      case 2: return fmt::format("{}.map(v, {})", list(d), rng_.below(2) ? about("v", d) : "[v]");
      case 3: return fmt::format("{}.filter(v, {})", list(d), about("v", d));
      case 4: return fmt::format("{}.split({})", text(d), text(0));
      case 5: return fmt::format("[?args.?{}, {}]", pick({"n", "nope"}), any(d));
      default: return fmt::format("{}.transformList(i, v, {})", list(d), pick({"i", "v", "[i, v]"}));
    }
  }

  // A literal of a map takes keys of these types only; cel-go finds others out when it checks types.
  std::string key(int depth) {
    switch (rng_.below(3)) {
      case 0: return fmt::format("string({})", any(depth));
      case 1: return fmt::format("int({})", any(depth));
      default: return fmt::format("(({}) == true)", boolean(depth));
    }
  }

  std::string map(int depth) {
    if (depth <= 0)
      return pick({"{}", "args.map", "args", "{'a': 1}", "{1: 'x', 2u: 'y'}", "{true: 1}", "args.map.deep"});
    const int d = depth - 1;
    switch (rng_.below(4)) {
      case 0: return fmt::format("{{{}: {}, {}: {}}}", key(d), any(d), "'k' + string(" + text(d) + ")", any(d));
      case 1: return fmt::format("{}.transformMap(k, v, {})", map(d), pick({"k", "v", "[v]"}));
      case 2: return fmt::format("cel.bind(m, {}, m)", map(d));
      default: return fmt::format("{{?'o': args.?{}, 'p': {}}}", pick({"n", "nope"}), any(d));
    }
  }

  SeededRng rng_;
};

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

// The typed form that the oracle writes.
std::string show(const Value& value) {
  switch (value.kind()) {
    case Kind::kError: return "error " + std::string(value.text());
    case Kind::kNull: return "null";
    case Kind::kBool: return fmt::format("bool:{}", value.as_bool());
    case Kind::kInt: return fmt::format("int:{}", value.as_int());
    case Kind::kUint: return fmt::format("uint:{}", value.as_uint());
    case Kind::kDouble:
      return std::isnan(value.as_double())
                 ? "double:nan"
                 : fmt::format("double:{:016x}", std::bit_cast<std::uint64_t>(value.as_double()));
    case Kind::kString: return "string:" + hex(value.text());
    case Kind::kBytes: return "bytes:" + hex(value.text());
    case Kind::kTimestamp: return "timestamp:" + format_timestamp(value.as_timestamp());
    case Kind::kDuration: return fmt::format("duration:{}", value.as_duration());
    case Kind::kType: return "type:" + std::string(value.text());
    case Kind::kOptional: return value.optional_value() ? "optional:" + show(*value.optional_value()) : "none";
    case Kind::kList:
    case Kind::kMap: break;
  }
  std::vector<std::string> items;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value.is(Kind::kList)) {
      items.push_back(show(value.at(i)));
    } else {
      const auto [key, item] = value.entry(i);
      items.push_back(show(key) + "=" + show(item));
    }
  }
  if (value.is(Kind::kList)) return "list:[" + join(items, ",") + "]";
  std::ranges::sort(items);
  return "map:{" + join(items, ",") + "}";
}

struct Vars {
  json::value args = *parse_json(kArgs), tool = "shell.run",
              mission = json::object{{"name", "import"}, {"namespace", "finance"}};
};

std::string ours(const std::string& expression, const Vars& vars) {
  ResolveOptions options;
  options.variables = {{"args", {}}, {"tool", {}}, {"mission", {}}};
  options.lenient = true;
  const auto program = compile_program(expression, options);
  if (!program) return "error " + program.error().message();
  std::vector<Value> values;
  for (const auto& name : (*program)->names.variables) {
    values.push_back(Value::from_json(name == "args" ? vars.args : name == "tool" ? vars.tool : vars.mission));
  }
  Meter meter;
  const Value value = evaluate(*(*program)->root, values, (*program)->names.slots, meter);
  return meter.is_exhausted() ? "limit" : show(value);
}

std::vector<std::string> ask_oracle(const std::string& oracle, const std::vector<std::string>& expressions,
                                    const Vars& vars) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("remit-cel-{}", ::getpid());
  std::filesystem::create_directories(folder);
  std::string requests;
  for (const auto& expression : expressions) {
    requests += to_json(
        json::object{{"expr", expression},
                     {"vars", json::object{{"args", vars.args}, {"tool", vars.tool}, {"mission", vars.mission}}}});
    requests += '\n';
  }
  EXPECT_TRUE(write_file_atomic((folder / "in").string(), requests));
  const auto command = fmt::format("'{}' < '{}/in' > '{}/out'", oracle, folder.string(), folder.string());
  EXPECT_EQ(std::system(command.c_str()), 0);
  const auto answers = read_file((folder / "out").string(), 1u << 30);
  std::filesystem::remove_all(folder);
  std::vector<std::string> lines;
  if (!answers) return lines;
  for (const auto line : split(trim(*answers), '\n')) lines.emplace_back(line);
  return lines;
}

TEST(CelOracle, AgreesWithAnotherImplementationOnRandomExpressions) {
  const char* oracle = std::getenv("REMIT_CEL_ORACLE");
  if (!oracle)
    GTEST_SKIP() << "needs another implementation of CEL: run test/cel_oracle/run.sh, which builds it with go";
  const char* seed_text = std::getenv("REMIT_SEED");
  const std::uint64_t seed = seed_text ? std::strtoull(seed_text, nullptr, 10) : 1;
  const char* count_text = std::getenv("REMIT_COUNT");
  const std::uint64_t count = count_text ? std::strtoull(count_text, nullptr, 10) : 20'000;
  std::cout << "seed " << seed << ", " << count << " expressions\n";
  const Vars vars;
  std::vector<std::string> expressions;
  for (std::uint64_t i = 0; i < count; ++i)
    expressions.push_back(Generator(seed * 1'000'003 + i).any(1 + static_cast<int>(i % 4)));
  const auto theirs = ask_oracle(oracle, expressions, vars);
  ASSERT_EQ(theirs.size(), expressions.size());
  std::size_t different = 0, errors = 0, limits = 0;
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    const auto mine = ours(expressions[i], vars);
    const bool both_fail = mine.starts_with("error") && theirs[i].starts_with("error");
    errors += both_fail, limits += mine == "limit";
    // The oracle's own faults (it cannot hash bytes) tell nothing, nor does what it refuses of literals before it
    // evaluates.
    const bool broken = theirs[i].contains("internal error") || theirs[i].contains("simple literal arguments");
    if (both_fail || broken || mine == theirs[i] || mine == "limit") continue;
    if (++different <= 40)
      std::cout << "DIFFERS " << expressions[i] << "\n  ours   " << mine << "\n  theirs " << theirs[i] << "\n";
  }
  std::cout << fmt::format("{} expressions: {} differ, {} fail in both, {} pass our limits\n", expressions.size(),
                           different, errors, limits);
  EXPECT_EQ(different, 0U);
}

}  // namespace
}  // namespace remit::policy::cel
