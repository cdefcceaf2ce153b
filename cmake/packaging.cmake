# SPDX-License-Identifier: Apache-2.0
# Debian packages: one for each component of the install rules. A rule without a component is the
# engine's. `scripts/package` makes them all; docs/installing.md tells what is in which.
set(MODELFLEET_MAINTAINER "modelfleet maintainers <maintainers@modelfleet.invalid>" CACHE STRING
  "Who made the packages, as in a Maintainer field")

set(packaging ${CMAKE_SOURCE_DIR}/cmake/packaging)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME modelfleet)
set(CPACK_PACKAGE_CONTACT "${MODELFLEET_MAINTAINER}")
# Each component's description begins with its own summary.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL engine)
# Compresses, dates and completes what each package will hold.
set(CPACK_PRE_BUILD_SCRIPTS ${packaging}/finish.cmake)
set(CPACK_MODELFLEET_PACKAGING ${packaging})
set(version ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
set(CPACK_MODELFLEET_VERSION ${version})

set(CPACK_DEBIAN_ENGINE_PACKAGE_NAME modelfleet)
set(CPACK_DEBIAN_ENGINE_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_ENGINE_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_ENGINE_PACKAGE_RECOMMENDS
  "ca-certificates, git, openssh-client, modelfleet-node-helpers (= ${version})")
set(CPACK_DEBIAN_ENGINE_PACKAGE_SUGGESTS "ansible-core, bash-completion")
# Nothing is enabled or started: retention deletes versions, so that is the operator's word.
set(CPACK_DEBIAN_ENGINE_PACKAGE_CONTROL_EXTRA
  "${packaging}/postinst;${packaging}/prerm;${packaging}/postrm")
set(CPACK_COMPONENT_ENGINE_DESCRIPTION "keeps machine-learning models right on a fleet of machines
modelfleet brings versioned model directories from a store to many hosts over
SSH: by deltas, verified, whole or not at all. It renders the configs that name
model paths, restarts the services that read them and watches whether they
live; a host whose service does not goes back by itself.

It reads inventories, playbooks and templates in Ansible's formats. Nothing is
installed on the hosts by hand, and they need no Python: a small static helper
puts itself there. This package has the helper for hosts of its own
architecture; modelfleet-node-helpers has those for others.")

set(machines ${MODELFLEET_FOREIGN_HELPERS})
list(REMOVE_ITEM machines ${MODELFLEET_MACHINE})
if(machines)
  list(APPEND CPACK_COMPONENTS_ALL helpers)
endif()
list(JOIN machines ", " machines)
set(CPACK_DEBIAN_HELPERS_PACKAGE_NAME modelfleet-node-helpers)
set(CPACK_DEBIAN_HELPERS_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_HELPERS_PACKAGE_DEPENDS "modelfleet (= ${version})")
set(CPACK_COMPONENT_HELPERS_DESCRIPTION "helpers of modelfleet for hosts of other architectures
modelfleet keeps machine-learning models right on a fleet of machines. It needs
no installation on the hosts: a static helper puts itself there. This package
has the helpers for hosts of other architectures than that of the machine which
modelfleet runs on: ${machines}.")

include(daemons)
modelfleet_daemon(model-sync-agent COMPONENT agent UNIT alpr-model-sync USER model-sync
  CONFIG model_sync.yaml MAN model-sync-agent.1 model_sync.yaml.5
  RULES scripts/polkit/alpr-model-sync.rules
  EXAMPLES scripts/systemd/alpr-pilot.service scripts/sudoers/alpr-model-sync
    scripts/systemd/alpr-model-sync-sudo.conf
  PAGES docs/agent.md
  RECOMMENDS "ca-certificates, polkitd" SUGGESTS "sudo"
  DESCRIPTION "fetches a device's models as a registry says
For devices that nobody reaches by SSH: the agent asks an MLflow registry, the
Hugging Face Hub or a directory which version of each model is meant for the
device, fetches and checks it, exchanges the files in one step and restarts the
pipeline that uses them. A pipeline that is not healthy afterwards gets its
former models back.

Its status is answered on a port of this machine, as JSON and for Prometheus.")

modelfleet_daemon(model-registryd COMPONENT registryd UNIT model-registryd USER model-registryd
  CONFIG model_registryd.yaml MAN model-registryd.1 model_registryd.yaml.5
  EXAMPLES docs/examples/Containerfile docs/examples/compose.yaml
  PAGES docs/registry.md docs/registry-stores.md docs/registry-files.md docs/registry-page.md
    docs/catalogue.md
  RECOMMENDS "ca-certificates, git" SUGGESTS "modelfleet, postgresql, sqlite3"
  DESCRIPTION "registry of machine-learning models as a service
Keeps which versions of which models there are, and which of them is in
production, behind a REST API: over a JSON file that people may edit, SQLite or
PostgreSQL. What was answered is on the disk, and several services may run over
one database.

It has a catalogue of the LiteRT models of the Hugging Face Hub, brought up to
date every day, and a page to look at models, versions and the fleet.")

modelfleet_daemon(model-cached COMPONENT cached UNIT model-cached USER model-cached
  CONFIG model_cache.yaml MAN model-cached.1 model_cache.yaml.5
  PAGES docs/cache.md
  RECOMMENDS "ca-certificates" SUGGESTS "libmodelcache0"
  DESCRIPTION "holds a host's machine-learning models in memory
Keeps the versions that a registry has in production in memory, once for all
processes of the host, and exchanges them while requests go on: a new version
is fetched and checked while the former one serves. What fails changes nothing,
and a restart or an absent registry serves what there was.

Programs get models through a Unix socket, people and monitoring ask by HTTP.")

include(library)
modelfleet_library()

install(FILES ${packaging}/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES CHANGELOG.md RENAME changelog DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}
  FILES_MATCHING PATTERN "*.md" PATTERN man EXCLUDE)
install(DIRECTORY inventory DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

include(CPack)
