// Hub: the daemon's side of one spawner. Sends requests, receives replies and hands each to its sandbox by number.
// Lives as long as the launcher or any coroutine that uses it; close() makes the spawner leave.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "sandbox/cgroup/bases.h"
#include "sandbox/spec.h"
#include "sandbox/tier/spawner_process.h"
#include "sandbox/wire/reply.h"

namespace remit::sandbox {

class ReplyHandler {
 public:
  virtual ~ReplyHandler() = default;
  virtual void on_started(const wire::Started& started) = 0;
  virtual void on_failed(const wire::Failed& failed) = 0;
  virtual void on_done(const wire::Done& done) = 0;
  // The spawner is gone, and with it the sandbox.
  virtual void on_lost() = 0;
};

class Hub {
 public:
  static Task<Result<std::shared_ptr<Hub>>> open(std::string instance);
  Hub(asio::any_io_executor executor, SpawnerProcess process, CgroupBases bases, std::string instance);
  ~Hub();

  const CgroupBases& bases() const { return bases_; }
  const asio::any_io_executor& executor() const { return executor_; }
  std::size_t live() const { return handlers_.size(); }
  bool is_lost() const { return lost_; }

  // Registers `handler` under a new number and sends the request; nothing is registered on failure.
  Task<Result<std::uint64_t>> start(std::shared_ptr<ReplyHandler> handler, const Spec& spec, std::vector<int> fds,
                                    std::vector<int> numbers);
  // `why` comes back in Done; at_once leaves out SIGTERM and grace.
  void kill(std::uint64_t id, std::uint8_t why, bool at_once);
  void close();

 private:
  static Task<> receive_loop(std::shared_ptr<Hub> self);
  static Task<> kill_later(std::shared_ptr<Hub> self, std::uint64_t id, std::uint8_t why);
  Task<Result<>> set_up();
  Task<Result<>> send(std::size_t size, std::vector<int> fds);
  Result<bool> try_send(std::size_t size, const std::vector<int>& fds);
  bool receive_one();
  void dispatch(std::string_view bytes);
  void lose();
  void clean_up();

  asio::any_io_executor executor_;
  SpawnerProcess process_;
  CgroupBases bases_;
  asio::posix::stream_descriptor socket_;
  std::weak_ptr<Hub> self_;
  std::unordered_map<std::uint64_t, std::shared_ptr<ReplyHandler>> handlers_;
  std::vector<char> buffer_;
  std::uint64_t last_id_ = 0;
  std::optional<wire::Ready> ready_;
  bool lost_ = false;
  std::string instance_;
  std::jthread cleaner_;
};

// What a failed stage means, as an error for the caller of start().
Error stage_error(std::uint8_t stage, std::uint32_t error, const Spec& spec);

}  // namespace remit::sandbox
