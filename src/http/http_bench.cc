// Requests a second and CPU time a request of our server beside nginx: one thread each, a 115-byte JSON, wrk with 32
// connections on loopback, in alternating rounds of one run.   build/bench/http_bench [seconds a round] [rounds]
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "http/server.h"

extern char** environ;

namespace {

using namespace remit;

constexpr std::string_view kJson =
    R"({"id":"call-00001","object":"result","status":"ok","tokens":{"input":1204,"output":87},"cost_micro_usd":2100,"a":1})";
static_assert(kJson.size() == 115);

Task<> answer(http::ResponseWriter& response) { co_await response.send(200, "application/json", kJson); }

int serve(std::uint16_t port) {
  asio::io_context context(1);
  http::Server server(context.get_executor(), {},
                      [](http::ServerRequest&, http::ResponseWriter& response) { return answer(response); });
  if (const auto bound = server.listen_tcp("127.0.0.1", port); !bound) {
    std::fprintf(stderr, "%s\n", bound.error().to_string().c_str());
    return 1;
  }
  context.run();
  return 0;
}

pid_t spawn(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = -1;
  if (::posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) return -1;
  return pid;
}

// User and system time of a process in microseconds.
double cpu_us(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  text.erase(0, text.rfind(')') + 2);
  unsigned long user = 0;
  unsigned long system = 0;
  std::sscanf(text.c_str(), "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return double(user + system) * 1e6 / double(::sysconf(_SC_CLK_TCK));
}

struct Round {
  double per_second = 0;
  double cpu_us_per_request = 0;
};

Round measure(pid_t pid, int port, int seconds) {
  const double before = cpu_us(pid);
  FILE* pipe = ::popen(fmt::format("wrk -t1 -c32 -d{}s http://127.0.0.1:{}/", seconds, port).c_str(), "r");
  double requests = 0;
  Round round;
  char line[512];
  while (pipe != nullptr && std::fgets(line, sizeof line, pipe) != nullptr) {
    std::sscanf(line, "Requests/sec: %lf", &round.per_second);
    std::sscanf(line, " %lf requests in", &requests);
    if (std::string_view(line).find("Non-2xx") != std::string_view::npos) std::printf("  errors: %s", line);
  }
  if (pipe != nullptr) ::pclose(pipe);
  if (requests > 0) round.cpu_us_per_request = (cpu_us(pid) - before) / requests;
  return round;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--serve") return serve(std::uint16_t(std::atoi(argv[2])));
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 3;
  const int our_port = 20000 + ::getpid() % 20000;
  const int nginx_port = our_port + 1;
  const std::string folder =
      fmt::format("{}/remit-http-bench-{}", std::filesystem::temp_directory_path().string(), ::getpid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/nginx.conf") << fmt::format(
      "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log;\nevents {{ worker_connections 256; }}\n"
      "http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {0}/b; proxy_temp_path {0}/p;\n"
      " fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s; default_type application/json;\n"
      " server {{ listen 127.0.0.1:{1}; location / {{ return 200 '{2}'; }} }} }}\n",
      folder, nginx_port, kJson);
  const pid_t ours = spawn({"/proc/self/exe", "--serve", std::to_string(our_port)});
  const pid_t nginx =
      spawn({"/usr/sbin/nginx", "-c", folder + "/nginx.conf", "-p", folder, "-e", folder + "/error.log"});
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  std::printf("%-8s %12s %16s\n", "server", "requests/s", "CPU us/request");
  for (int i = 0; i < rounds; ++i) {
    for (const auto& [name, pid, port] :
         {std::tuple("remit", ours, our_port), std::tuple("nginx", nginx, nginx_port)}) {
      if (pid < 0) continue;
      const Round round = measure(pid, port, seconds);
      std::printf("%-8s %12.0f %16.2f\n", name, round.per_second, round.cpu_us_per_request);
    }
  }
  for (const pid_t pid : {ours, nginx}) {
    if (pid < 0) continue;
    ::kill(pid, SIGTERM);
    ::waitpid(pid, nullptr, 0);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
