// ExecutorTable: which executor carries out which action. Filled at composition, read-only afterwards.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/executor.h"

namespace remit::action {

class ExecutorTable {
 public:
  // `tool` is a whole tool name ("http.request") or a family with a final dot ("files."). The executor outlives the
  // table.
  void add(std::string tool, Executor& executor) { executors_.insert_or_assign(std::move(tool), &executor); }

  // The executor of the whole name, else of its family; null for an unknown tool.
  Executor* find(std::string_view tool) const {
    if (const auto exact = executors_.find(tool); exact != executors_.end()) return exact->second;
    const auto family = executors_.find(tool.substr(0, tool.find('.') + 1));
    return family == executors_.end() ? nullptr : family->second;
  }

 private:
  std::map<std::string, Executor*, std::less<>> executors_;
};

}  // namespace remit::action
