// UpperWriter: every change of a run's upper, keeping the normal form that View relies on. Each function is one atomic
// rename or exchange at its end, and doing it twice is doing it once. The caller has recorded the fingerprints
// (BaseLog) before. Holds descriptors it does not own. One thread at a time.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "sandbox/workspace/hide_rules.h"
#include "sandbox/workspace/view.h"

namespace remit::sandbox {

class UpperWriter {
 public:
  struct Folders {
    int upper;
    int lower;
    int temporary;  // On the upper's file system.
  };
  UpperWriter(Folders folders, const HideRules& rules, std::pair<uid_t, gid_t> owner,
              std::function<void(std::string_view)> step)
      : folders_(folders), rules_(&rules), owner_(owner), step_(std::move(step)) {}

  // Makes the folders down to and with `path`, "" being there already. A deleted folder comes back empty. A file or
  // link in the way is replaced when it is `path` itself and replace_file is set; else kFailedPrecondition.
  Result<> make_folder(const std::string& path, bool replace_file);
  // Moves an entry (file or link) of `folder` to `path`. What the view shows there must be no folder.
  Result<> put(int folder, const std::string& name, const std::string& path);
  // A temporary file of these bytes, moved to `path`.
  Result<> write(const std::string& path, std::string_view bytes, mode_t mode);
  // Makes `path`, a file, a link or a whole folder, absent in the view.
  Result<> erase(const std::string& path);

  // Gives an entry that is about to move in the owner and the mode it may have: no set-id bits, readable to us.
  Result<> tame(int folder, const std::string& name, const struct stat& entry) const;

 private:
  Result<> make_one_folder(const std::string& path, bool replace_file);
  Result<std::string> plain_folder(const std::string& path, mode_t mode);
  Result<std::string> empty_folder_over(const std::string& path, mode_t mode);
  bool lower_has(const std::string& path, struct stat* entry) const;
  Result<> exchange_in(const std::string& temporary, const std::string& path);
  std::string fresh_name();
  void step(std::string_view name) const {
    if (step_) step_(name);
  }

  Folders folders_;
  const HideRules* rules_;
  std::pair<uid_t, gid_t> owner_;
  std::function<void(std::string_view)> step_;
  std::uint64_t counter_ = 0;
};

}  // namespace remit::sandbox
