#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace remit::log {

void configure(std::string_view level) {
  auto logger = std::make_shared<spdlog::logger>("remit", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(std::string(level)));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace remit::log
