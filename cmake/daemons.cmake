# SPDX-License-Identifier: Apache-2.0
# modelfleet_daemon(PROGRAM COMPONENT name UNIT name USER name CONFIG file MAN pages... PAGES
#   files... EXAMPLES files... RULES files... RECOMMENDS packages SUGGESTS packages DESCRIPTION text):
# what a daemon installs, as a component, and the Debian package PROGRAM that it becomes.
#
# The unit is scripts/systemd/UNIT.service. It names its program without a directory, so that it
# is the same below any prefix. USER is whom it runs as, made from scripts/sysusers/PROGRAM.conf;
# the package gives it /var/lib/USER, and brings docs/examples/CONFIG as /etc/USER/CONFIG, which
# dpkg then leaves to the operator. RULES are polkit's. Completion is scripts/completion/PROGRAM.*.
function(modelfleet_daemon program)
  cmake_parse_arguments(D "" "COMPONENT;UNIT;USER;CONFIG;RECOMMENDS;SUGGESTS;DESCRIPTION"
    "MAN;PAGES;EXAMPLES;RULES" ${ARGN})
  modelfleet_daemon_install()
  modelfleet_daemon_package()
  set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} ${D_COMPONENT} PARENT_SCOPE)
  set(CPACK_MODELFLEET_DAEMONS ${CPACK_MODELFLEET_DAEMONS} ${D_COMPONENT} PARENT_SCOPE)
endfunction()

macro(modelfleet_daemon_install)
  set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME ${D_COMPONENT})
  set(documents ${CMAKE_INSTALL_DATADIR}/doc/${program})
  set(completion ${CMAKE_SOURCE_DIR}/scripts/completion)
  install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES scripts/systemd/${D_UNIT}.service DESTINATION lib/systemd/system)
  install(FILES scripts/sysusers/${program}.conf DESTINATION lib/sysusers.d)
  install(FILES ${D_RULES} DESTINATION ${CMAKE_INSTALL_DATADIR}/polkit-1/rules.d)
  foreach(page ${D_MAN})
    string(REGEX REPLACE ".*\\." "" section ${page})
    install(FILES docs/man/${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  install(FILES ${completion}/${program}.bash RENAME ${program}
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${completion}/${program}.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  install(FILES ${completion}/_${program}
    DESTINATION ${CMAKE_INSTALL_DATADIR}/${MODELFLEET_ZSH_DIRECTORY})
  install(FILES docs/examples/${D_CONFIG} ${D_EXAMPLES} DESTINATION ${documents}/examples)
  install(FILES ${packaging}/copyright ${D_PAGES} DESTINATION ${documents})
  install(FILES CHANGELOG.md RENAME changelog DESTINATION ${documents})
endmacro()

# Sets a variable of CPack's for the caller of modelfleet_daemon.
macro(modelfleet_daemon_set name value)
  set(${name} "${value}" PARENT_SCOPE)
endmacro()

macro(modelfleet_daemon_package)
  string(TOUPPER ${D_COMPONENT} upper)
  set(scripts ${CMAKE_BINARY_DIR}/packaging/${program})
  foreach(script postinst prerm postrm)
    configure_file(${packaging}/daemon/${script}.in ${scripts}/${script} @ONLY)
  endforeach()
  file(WRITE ${scripts}/conffiles "/etc/${D_USER}/${D_CONFIG}\n")
  modelfleet_daemon_set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA
    "${scripts}/postinst;${scripts}/prerm;${scripts}/postrm;${scripts}/conffiles")
  modelfleet_daemon_set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${program})
  modelfleet_daemon_set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION admin)
  modelfleet_daemon_set(CPACK_DEBIAN_${upper}_PACKAGE_SHLIBDEPS ON)
  # Makes the user, also where another init runs.
  modelfleet_daemon_set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS
    "systemd | systemd-standalone-sysusers")
  modelfleet_daemon_set(CPACK_DEBIAN_${upper}_PACKAGE_RECOMMENDS "${D_RECOMMENDS}")
  modelfleet_daemon_set(CPACK_DEBIAN_${upper}_PACKAGE_SUGGESTS "${D_SUGGESTS}")
  modelfleet_daemon_set(CPACK_COMPONENT_${upper}_DESCRIPTION "${D_DESCRIPTION}")
  # For finish.cmake: which package a component is, and its configuration.
  modelfleet_daemon_set(CPACK_MODELFLEET_${D_COMPONENT}_PACKAGE ${program})
  modelfleet_daemon_set(CPACK_MODELFLEET_${D_COMPONENT}_CONFIG ${D_USER}/${D_CONFIG})
endmacro()
