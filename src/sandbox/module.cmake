# The spawner is a program of its own: static, without C++ run time or sanitizers, carried inside the library as bytes.
file(GLOB spawner_sources CONFIGURE_DEPENDS ${dir}/spawner/*.cc)
get_target_property(own_sources remit_sandbox SOURCES)
list(FILTER own_sources EXCLUDE REGEX "/sandbox/spawner/")
set_target_properties(remit_sandbox PROPERTIES SOURCES "${own_sources}")

set(generated ${CMAKE_BINARY_DIR}/sandbox)
file(MAKE_DIRECTORY ${generated})

add_executable(remit_make_filter ${dir}/seccomp/make_filter_main.cc)
target_link_libraries(remit_make_filter PRIVATE PkgConfig::SECCOMP)
# A build tool may leave memory to its end.
target_compile_options(remit_make_filter PRIVATE -fno-sanitize=all -Wno-c99-extensions)  # libseccomp's macros
target_link_options(remit_make_filter PRIVATE -fno-sanitize=all)
add_custom_command(OUTPUT ${generated}/seccomp_filter.inc
                   COMMAND remit_make_filter ${generated}/seccomp_filter.inc DEPENDS remit_make_filter VERBATIM)

add_executable(remit_spawner ${spawner_sources} ${dir}/wire/request.cc ${dir}/wire/reply.cc ${generated}/seccomp_filter.inc)
target_include_directories(remit_spawner PRIVATE ${CMAKE_SOURCE_DIR}/src ${generated})
set_target_properties(remit_spawner PROPERTIES POSITION_INDEPENDENT_CODE OFF RUNTIME_OUTPUT_DIRECTORY ${generated})
target_compile_options(remit_spawner PRIVATE -fno-sanitize=all -O2 -fno-exceptions -fno-rtti -fno-pie -fstack-protector-strong)
target_link_options(remit_spawner PRIVATE -fno-sanitize=all -static -nostdlib++ -Wl,-z,noexecstack -Wl,-s)

set_source_files_properties(${dir}/tier/spawner_image.cc PROPERTIES
    OBJECT_DEPENDS ${generated}/remit_spawner COMPILE_DEFINITIONS "REMIT_SPAWNER_PATH=\"${generated}/remit_spawner\"")
add_dependencies(remit_sandbox remit_spawner)
