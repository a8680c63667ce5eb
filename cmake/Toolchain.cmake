# Compiler flags, the linker, the compiler cache and the precompiled header: everything that is the same for every target.

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
                    -Wthread-safety -Werror -fno-omit-frame-pointer -fvisibility=hidden)
# Boost 1.81 and clang 19 disagree on these two; they are not about our code.
# Members left out of a designated initializer have the defaults their struct gives them.
add_compile_options(-Wno-missing-field-initializers)
add_compile_options(-Wno-deprecated-declarations -Wno-gnu-statement-expression-from-macro-expansion
                    -Wno-gnu-statement-expression)
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
                        BOOST_BEAST_USE_STD_STRING_VIEW SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL
                        REMIT_VERSION="${PROJECT_VERSION}")
add_link_options(-fuse-ld=mold)

if(REMIT_SANITIZE)
  add_compile_options(-fsanitize=${REMIT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${REMIT_SANITIZE})
endif()

# Identical objects in different checkouts share one cache entry; a precompiled header must not carry its own time.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang$<SEMICOLON>-fno-pch-timestamp>)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(OpenSSL 3 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(re2 QUIET)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
# Its -pthread would not fit the precompiled header, which is compiled without; glibc needs no such flag any more.
set_property(TARGET PkgConfig::RE2 PROPERTY INTERFACE_COMPILE_OPTIONS "")
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)

# Names used on the right of the ';' in src/modules.txt.
set(REMIT_LIB_json Boost::json)
set(REMIT_LIB_fmt fmt::fmt)
set(REMIT_LIB_spdlog spdlog::spdlog)
set(REMIT_LIB_threads Threads::Threads)
set(REMIT_LIB_openssl OpenSSL::SSL OpenSSL::Crypto)
set(REMIT_LIB_sqlite SQLite::SQLite3)
set(REMIT_LIB_yaml yaml-cpp)
set(REMIT_LIB_re2 PkgConfig::RE2)
set(REMIT_LIB_seccomp PkgConfig::SECCOMP)
