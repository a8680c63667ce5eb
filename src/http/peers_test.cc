// Our client and server against the programs that people use: curl and nginx. Skipped where they are not installed.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "http/detail/head_parser.h"
#include "http/testing/support.h"

extern char** environ;

namespace remit::http {
namespace {

using testing::RawPeer;
using testing::run_task;
using testing::ServerThread;
using namespace std::chrono_literals;

std::string find_program(const std::string& name) {
  for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/usr/local/bin/"}) {
    if (std::filesystem::exists(folder + name)) return folder + name;
  }
  return "";
}

std::string output_of(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  char buffer[4096];
  for (std::size_t size = 0; (size = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, size);
  ::pclose(pipe);
  return output;
}

std::uint16_t free_port() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

bool accepts(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

// nginx in a folder of its own, plain and under TLS with a certificate for "localhost" that signs itself.
class Nginx {
 public:
  Nginx() {
    folder_ = (std::filesystem::temp_directory_path() / fmt::format("remit-nginx-{}", ::getpid())).string();
    std::filesystem::create_directories(folder_ + "/www");
    std::filesystem::permissions(folder_, std::filesystem::perms::all);
    std::ofstream(folder_ + "/www/file.txt") << "from nginx";
    std::ofstream(folder_ + "/www/large.bin") << std::string(2u << 20, 'n');
    output_of(
        fmt::format("cd {} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
                    "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>&1",
                    folder_));
    start();
  }
  ~Nginx() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }
  static bool installed() { return !find_program("nginx").empty() && !find_program("openssl").empty(); }
  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }
  std::string certificate() const { return folder_ + "/cert.pem"; }
  std::string url(const std::string& path) const { return fmt::format("http://127.0.0.1:{}{}", port_, path); }

 private:
  void start() {
    port_ = free_port();
    tls_port_ = free_port();
    std::ofstream(folder_ + "/nginx.conf") << fmt::format(
        "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log;\n"
        "events {{ worker_connections 64; }}\n"
        "http {{ access_log off; client_body_temp_path {0}/b; proxy_temp_path {0}/p; fastcgi_temp_path {0}/f;\n"
        "  uwsgi_temp_path {0}/u; scgi_temp_path {0}/s; keepalive_requests 3;\n"
        "  server {{ listen 127.0.0.1:{1}; listen 127.0.0.1:{2} ssl; ssl_certificate {0}/cert.pem;\n"
        "    ssl_certificate_key {0}/key.pem; root {0}/www; }} }}\n",
        folder_, port_, tls_port_);
    const std::string program = find_program("nginx");
    const std::string config = folder_ + "/nginx.conf";
    const std::string log = folder_ + "/start.log";
    const char* arguments[] = {program.c_str(), "-c", config.c_str(), "-p",
                               folder_.c_str(), "-e", log.c_str(),    nullptr};
    ASSERT_EQ(::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, const_cast<char**>(arguments), environ), 0);
    for (int i = 0; i < 400 && !accepts(tls_port_); ++i) std::this_thread::sleep_for(10ms);
    ASSERT_TRUE(accepts(tls_port_)) << read_file(log, 1u << 20).value_or("no log");
  }
  std::string folder_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
};

Task<> handle(ServerRequest& request, ResponseWriter& response) {
  if (request.path() == "/sse") {
    co_await response.begin_sse();
    for (int i = 0; i < 3; ++i) {
      SseEvent event;
      event.data = std::to_string(i);
      co_await response.write_event(event);
    }
    co_await response.finish();
    co_return;
  }
  Result<std::string> body = co_await request.read_body();
  if (!body) co_return;
  co_await response.send(200, "text/plain", fmt::format("{} {} {}", request.method(), request.target(), body->size()));
}

Handler handler() {
  return [](ServerRequest& request, ResponseWriter& response) { return handle(request, response); };
}

TEST(Curl, TalksToOurServer) {
  if (find_program("curl").empty()) GTEST_SKIP() << "curl is not installed";
  ServerThread server(handler());
  server.start();
  const std::string curl = "curl -sS -m 20 --noproxy '*' ";
  EXPECT_EQ(output_of(curl + "'" + server.url("/a?b=c") + "'"), "GET /a?b=c 0");
  EXPECT_EQ(output_of(curl + "-d hello " + server.url("/p")), "POST /p 5");
  EXPECT_EQ(output_of("head -c 3000000 /dev/zero | " + curl + "-T - " + server.url("/up")), "PUT /up 3000000");
  EXPECT_EQ(output_of("head -c 3000000 /dev/zero | " + curl + "-H 'Expect: 100-continue' --data-binary @- " +
                      server.url("/e")),
            "POST /e 3000000");
  EXPECT_EQ(output_of(curl + "-N " + server.url("/sse")), "data: 0\n\ndata: 1\n\ndata: 2\n\n");
  EXPECT_EQ(output_of(curl + "-0 " + server.url("/old")), "GET /old 0");
  EXPECT_NE(output_of(curl + "-I " + server.url("/head")).find("Content-Length: 12"), std::string::npos);
  EXPECT_EQ(output_of(curl + server.url("/1") + " " + server.url("/2")), "GET /1 0GET /2 0");
  EXPECT_EQ(output_of("curl -sS -m 20 -x " + server.url("") + " http://example.net/via"), "GET /via 0");
}

class NginxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Nginx::installed()) GTEST_SKIP() << "nginx or openssl is not installed";
    nginx_ = std::make_unique<Nginx>();
  }
  Result<Response> fetch(Client& client, std::string url) {
    Request request;
    request.url = std::move(url);
    return run_task(context_, client.fetch(std::move(request)));
  }
  asio::io_context context_{1};
  std::unique_ptr<Nginx> nginx_;
};

TEST_F(NginxTest, AnswersOurClient) {
  Client client(context_.get_executor());
  // nginx closes each connection after three requests: none of ours may be lost to that.
  for (int i = 0; i < 20; ++i) {
    const auto response = fetch(client, nginx_->url("/file.txt"));
    ASSERT_TRUE(response.has_value()) << response.error().to_string();
    EXPECT_EQ(response->body, "from nginx");
  }
  EXPECT_EQ(fetch(client, nginx_->url("/large.bin"))->body.size(), 2u << 20);
  EXPECT_EQ(fetch(client, nginx_->url("/none"))->status, 404);
}

TEST_F(NginxTest, IsVerifiedUnderTls) {
  ClientOptions options;
  options.ca_file = nginx_->certificate();
  Client trusting(context_.get_executor(), options);
  const std::string port = std::to_string(nginx_->tls_port());
  for (int i = 0; i < 5; ++i) {
    const auto response = fetch(trusting, "https://localhost:" + port + "/large.bin");
    ASSERT_TRUE(response.has_value()) << response.error().to_string();
    EXPECT_EQ(response->body.size(), 2u << 20);
  }
  EXPECT_LE(trusting.stats().connects, 2u);
  // The certificate is for "localhost" and not for the address.
  const auto other_name = fetch(trusting, "https://127.0.0.1:" + port + "/file.txt");
  ASSERT_FALSE(other_name.has_value());
  EXPECT_EQ(other_name.error().code(), Code::kUnavailable);
  EXPECT_NE(other_name.error().to_string().find("certificate"), std::string::npos) << other_name.error().to_string();
  Client strict(context_.get_executor());
  EXPECT_NE(fetch(strict, "https://localhost:" + port + "/").error().to_string().find("certificate"),
            std::string::npos);
  EXPECT_EQ(fetch(trusting, "https://localhost:" + std::to_string(nginx_->port()) + "/").error().code(),
            Code::kUnavailable);
  ClientOptions broken;
  broken.ca_file = "/nonexistent.pem";
  Client unable(context_.get_executor(), broken);
  EXPECT_EQ(fetch(unable, "https://localhost:" + port + "/").error().code(), Code::kFailedPrecondition);
}

// The status of the first answer, 0 when the connection just closed.
int first_status(RawPeer peer, const std::string& bytes) {
  peer.send(bytes);
  peer.half_close();
  const std::string answer = peer.read_to_end();
  return answer.size() > 12 ? std::atoi(answer.substr(9, 3).c_str()) : 0;
}

// Behind or before nginx, a message must not be read in two ways: what nginx refuses, and what it takes but others do
// not, we refuse.
TEST_F(NginxTest, RefusesNothingThatWeAccept) {
  ServerThread server(handler());
  server.start();
  const std::string line = "POST /file.txt HTTP/1.1\r\nHost: a\r\n";
  const std::vector<std::string> inputs = {
      line + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      line + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
      line + "Content-Length: 5, 5\r\n\r\nhello",
      line + "Content-Length: +5\r\n\r\nhello",
      line + "Content-Length: 0x5\r\n\r\nhello",
      line + "Content-Length : 5\r\n\r\nhello",
      line + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
      line + "Transfer-Encoding: identity\r\n\r\n",
      line + "Transfer-Encoding: xchunked\r\n\r\n",
      line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      line + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
      line + "Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n",
      line + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na\r\n0\r\n\r\n",
      line + "X: a\r\n b\r\n\r\n",
      line + std::string("X: a\0b\r\n\r\n", 10),
      line + "X: a\rb\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
      "GET / HTTP/3.1\r\nHost: a\r\n\r\n",
      "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\r\nHost: a\r\n\r\n",
      "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  };
  int nginx_refused = 0;
  for (const std::string& input : inputs) {
    const int theirs = first_status(RawPeer::connect_tcp(nginx_->port()), input);
    const int ours = first_status(server.dial(), input);
    EXPECT_TRUE(ours >= 400) << ours << ", nginx " << theirs << ":\n" << input;
    // 404 and 405 are answers of a server that has understood.
    if (theirs == 400 || theirs == 501 || theirs == 505) ++nginx_refused;
  }
  EXPECT_GT(nginx_refused, 10);
  RecordProperty("nginx_refused", nginx_refused);
  std::printf("of %zu ambiguous inputs nginx refuses %d, we refuse all\n", inputs.size(), nginx_refused);
  EXPECT_EQ(first_status(server.dial(), line + "Content-Length: 5\r\n\r\nhello"), 200);
}

}  // namespace
}  // namespace remit::http
