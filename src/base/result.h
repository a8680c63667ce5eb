// Result<T>: a value or the Error that kept us from it. Nothing on the data plane throws.
#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace remit {

template <typename T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }
inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}

}  // namespace remit

#define REMIT_CONCAT_INNER(a, b) a##b
#define REMIT_CONCAT(a, b) REMIT_CONCAT_INNER(a, b)

// REMIT_TRY(auto x, f()): declares x as the value of f(), or returns its error. REMIT_CHECK_OK(f()): the same without a
// value.
#define REMIT_TRY_IMPL(result, declaration, expression, return_word) \
  auto result = (expression);                                        \
  if (!result) return_word ::remit::fail(std::move(result).error()); \
  declaration = std::move(result).value()
#define REMIT_TRY(declaration, expression) \
  REMIT_TRY_IMPL(REMIT_CONCAT(remit_result_, __LINE__), declaration, expression, return)
#define REMIT_CO_TRY(declaration, expression) \
  REMIT_TRY_IMPL(REMIT_CONCAT(remit_result_, __LINE__), declaration, expression, co_return)
#define REMIT_CHECK_IMPL(result, expression, return_word) \
  if (auto result = (expression); !result) return_word ::remit::fail(std::move(result).error())
#define REMIT_CHECK_OK(expression) REMIT_CHECK_IMPL(REMIT_CONCAT(remit_result_, __LINE__), expression, return)
#define REMIT_CO_CHECK_OK(expression) REMIT_CHECK_IMPL(REMIT_CONCAT(remit_result_, __LINE__), expression, co_return)
