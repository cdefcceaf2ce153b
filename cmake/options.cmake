# SPDX-License-Identifier: Apache-2.0
# Compiler settings that every target shares: C17, all warnings, hardening, sanitizers.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# What was compiled before is not compiled again where ccache is installed; -DMODELFLEET_CCACHE= for none.
find_program(MODELFLEET_CCACHE ccache DOC "ccache, or nothing")
if(MODELFLEET_CCACHE AND NOT DEFINED CMAKE_C_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${MODELFLEET_CCACHE})
endif()

set(MODELFLEET_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, e.g. address,undefined")
option(MODELFLEET_FUZZ "Build libFuzzer targets (needs clang)" OFF)
option(MODELFLEET_WERROR "Turn warnings into errors" ON)

add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64 _TIME_BITS=64)
add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion
  -Wpointer-arith -Wvla -Wformat=2 -fno-common)
if(MODELFLEET_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fstack-clash-protection)
endif()
add_compile_options(-fstack-protector-strong)
# A room may have libraries that not every program of its users needs.
add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(MODELFLEET_SANITIZE)
  add_compile_options(-fsanitize=${MODELFLEET_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MODELFLEET_SANITIZE})
  # Three hundred programs of tests: gold, which comes with binutils, links them in less than half the time.
  find_program(MODELFLEET_GOLD ld.gold DOC "The linker gold, for builds with sanitizers")
  if(MODELFLEET_GOLD AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_link_options(-fuse-ld=gold)
  endif()
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

# Fuzzers see nothing of code that is not compiled for them.
if(MODELFLEET_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
