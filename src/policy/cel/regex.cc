#include "policy/cel/regex.h"

#include <re2/re2.h>

#include "policy/cel.h"

namespace remit::policy::cel {

Result<std::shared_ptr<const re2::RE2>> compile_regex(std::string_view pattern) {
  if (pattern.size() > limits::kRegexBytes) {
    return fail(Code::kResourceExhausted, fmt::format("the pattern has {} bytes, more than {} (kRegexBytes)",
                                                      pattern.size(), limits::kRegexBytes));
  }
  re2::RE2::Options options;
  options.set_max_mem(limits::kRegexMemoryBytes);
  options.set_log_errors(false);
  auto regex = std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex->ok()) return fail(Code::kInvalidArgument, "the pattern is no RE2 expression: " + regex->error());
  return regex;
}

}  // namespace remit::policy::cel
