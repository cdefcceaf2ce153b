# SPDX-License-Identifier: Apache-2.0
# Node helpers for machines that this one is not. Each is a build of its own (this project with
# MODELFLEET_HELPER_ONLY and a cross compiler) below foreign/, made only when asked for:
#   -DMODELFLEET_FOREIGN_HELPERS="aarch64;armhf"
# The program comes to bin/MACHINE/modelfleet-node, where a build's engine finds it, and is
# installed beside the native one. It is built as the packages have it whatever the build is: tests
# meet what is shipped, and the presets share one build.
set(MODELFLEET_FOREIGN_HELPERS "" CACHE STRING
  "Machines to cross-compile the node helper for: aarch64, armhf, x86_64")
set(MODELFLEET_FOREIGN_DIRECTORY ${CMAKE_BINARY_DIR}/foreign CACHE PATH
  "Where these helpers are built; the presets share one")
option(MODELFLEET_HELPER_ONLY "Build the node helper and nothing else" OFF)

# This machine by the name that helpers have.
set(MODELFLEET_MACHINE ${CMAKE_SYSTEM_PROCESSOR} CACHE INTERNAL "")
if(MODELFLEET_MACHINE MATCHES "^armv[78]l$")
  set(MODELFLEET_MACHINE armhf CACHE INTERNAL "")
endif()

# The libraries of a machine, downloaded on first use.
function(modelfleet_sysroot machine variable)
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/sysroot ${machine}
    OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "No node helper for ${machine} can be built here (why is said above)")
  endif()
  set(${variable} ${root} PARENT_SCOPE)
endfunction()

function(modelfleet_foreign_helper machine)
  modelfleet_sysroot(${machine} sysroot)
  set(program ${CMAKE_BINARY_DIR}/bin/${machine}/modelfleet-node)
  set(flags ${CMAKE_C_FLAGS})
  if(NOT flags) # those of the packages
    set(flags -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
  endif()
  set(arguments
    -DCMAKE_TOOLCHAIN_FILE=${CMAKE_SOURCE_DIR}/cmake/toolchain-foreign.cmake
    -DMODELFLEET_MACHINE=${machine}
    -DMODELFLEET_SYSROOT=${sysroot}
    -DMODELFLEET_HELPER_ONLY=ON
    -DMODELFLEET_WERROR=${MODELFLEET_WERROR}
    -DCMAKE_BUILD_TYPE=RelWithDebInfo
    -DCMAKE_C_FLAGS=${flags}
    -DCMAKE_C_COMPILER_LAUNCHER=${CMAKE_C_COMPILER_LAUNCHER}
    -DBUILD_TESTING=OFF)
  ExternalProject_Add(modelfleet-node-${machine}
    SOURCE_DIR ${CMAKE_SOURCE_DIR}
    PREFIX ${CMAKE_BINARY_DIR}/foreign/${machine}
    BINARY_DIR ${MODELFLEET_FOREIGN_DIRECTORY}/${machine}
    CMAKE_ARGS ${arguments}
    BUILD_COMMAND ${CMAKE_COMMAND} --build <BINARY_DIR> --target modelfleet-node
    BUILD_ALWAYS ON
    BUILD_BYPRODUCTS ${program}
    INSTALL_COMMAND ${CMAKE_COMMAND} -E copy_if_different <BINARY_DIR>/bin/modelfleet-node
      ${program})
  install(PROGRAMS ${program} COMPONENT helpers
    DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/modelfleet/${machine})
endfunction()

include(ExternalProject)
foreach(machine ${MODELFLEET_FOREIGN_HELPERS})
  if(NOT MODELFLEET_HELPER_ONLY AND NOT machine STREQUAL MODELFLEET_MACHINE)
    modelfleet_foreign_helper(${machine})
  endif()
endforeach()
