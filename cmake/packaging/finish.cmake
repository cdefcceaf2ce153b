# SPDX-License-Identifier: Apache-2.0
# Run by CPack when the files of all packages are staged and none is packed yet. Adds what is
# Debian's alone, compresses manual pages and changelogs, and gives every file the date of the
# source ($SOURCE_DATE_EPOCH), so that the same source gives the same packages.
set(ENV{TZ} UTC)
set(ENV{LC_ALL} C)

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

if(DEFINED ENV{SOURCE_DATE_EPOCH})
  set(epoch $ENV{SOURCE_DATE_EPOCH})
else()
  string(TIMESTAMP epoch %s)
endif()
execute_process(COMMAND date -R -d @${epoch} OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)

set(stage ${CPACK_TEMPORARY_DIRECTORY})
set(engine ${stage}/engine/usr/share)
set(helpers ${stage}/helpers/usr/share)
set(maintainer ${CPACK_PACKAGE_CONTACT})
set(version ${CPACK_MODELFLEET_VERSION})
configure_file(${CPACK_MODELFLEET_PACKAGING}/changelog.in
  ${engine}/doc/modelfleet/changelog.Debian @ONLY)
configure_file(${CPACK_MODELFLEET_PACKAGING}/modelfleet.lintian
  ${engine}/lintian/overrides/modelfleet COPYONLY)
file(GLOB compressed ${engine}/man/man*/* ${engine}/doc/modelfleet/changelog*)
run(gzip -9n ${compressed})

if(IS_DIRECTORY ${stage}/helpers)
  configure_file(${CPACK_MODELFLEET_PACKAGING}/modelfleet-node-helpers.lintian
    ${helpers}/lintian/overrides/modelfleet-node-helpers COPYONLY)
  # The same version of modelfleet is there: its changelog and copyright are these, too.
  file(MAKE_DIRECTORY ${helpers}/doc)
  file(CREATE_LINK modelfleet ${helpers}/doc/modelfleet-node-helpers SYMBOLIC)
endif()

# Whatever umask the source was checked out with.
run(chmod -R u+rwX,go+rX,go-w ${stage})
run(find ${stage} -exec touch --no-dereference --date=@${epoch} {} +)
