// ApprovalPrompt: asks the person at the terminal about actions that wait for approval, one after the other, while the
// run goes on. What is answered elsewhere meanwhile (`remit approve`) counts too. One thread.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/streambuf.hpp>

#include "base/clock.h"
#include "base/task.h"
#include "core/action.h"
#include "core/verdict.h"
#include "resource/store.h"

namespace remit::cli {

// True when standard input and output are terminals, so that somebody can be asked.
bool can_prompt();

class ApprovalPrompt : public std::enable_shared_from_this<ApprovalPrompt> {
 public:
  // nullptr when the terminal cannot be read.
  static std::shared_ptr<ApprovalPrompt> open(asio::any_io_executor executor, resource::Store& store, Clock& clock,
                                              std::string ns);

  // The action of call `number` waits for `verdict.approval`.
  void ask(std::uint64_t number, const Action& action, const Verdict& verdict);
  // Asks no more; what is asked stays open for `remit approve`.
  void close();

 private:
  struct Question {
    std::string approval, text;
  };
  ApprovalPrompt(asio::any_io_executor executor, resource::Store& store, Clock& clock, std::string ns);
  static Task<> work(std::shared_ptr<ApprovalPrompt> self);
  Task<bool> put(Question question);

  asio::any_io_executor executor_;
  resource::Store& store_;
  Clock& clock_;
  std::string ns_;
  asio::posix::stream_descriptor input_;
  asio::streambuf buffer_{4096};
  std::deque<Question> questions_;
  bool working_ = false;
  bool closed_ = false;
};

}  // namespace remit::cli
