# SPDX-License-Identifier: Apache-2.0
# Package files go below share/, because none of them depends on the architecture. With RAPTR_INSTALL=OFF the rules exist, so that a
# parent project can export targets that link raptr, but only `cmake --install BUILD --component raptr` executes them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(raptr_rules COMPONENT raptr)
if(NOT RAPTR_INSTALL)
  list(APPEND raptr_rules EXCLUDE_FROM_ALL)
endif()
set(raptr_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/raptr")
target_include_directories(raptr INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" ${raptr_rules} FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")

install(TARGETS raptr EXPORT raptr-targets)
install(EXPORT raptr-targets NAMESPACE raptr:: DESTINATION "${raptr_package_dir}" ${raptr_rules})
if(TARGET raptr_io)
  install(TARGETS raptr_io EXPORT raptr-io-targets)
  install(EXPORT raptr-io-targets NAMESPACE raptr:: DESTINATION "${raptr_package_dir}" ${raptr_rules})
endif()

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/raptr-config.cmake.in" "${PROJECT_BINARY_DIR}/raptr-config.cmake"
                              INSTALL_DESTINATION "${raptr_package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/raptr-config-version.cmake" COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/raptr-config.cmake" "${PROJECT_BINARY_DIR}/raptr-config-version.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/raptr-cuda.cmake" "${CMAKE_CURRENT_LIST_DIR}/raptr-eigen.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/raptr-mpi.cmake" "${CMAKE_CURRENT_LIST_DIR}/raptr-nccl.cmake"
        DESTINATION "${raptr_package_dir}" ${raptr_rules})

# raptr.pc locates the headers relative to itself, so the installed tree is relocatable and --prefix may differ from that of the
# configuration. An absolute folder stays where it is.
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_DATADIR}")
  set(raptr_pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
  file(RELATIVE_PATH raptr_pc_includedir "/prefix/${CMAKE_INSTALL_DATADIR}/pkgconfig" "/prefix/${CMAKE_INSTALL_INCLUDEDIR}")
  string(PREPEND raptr_pc_includedir "\${pcfiledir}/")
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/raptr.pc.in" "${PROJECT_BINARY_DIR}/raptr.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/raptr.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig" ${raptr_rules})
# Package files in an absolute folder cannot say where headers below a prefix are that is chosen later.
if(IS_ABSOLUTE "${CMAKE_INSTALL_DATADIR}" AND NOT IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  install(CODE "if(NOT CMAKE_INSTALL_PREFIX STREQUAL \"${CMAKE_INSTALL_PREFIX}\")
    message(FATAL_ERROR \"raptr: CMAKE_INSTALL_DATADIR is absolute (${CMAKE_INSTALL_DATADIR}) and CMAKE_INSTALL_INCLUDEDIR is not, so the prefix is \"
                        \"${CMAKE_INSTALL_PREFIX}, that of the configuration, and not \${CMAKE_INSTALL_PREFIX}: make both folders absolute, or neither\")
  endif()" ${raptr_rules})
endif()
