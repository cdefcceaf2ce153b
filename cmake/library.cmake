# SPDX-License-Identifier: Apache-2.0
# modelfleet_library(): the packages of libmodelcache, which programs need and which their
# developers do. Both need none of the others, nor the daemon: it may run in another container.
# What is installed besides these documents stands in src/modelcache.
function(modelfleet_library)
  set(documents ${CMAKE_INSTALL_DATADIR}/doc)
  install(FILES ${packaging}/copyright DESTINATION ${documents}/libmodelcache0
    COMPONENT modelcache)
  install(FILES CHANGELOG.md RENAME changelog DESTINATION ${documents}/libmodelcache0
    COMPONENT modelcache)
  install(FILES ${packaging}/copyright DESTINATION ${documents}/libmodelcache-dev
    COMPONENT modelcachedev)
  install(FILES CHANGELOG.md RENAME changelog DESTINATION ${documents}/libmodelcache-dev
    COMPONENT modelcachedev)
  install(FILES docs/man/modelcache.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3
    COMPONENT modelcachedev)
  install(FILES docs/examples/modelcache.c docs/examples/modelcache.py
    DESTINATION ${documents}/libmodelcache-dev/examples COMPONENT modelcachedev)
  set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} modelcache modelcachedev PARENT_SCOPE)
  modelfleet_library_packages()
endfunction()

macro(modelfleet_library_packages)
  set(about "Programs get the models that model-cached holds through this library: the bytes
are mapped read-only from the one copy of the host, a version in hand never
changes, and the next one is there before the former goes.")
  set(CPACK_DEBIAN_MODELCACHE_PACKAGE_SHLIBDEPS ON PARENT_SCOPE)
  set(CPACK_DEBIAN_MODELCACHE_PACKAGE_NAME libmodelcache0 PARENT_SCOPE)
  set(CPACK_DEBIAN_MODELCACHE_PACKAGE_SECTION libs PARENT_SCOPE)
  set(CPACK_DEBIAN_MODELCACHE_PACKAGE_CONTROL_EXTRA
    "${packaging}/library/symbols;${packaging}/library/shlibs;${packaging}/library/triggers"
    PARENT_SCOPE)
  set(CPACK_COMPONENT_MODELCACHE_DESCRIPTION
    "models that model-cached holds in memory, for programs\n${about}" PARENT_SCOPE)
  set(CPACK_DEBIAN_MODELCACHEDEV_PACKAGE_NAME libmodelcache-dev PARENT_SCOPE)
  set(CPACK_DEBIAN_MODELCACHEDEV_PACKAGE_SECTION libdevel PARENT_SCOPE)
  set(CPACK_DEBIAN_MODELCACHEDEV_PACKAGE_DEPENDS "libmodelcache0 (= ${version})" PARENT_SCOPE)
  set(CPACK_COMPONENT_MODELCACHEDEV_DESCRIPTION
    "header, manual page and examples of libmodelcache\n${about}

This package is for those who build such programs. The example in Python needs
libmodelcache0 alone." PARENT_SCOPE)
endmacro()
