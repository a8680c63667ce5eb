// HideMask: the folder of whiteouts that keeps hidden paths from commands. Lies in the mount between the run's upper
// and the user's folder.
//
// Finding names at any depth needs one walk over the user's folder. start() begins it in a thread, so that it goes on
// while the agent thinks; refresh(), called before each command, waits for it the first time and then only compares the
// times of the folders it walked; a folder that changed makes it walk again. A folder whose time is so young that a
// change in the same tick of the clock could escape counts as changed. Each new mask is a folder of its own ("mask/7"),
// because a mounted mask must not change.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/workspace/hide_rules.h"

namespace remit::sandbox {

class HideMask {
 public:
  // `masks` is the folder of the generations; both descriptors and the rules outlive this.
  HideMask(int masks, int lower, const HideRules& rules) : masks_(masks), lower_(lower), rules_(&rules) {}
  ~HideMask();

  void start();
  // Brings the mask up to date and gives its folder's name in `masks`, "" when nothing is hidden. remove_old: no layer
  // uses an older one.
  Result<std::string> refresh(bool remove_old);

 private:
  struct FolderStamp {
    std::string path;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    std::uint64_t inode = 0;
  };
  struct Walk {
    std::vector<FolderStamp> folders;
    std::vector<std::string> hits;
  };

  Result<Walk> walk() const;
  Result<> walk_folder(const std::string& path, Walk& out, std::vector<std::string>& stack, std::size_t& seen) const;
  bool unchanged(const Walk& walk) const;
  Result<Walk> plain_hits() const;
  Result<std::string> build(const std::vector<std::string>& hits) const;
  Result<> remove_others(const std::string& keep) const;

  int masks_;
  int lower_;
  const HideRules* rules_;
  std::atomic<bool> stop_{false};
  std::future<Result<Walk>> first_;
  bool walked_ = false;
  Walk current_;
  std::string generation_;
};

}  // namespace remit::sandbox
