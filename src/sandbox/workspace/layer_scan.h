// LayerScan: Layer::changes(). Compares one command's layer with the view that it was mounted over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/event.h"
#include "sandbox/workspace/layer_walk.h"
#include "sandbox/workspace/view.h"

namespace remit::sandbox {

class LayerScan {
 public:
  LayerScan(View view, const HideRules& rules) : view_(view), rules_(&rules) {}

  Result<std::vector<FileChange>> scan(int layer_upper);

 private:
  // `covers`: nothing of the view shows through. A folder made in an opaque one is not marked itself.
  Result<> folder(int fd, const std::string& path, std::size_t depth, bool covers);
  Result<> entry(int fd, const LayerEntry& item, std::size_t depth, bool covers);
  Result<> sub_folder(int fd, const LayerEntry& item, const ViewNode& old, std::size_t depth, bool covers);
  Result<> file(int fd, const LayerEntry& item, const ViewNode& old);
  Result<bool> same(int fd, const LayerEntry& item, const ViewNode& old) const;
  Result<> missing_from_opaque(const std::string& path, const std::set<std::string>& present);
  Result<> deleted(const std::string& path, std::size_t depth);
  Result<> deleted_children(const std::string& path, std::size_t depth);
  Result<> add(const std::string& path, FileChange::Kind kind, std::int64_t size);
  Result<> reject(const LayerEntry& item, std::int64_t size);
  Result<> count_entry();

  View view_;
  const HideRules* rules_;
  std::map<std::string, FileChange> changes_;
  std::size_t mergeable_ = 0;
  std::size_t entries_ = 0;
  std::int64_t bytes_ = 0;
};

}  // namespace remit::sandbox
