#include "cli/approval_prompt.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/strings.h"
#include "serve/approval_book.h"

namespace remit::cli {

bool can_prompt() { return ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO); }

ApprovalPrompt::ApprovalPrompt(asio::any_io_executor executor, resource::Store& store, Clock& clock, std::string ns)
    : executor_(executor), store_(store), clock_(clock), ns_(std::move(ns)), input_(executor) {}

std::shared_ptr<ApprovalPrompt> ApprovalPrompt::open(asio::any_io_executor executor, resource::Store& store,
                                                     Clock& clock, std::string ns) {
  const int terminal = ::dup(STDIN_FILENO);
  if (terminal < 0) return nullptr;
  std::shared_ptr<ApprovalPrompt> prompt(new ApprovalPrompt(executor, store, clock, std::move(ns)));
  boost::system::error_code error;
  prompt->input_.assign(terminal, error);
  if (!error) return prompt;
  ::close(terminal);
  return nullptr;
}

void ApprovalPrompt::ask(std::uint64_t number, const Action& action, const Verdict& verdict) {
  std::string text = fmt::format("\n#{} {} {}\n  asks: {}\n", number, printable(action.tool, 80),
                                 printable(action.resource, 400), printable(verdict.reason, 400));
  if (!action.justification.empty())
    text += fmt::format("  the agent says: “{}”\n", printable(action.justification, 400));
  questions_.push_back({verdict.approval, std::move(text)});
  if (!std::exchange(working_, true)) asio::co_spawn(executor_, work(shared_from_this()), asio::detached);
}

void ApprovalPrompt::close() {
  closed_ = true;
  boost::system::error_code ignored;
  input_.cancel(ignored);
}

Task<> ApprovalPrompt::work(std::shared_ptr<ApprovalPrompt> self) {
  while (!self->questions_.empty() && !self->closed_) {
    auto question = std::move(self->questions_.front());
    self->questions_.pop_front();
    if (!co_await self->put(std::move(question))) break;
  }
  self->working_ = false;
}

static std::string user_name() {
  const passwd* entry = ::getpwuid(::getuid());
  return entry ? entry->pw_name : fmt::format("uid {}", ::getuid());
}

// False when the terminal gives no more lines.
Task<bool> ApprovalPrompt::put(Question question) {
  for (;;) {
    fmt::print("{}  allow it? [y] once  [r] for this run  [n] no  > ", question.text);
    std::fflush(stdout);
    auto [error, size] = co_await asio::async_read_until(input_, buffer_, '\n', asio::as_tuple(asio::use_awaitable));
    if (error) {
      if (!closed_) fmt::print("\n  it stays open: remit approve {0}, or remit reject {0}\n", question.approval);
      co_return false;
    }
    std::string line(asio::buffers_begin(buffer_.data()),
                     asio::buffers_begin(buffer_.data()) + static_cast<std::ptrdiff_t>(size));
    buffer_.consume(size);
    const std::string choice = to_lower(trim(line));
    if (choice != "y" && choice != "r" && choice != "n") continue;
    auto done = co_await serve::answer_approval(store_, ns_, question.approval, choice != "n", choice == "r",
                                                user_name(), "", to_rfc3339(clock_.wall_now()));
    if (!done) fmt::print("  {}\n", done.error().to_string());
    co_return true;
  }
}

}  // namespace remit::cli
