// LayerMerge: Layer::merge(). Moves what is permitted from a layer into the run's upper. Driven by what the layer still
// holds and by the recorded list, so that a second go after a crash finishes the first: a file moved is not in the
// layer any more, and a path of the list that is to be there is never taken for deleted.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/event.h"
#include "sandbox/workspace/layer_walk.h"
#include "sandbox/workspace/upper_writer.h"
#include "sandbox/workspace/view.h"

namespace remit::sandbox {

class LayerMerge {
 public:
  // `changes` outlives this; those that cannot be merged get permitted = false and a reason.
  LayerMerge(View view, UpperWriter writer, const HideRules& rules, std::vector<FileChange>& changes);

  Result<> merge(int layer_upper);

 private:
  // `covers` as in LayerScan.
  Result<> folder(int fd, const std::string& path, std::size_t depth, bool covers);
  Result<> entry(int fd, const LayerEntry& item, std::size_t depth, bool covers);
  Result<> sub_folder(int fd, const LayerEntry& item, std::size_t depth, bool covers);
  Result<> file(int fd, const LayerEntry& item);
  Result<> missing_from_opaque(const std::string& path, const std::set<std::string>& present);
  Result<> erase(const std::string& path, const ViewNode& node);
  // Whether each thing in the folder may go.
  Result<bool> may_empty(const std::string& path);
  bool may_delete(const std::string& path) const;
  bool may_write(const std::string& path) const;
  bool any_below(const std::string& path) const;
  void drop_below(const std::string& path, const std::string& reason);

  View view_;
  UpperWriter writer_;
  const HideRules* rules_;
  std::map<std::string, FileChange*> permitted_;
};

}  // namespace remit::sandbox
