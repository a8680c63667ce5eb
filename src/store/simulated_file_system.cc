#include "store/simulated_file_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace remit::store {
namespace {

// The bytes of one file: as programs see them, and as the disk has them.
struct Node {
  std::string data;
  std::string synced;
  std::size_t dirty_from = SIZE_MAX;  // From here on data may differ from synced.
  std::uint64_t locked_by = 0;

  void write(std::size_t offset, std::string_view bytes) {
    if (data.size() < offset + bytes.size()) data.resize(offset + bytes.size());
    bytes.copy(data.data() + offset, bytes.size());
    dirty_from = std::min(dirty_from, offset);
  }

  void sync() {
    const std::size_t from = std::min({dirty_from, synced.size(), data.size()});
    synced.resize(data.size());
    std::copy(data.begin() + long(from), data.end(), synced.begin() + long(from));
    dirty_from = SIZE_MAX;
  }

  // What a disk may hold after the power went: any sectors of what was not synced.
  void lose_power(Rng& rng) {
    std::string left = synced;
    const std::size_t low = std::min(data.size(), synced.size()), high = std::max(data.size(), synced.size());
    left.resize(low + static_cast<std::size_t>(rng.below(high - low + 1)));
    for (std::size_t at = 0; at < left.size(); at += kSimulatedSectorBytes) {
      const std::size_t end = std::min(left.size(), at + kSimulatedSectorBytes);
      if (at >= data.size() || rng.below(2) == 0) continue;
      std::copy(data.begin() + long(at), data.begin() + long(std::min(end, data.size())), left.begin() + long(at));
    }
    data = synced = std::move(left);
    dirty_from = SIZE_MAX;
    locked_by = 0;
  }
};

using Names = std::map<std::string, std::shared_ptr<Node>>;

std::string folder_of(const std::string& path) { return path.substr(0, path.find_last_of('/') + 1); }

}  // namespace

struct SimulatedFileSystem::Disk {
  explicit Disk(std::uint64_t seed) : rng(seed) {}

  mutable std::mutex mutex;
  SeededRng rng;
  Faults faults;
  Names names, durable_names;
  std::uint64_t generation = 1;
  std::uint64_t next_file = 1;
  std::uint64_t written = 0;
  std::uint64_t syncs = 0;

  bool stopped() const { return faults.stop_after_bytes && written >= *faults.stop_after_bytes; }
  std::uint64_t used() const {
    std::uint64_t total = 0;
    for (const auto& [path, node] : names) total += node->data.size();
    return total;
  }
  Result<> check(std::uint64_t file_generation) const {
    if (file_generation == generation && !stopped()) return {};
    return fail(Code::kUnavailable, "the simulated process is dead");
  }
  void restart() {
    ++generation;
    faults = {};
    for (auto& [path, node] : names) node->locked_by = 0;
  }
};

namespace {

class SimulatedFile final : public File {
 public:
  SimulatedFile(std::shared_ptr<SimulatedFileSystem::Disk> disk, std::shared_ptr<Node> node, std::string path)
      : disk_(std::move(disk)), node_(std::move(node)), path_(std::move(path)) {
    generation_ = disk_->generation;
    id_ = disk_->next_file++;
  }
  ~SimulatedFile() override {
    std::lock_guard lock(disk_->mutex);
    if (node_->locked_by == id_) node_->locked_by = 0;
  }

  Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) override {
    std::lock_guard lock(disk_->mutex);
    REMIT_CHECK_OK(disk_->check(generation_));
    std::size_t count = bytes.size();
    if (disk_->faults.short_writes) count = 1 + static_cast<std::size_t>(disk_->rng.below(count));
    if (disk_->faults.disk_bytes) {
      const std::uint64_t used = disk_->used();
      const std::uint64_t inside = offset < node_->data.size() ? node_->data.size() - offset : 0;
      const std::uint64_t room = inside + (*disk_->faults.disk_bytes > used ? *disk_->faults.disk_bytes - used : 0);
      if (room == 0) return fail(errno_error("write " + path_, ENOSPC));
      count = std::min<std::uint64_t>(count, room);
    }
    if (disk_->faults.stop_after_bytes) {
      count =
          static_cast<std::size_t>(std::min<std::uint64_t>(count, *disk_->faults.stop_after_bytes - disk_->written));
    }
    node_->write(offset, bytes.substr(0, count));
    disk_->written += count;
    REMIT_CHECK_OK(disk_->check(generation_));
    return count;
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    std::lock_guard lock(disk_->mutex);
    REMIT_CHECK_OK(disk_->check(generation_));
    if (offset >= node_->data.size()) return std::size_t{0};
    return node_->data.copy(into.data(), into.size(), static_cast<std::size_t>(offset));
  }

  Result<> sync() override {
    Duration takes{0};
    {
      std::lock_guard lock(disk_->mutex);
      REMIT_CHECK_OK(disk_->check(generation_));
      takes = disk_->faults.sync_takes;
      const auto& limit = disk_->faults.fail_sync_after;
      if (limit && disk_->syncs >= *limit) return fail(errno_error("fdatasync " + path_, EIO));
      ++disk_->syncs;
    }
    if (takes.count() > 0) std::this_thread::sleep_for(takes);
    std::lock_guard lock(disk_->mutex);
    REMIT_CHECK_OK(disk_->check(generation_));
    node_->sync();
    return {};
  }

  Result<> truncate(std::uint64_t size) override {
    std::lock_guard lock(disk_->mutex);
    REMIT_CHECK_OK(disk_->check(generation_));
    node_->data.resize(static_cast<std::size_t>(size));
    node_->dirty_from = std::min(node_->dirty_from, node_->data.size());
    return {};
  }

  Result<std::uint64_t> size() override {
    std::lock_guard lock(disk_->mutex);
    REMIT_CHECK_OK(disk_->check(generation_));
    return node_->data.size();
  }

  Result<> lock() override {
    std::lock_guard lock(disk_->mutex);
    REMIT_CHECK_OK(disk_->check(generation_));
    if (node_->locked_by != 0 && node_->locked_by != id_) {
      return fail(Code::kFailedPrecondition, path_ + " is being written by another process; stop that one first");
    }
    node_->locked_by = id_;
    return {};
  }

 private:
  std::shared_ptr<SimulatedFileSystem::Disk> disk_;
  std::shared_ptr<Node> node_;
  std::string path_;
  std::uint64_t generation_ = 0;
  std::uint64_t id_ = 0;
};

}  // namespace

SimulatedFileSystem::SimulatedFileSystem(std::uint64_t seed) : disk_(std::make_shared<Disk>(seed)) {}
SimulatedFileSystem::~SimulatedFileSystem() = default;

void SimulatedFileSystem::set_faults(Faults faults) {
  std::lock_guard lock(disk_->mutex);
  disk_->faults = faults;
  disk_->syncs = 0;
  disk_->written = 0;
}

void SimulatedFileSystem::lose_power() {
  std::lock_guard lock(disk_->mutex);
  disk_->names = disk_->durable_names;
  for (auto& [path, node] : disk_->names) node->lose_power(disk_->rng);
  disk_->restart();
}

void SimulatedFileSystem::kill_process() {
  std::lock_guard lock(disk_->mutex);
  disk_->restart();
}

std::uint64_t SimulatedFileSystem::bytes_written() const {
  std::lock_guard lock(disk_->mutex);
  return disk_->written;
}

std::string SimulatedFileSystem::contents(const std::string& path) const {
  std::lock_guard lock(disk_->mutex);
  const auto found = disk_->names.find(path);
  return found == disk_->names.end() ? "" : found->second->data;
}

void SimulatedFileSystem::set_contents(const std::string& path, std::string bytes) {
  std::lock_guard lock(disk_->mutex);
  auto node = std::make_shared<Node>();
  node->data = node->synced = std::move(bytes);
  disk_->names[path] = disk_->durable_names[path] = node;
}

Result<std::unique_ptr<File>> SimulatedFileSystem::open(const std::string& path, OpenMode mode) {
  std::lock_guard lock(disk_->mutex);
  REMIT_CHECK_OK(disk_->check(disk_->generation));
  auto found = disk_->names.find(path);
  if (found == disk_->names.end()) {
    if (mode != OpenMode::kReplace) return fail(errno_error("open " + path, ENOENT));
    found = disk_->names.emplace(path, std::make_shared<Node>()).first;
  } else if (mode == OpenMode::kReplace) {
    found->second->data.clear();
    found->second->dirty_from = 0;
  }
  return std::make_unique<SimulatedFile>(disk_, found->second, path);
}

Result<bool> SimulatedFileSystem::exists(const std::string& path) {
  std::lock_guard lock(disk_->mutex);
  REMIT_CHECK_OK(disk_->check(disk_->generation));
  return disk_->names.contains(path);
}

Result<> SimulatedFileSystem::rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(disk_->mutex);
  REMIT_CHECK_OK(disk_->check(disk_->generation));
  const auto found = disk_->names.find(from);
  if (found == disk_->names.end()) return fail(errno_error(fmt::format("rename {} to {}", from, to), ENOENT));
  disk_->names[to] = found->second;
  disk_->names.erase(found);
  return {};
}

Result<> SimulatedFileSystem::sync_folder_of(const std::string& path) {
  std::lock_guard lock(disk_->mutex);
  REMIT_CHECK_OK(disk_->check(disk_->generation));
  const std::string folder = folder_of(path);
  std::erase_if(disk_->durable_names, [&](const auto& entry) { return folder_of(entry.first) == folder; });
  for (const auto& [name, node] : disk_->names) {
    if (folder_of(name) == folder) disk_->durable_names[name] = node;
  }
  return {};
}

}  // namespace remit::store
