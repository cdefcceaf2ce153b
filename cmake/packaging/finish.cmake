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
set(maintainer ${CPACK_PACKAGE_CONTACT})
set(version ${CPACK_MODELFLEET_VERSION})

# A package with a changelog of its own: what is written for lintian, and what is compressed.
function(finish share package overrides)
  configure_file(${CPACK_MODELFLEET_PACKAGING}/changelog.in
    ${share}/doc/${package}/changelog.Debian @ONLY)
  configure_file(${CPACK_MODELFLEET_PACKAGING}/${overrides}
    ${share}/lintian/overrides/${package} COPYONLY)
  file(GLOB compressed ${share}/man/man*/* ${share}/doc/${package}/changelog*)
  run(gzip -9n ${compressed})
endfunction()

if(IS_DIRECTORY ${stage}/engine)
  finish(${stage}/engine/usr/share modelfleet modelfleet.lintian)
endif()

if(IS_DIRECTORY ${stage}/helpers)
  set(helpers ${stage}/helpers/usr/share)
  configure_file(${CPACK_MODELFLEET_PACKAGING}/modelfleet-node-helpers.lintian
    ${helpers}/lintian/overrides/modelfleet-node-helpers COPYONLY)
  # The same version of modelfleet is there: its changelog and copyright are these, too.
  file(MAKE_DIRECTORY ${helpers}/doc)
  file(CREATE_LINK modelfleet ${helpers}/doc/modelfleet-node-helpers SYMBOLIC)
endif()

# A daemon's example is what its configuration begins as.
foreach(daemon ${CPACK_MODELFLEET_DAEMONS})
  if(IS_DIRECTORY ${stage}/${daemon})
    set(package ${CPACK_MODELFLEET_${daemon}_PACKAGE})
    set(share ${stage}/${daemon}/usr/share)
    finish(${share} ${package} daemon/lintian)
    get_filename_component(config ${CPACK_MODELFLEET_${daemon}_CONFIG} NAME)
    configure_file(${share}/doc/${package}/examples/${config}
      ${stage}/${daemon}/etc/${CPACK_MODELFLEET_${daemon}_CONFIG} COPYONLY)
  endif()
endforeach()

if(IS_DIRECTORY ${stage}/modelcache)
  finish(${stage}/modelcache/usr/share libmodelcache0 library/lintian-runtime)
endif()
if(IS_DIRECTORY ${stage}/modelcachedev)
  finish(${stage}/modelcachedev/usr/share libmodelcache-dev library/lintian)
endif()

# Whatever umask the source was checked out with.
run(chmod -R u+rwX,go+rX,go-w ${stage})
run(find ${stage} -exec touch --no-dereference --date=@${epoch} {} +)
